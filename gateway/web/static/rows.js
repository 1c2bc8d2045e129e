/** How one entry looks in the list: a row of cells. Knows how to draw, not what a click means. */

import { h, hidden, icon } from "./dom.js";
import { kindOf, notes } from "./facts.js";
import { _, bytes, day, moment } from "./i18n.js";
import { pictured } from "./pictures.js";

export const COLUMNS = 5;

/** ``on``: open(), menu(button), toggle(); ``src``: where a small picture of it may be, or null. */
export function row(entry, src, on) {
  const box = h("input", { type: "checkbox", tabindex: "-1", "aria-label": _("Select %(name)s", { name: entry.name }), onchange: on.toggle });
  const more = h(
    "button",
    { type: "button", class: "more", tabindex: "-1", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => on.menu(more) },
    icon("more"),
    hidden(_("Actions for %(name)s", { name: entry.name })),
  );
  const size = entry.size === null || entry.size === undefined ? "–" : bytes(entry.size);
  const cell = (css, attributes, ...inner) => h("td", { role: "gridcell", class: css, ...attributes }, ...inner);
  return h(
    "tr",
    { "data-id": entry.id, "aria-selected": "false" },
    cell("c-pick", {}, h("label", {}, box)),
    cell("c-name", {}, name(entry, src, on.open)),
    cell("c-size", { tabindex: "-1" }, entry.kind === "folder" ? "" : size),
    cell("c-when", { tabindex: "-1", title: moment(entry.modified) }, day(entry.modified)),
    cell("c-more", {}, more),
  );
}

function name(entry, src, open) {
  const [kind, word] = kindOf(entry);
  const told = notes(entry);
  const lines = told.map((note) => h("span", { class: `note-line ${note.tone}` }, note.tone ? icon("warning") : null, note.words));
  const kindTold = told.some((note) => note.words === word) ? null : hidden(`, ${word}`);
  const separated = lines.flatMap((line) => [hidden(", "), line]);
  return h(
    "button",
    { type: "button", class: "entry", tabindex: "-1", title: entry.name, onclick: open },
    pictured(entry, kind, src),
    h("span", { class: "text" }, h("span", { class: "label" }, entry.name), kindTold, separated.length ? h("span", { class: "notes" }, separated) : null),
  );
}

/** Show in a row whether it is selected. */
export function mark(line, chosen) {
  line.setAttribute("aria-selected", String(chosen));
  line.querySelector("input").checked = chosen;
}
