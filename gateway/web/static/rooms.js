/** A view of several rooms, one shown at a time. Links lead there, so that Back and a reload find the same one again. */

import { attempt } from "./dialogs.js";
import { h } from "./dom.js";

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
    const box = this.root.querySelector(`[data-panel-of="${name}"]`);
    if (!box.firstChild) box.append(slow());
    await attempt(() => this.draw[name](box, rest));
    if (focus) (box.querySelector("h2, h3") ?? box).focus();
  }
}

/** A card: a heading that can be focused, and what is in it. */
export function card(title, ...content) {
  return h("section", { class: "card", "aria-label": title }, h("h3", { tabindex: "-1" }, title), ...content);
}
