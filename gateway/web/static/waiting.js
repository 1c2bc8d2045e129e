/** How much waits for the person, beside the link that leads to it. */

import { h, hidden } from "./dom.js";
import { number, ngettext } from "./i18n.js";

/** Show a number after ``link``, or none. ``more``: there are more than were counted. */
export function mark(link, count, more = false) {
  link.parentElement.querySelector(`:scope > [data-waits="${link.id || link.dataset.room || link.dataset.view}"]`)?.remove();
  if (!count) return;
  const shown = h("span", { "aria-hidden": "true" }, more ? `${number(count)}+` : number(count));
  const told = hidden(ngettext("%(count)s is waiting", "%(count)s are waiting", count));
  link.after(h("span", { class: "state part waiting", "data-waits": link.id || link.dataset.room || link.dataset.view }, shown, told));
}

/** Count the first page of a list, without a word where that fails: it is only a hint. */
export async function count(load) {
  const { items, next } = await load(null).catch(() => ({ items: [], next: null }));
  return [items.length, Boolean(next)];
}
