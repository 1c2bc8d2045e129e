/** A view of several rooms, one shown at a time. Links lead there, so that Back and a reload find the same one again. */

import { words } from "./api.js";
import { toast } from "./dialogs.js";
import { h } from "./dom.js";
import { _ } from "./i18n.js";

const slow = () => h("p", { class: "quiet", role: "status" }, "…");

export class Rooms {
  /** ``root``: holds links [data-room] and panels [data-panel-of]; ``draw``: by room, (box, rest) → promise. */
  constructor(root, draw) {
    this.root = root;
    this.draw = draw;
    this.shown = "";
  }

  get first() {
    return [...this.root.querySelectorAll("[data-room]")].find((link) => !link.closest("[hidden]")).dataset.room;
  }

  /** Show a room, "incidents" or "incidents/ID", drawn anew; the focus goes to its heading where ``focus``. */
  async show(part, focus) {
    const [wanted, ...rest] = part.split("/");
    const name = this.draw[wanted] ? wanted : this.first;
    this.shown = name === wanted ? part : name;
    for (const link of this.root.querySelectorAll("[data-room]")) {
      if (link.dataset.room === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    for (const panel of this.root.querySelectorAll("[data-panel-of]")) panel.hidden = panel.dataset.panelOf !== name;
    const panel = this.root.querySelector(`[data-panel-of="${name}"]`);
    const turn = (this.turn = Symbol(name));
    const fixed = "fixed" in panel.dataset; // its frame is in the page already
    const box = fixed ? panel : h("div", { class: "room" });
    if (!panel.firstChild) panel.append(slow());
    await this.draw[name](box, rest)?.catch((error) => this.failed(fixed ? null : box, error, part));
    if (turn !== this.turn) return; // they went on in the meantime
    if (!fixed) panel.replaceChildren(box);
    if (focus) (box.querySelector("h2, h3") ?? panel).focus();
  }

  /** Why a room cannot be shown, and a way to try again. */
  failed(box, error, part) {
    if (error.status === 401) return; // that is asked about elsewhere
    if (!box) return void toast(words(error));
    const again = h("button", { type: "button", class: "button", onclick: () => this.show(part, true) }, _("Try again"));
    box.replaceChildren(h("section", { class: "card" }, h("p", { role: "alert", class: "problem" }, words(error)), again));
  }
}

/** A card: a heading that can be focused, and what is in it. */
export function card(title, ...content) {
  return h("section", { class: "card", "aria-label": title }, h("h3", { tabindex: "-1" }, title), ...content);
}
