/** A list that is read page by page: the first at once, the next ones when they are asked for. */

import { words } from "./api.js";
import { h, say } from "./dom.js";
import { _, ngettext } from "./i18n.js";

const EMPTY = 20; // pages without anything in them that are read in one go: the next may have something

async function read(load, cursor) {
  let page = await load(cursor);
  for (let tries = 0; !page.items.length && page.next && tries < EMPTY; tries += 1) page = await load(page.next);
  return page;
}

/** Fill ``box``. ``load(cursor)``: {items, next}; ``draw(items)``: a node of all so far; ``nothing``: said of none. */
export async function paged(box, load, draw, nothing) {
  let found = await read(load, null);
  const items = [...found.items];
  const shown = h("div", { tabindex: "-1" });
  const problem = h("p", { class: "problem", role: "alert" });
  const more = h("button", { type: "button", class: "button", onclick: () => next() }, _("Show more"));
  const foot = h("div", {}, problem, more);
  const fill = () => {
    shown.replaceChildren(items.length ? draw(items) : h("p", { class: "quiet" }, nothing));
    foot.hidden = !found.next;
  };
  const next = async () => {
    problem.textContent = "";
    more.setAttribute("aria-disabled", "true");
    try {
      found = await read(load, found.next);
      items.push(...found.items);
      fill();
      say(ngettext("%(count)s more is shown.", "%(count)s more are shown.", found.items.length));
      if (!found.next) shown.focus();
    } catch (error) {
      problem.textContent = words(error);
    } finally {
      more.removeAttribute("aria-disabled");
    }
  };
  fill();
  box.replaceChildren(shown, foot);
}
