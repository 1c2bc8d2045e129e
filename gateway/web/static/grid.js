/** The list of a folder as an accessible data grid: arrow keys, selection, sorting. It knows rows, not drives or requests.

One cell is in the tab order at a time. Enter and clicks open; Space selects; what else a key means is told to the
owner by name (copy, move, rename, trash, folder, up), so that the list stays free of their meaning.
*/

import { h, hidden, icon } from "./dom.js";
import { _, bytes, collator, day, moment, ngettext, rtl } from "./i18n.js";

const SHORTCUTS = { c: "copy", m: "move", n: "folder", F2: "rename", Delete: "trash", Backspace: "up" };
const COLUMNS = 5;

const by = {
  name: (a, b) => collator.compare(a.name, b.name),
  size: (a, b) => (a.size ?? -1) - (b.size ?? -1) || by.name(a, b),
  modified: (a, b) => Date.parse(a.modified) - Date.parse(b.modified) || by.name(a, b),
};

function officeOf(type) {
  if (/spreadsheet|ms-excel|csv/.test(type)) return "sheet";
  if (/presentation|ms-powerpoint/.test(type)) return "slides";
  return /wordprocessing|msword|opendocument.text|google-apps.document/.test(type) ? "document" : null;
}

/** The picture and the word for what an entry is. */
export function kindOf(entry) {
  if (entry.kind === "folder") return ["folder", _("Folder")];
  const office = officeOf(entry.media_type);
  if (entry.kind === "document") return [office ?? "document", _("Online document")];
  if (entry.kind === "shortcut") return ["shortcut", _("Shortcut")];
  if (entry.kind === "package") return ["package", _("Notebook or package")];
  const media = entry.media_type.split("/")[0];
  if (entry.media_type === "application/pdf") return ["pdf", _("PDF")];
  if (media === "image") return ["image", _("Picture")];
  if (media === "audio") return ["audio", _("Sound")];
  if (media === "video") return ["video", _("Film")];
  return [office ?? "file", _("File")];
}

export class Grid {
  /** ``handlers``: open(entry), menu(entry, button), command(name), selected(entries). */
  constructor(table, body, handlers) {
    Object.assign(this, { table, body, handlers, entries: [], picked: new Set(), order: "name", down: false, at: [0, 1] });
    table.addEventListener("keydown", (event) => this.#key(event));
    table.addEventListener("keyup", (event) => event.key === " " && this.#selects(event.target) && event.preventDefault());
    body.addEventListener("focusin", (event) => this.#entered(event.target));
    for (const head of table.querySelectorAll("[data-sort]")) head.addEventListener("click", () => this.sort(head.dataset.sort));
  }

  /** Show entries; the selection and the place of the focus are kept where the same items are still there. */
  show(entries, { keep = false } = {}) {
    const had = this.body.contains(document.activeElement);
    this.entries = [...entries];
    if (!keep) {
      this.picked.clear();
      this.at = [0, 1];
    }
    const ids = new Set(entries.map((entry) => entry.id));
    for (const id of this.picked) if (!ids.has(id)) this.picked.delete(id);
    this.#draw();
    if (had) this.focus();
    this.handlers.selected(this.selection);
  }

  get selection() {
    return this.entries.filter((entry) => this.picked.has(entry.id));
  }

  /** What a command is about: the selection, or else the row that has the focus. */
  get subjects() {
    const chosen = this.selection;
    const row = this.body.contains(document.activeElement) ? this.entries[this.at[0]] : undefined;
    return chosen.length ? chosen : row ? [row] : [];
  }

  sort(column) {
    this.down = this.order === column ? !this.down : false;
    this.order = column;
    this.#draw();
  }

  clear() {
    for (const id of [...this.picked]) this.#mark(id, false);
    this.handlers.selected(this.selection);
  }

  focus() {
    this.#target(...this.at)?.focus();
  }

  /** Put the focus on the row of this item, if it is shown. */
  focusItem(id) {
    const row = this.entries.findIndex((entry) => entry.id === id);
    if (row >= 0) this.#go(row, 1);
  }

  #draw() {
    const folder = (entry) => (entry.kind === "folder" ? 0 : 1);
    const turn = this.down ? -1 : 1;
    this.entries.sort((a, b) => folder(a) - folder(b) || turn * by[this.order](a, b));
    this.body.replaceChildren(...this.entries.map((entry) => this.#row(entry)));
    this.table.setAttribute("aria-rowcount", String(this.entries.length + 1));
    for (const head of this.table.querySelectorAll("[data-sort]")) {
      if (head.dataset.sort === this.order) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.at = [Math.min(this.at[0], Math.max(0, this.entries.length - 1)), this.at[1]];
    const first = this.#target(...this.at);
    if (first) first.tabIndex = 0;
  }

  #row(entry) {
    const [kind, word] = kindOf(entry);
    const chosen = this.picked.has(entry.id);
    const box = h("input", { type: "checkbox", tabindex: "-1", "aria-label": _("Select %(name)s", { name: entry.name }), onchange: () => this.#toggle(entry.id) });
    box.checked = chosen;
    const name = h(
      "button",
      { type: "button", class: "entry", tabindex: "-1", title: entry.name, onclick: () => this.handlers.open(entry) },
      h("span", { class: `kind kind-${kind}`, "aria-hidden": "true" }),
      h("span", { class: "label" }, entry.name),
      hidden(`, ${word}`),
      entry.flags.includes("malware") ? h("span", { class: "flag" }, _("Harmful")) : null,
      entry.flags.includes("dangling") ? h("span", { class: "flag" }, _("Target is gone")) : null,
    );
    const more = h(
      "button",
      { type: "button", class: "more", tabindex: "-1", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.handlers.menu(entry, more) },
      icon("more"),
      hidden(_("Actions for %(name)s", { name: entry.name })),
    );
    const size = entry.size === null || entry.size === undefined ? "–" : bytes(entry.size);
    const cell = (css, attributes, ...inner) => h("td", { role: "gridcell", class: css, ...attributes }, ...inner);
    return h(
      "tr",
      { "data-id": entry.id, "aria-selected": String(chosen) },
      cell("c-pick", {}, h("label", {}, box)),
      cell("c-name", {}, name),
      cell("c-size", { tabindex: "-1" }, entry.kind === "folder" ? "" : size),
      cell("c-when", { tabindex: "-1", title: moment(entry.modified) }, day(entry.modified)),
      cell("c-more", {}, more),
    );
  }

  #target(row, column) {
    const cell = this.body.rows[row]?.cells[column];
    return cell?.querySelector("input, button") ?? cell;
  }

  #go(row, column) {
    const line = Math.min(this.entries.length - 1, Math.max(0, row));
    const step = column < this.at[1] ? -1 : 1;
    let place = Math.min(COLUMNS - 1, Math.max(0, column));
    // Narrow screens leave columns out: go on to the next one that is shown.
    while (this.#target(line, place)?.offsetParent === null) place += step;
    const target = this.#target(line, place);
    if (!target) return;
    target.focus();
    target.scrollIntoView({ block: "nearest" });
  }

  #entered(target) {
    const cell = target.closest("td");
    if (!cell) return;
    const old = this.#target(...this.at);
    if (old) old.tabIndex = -1;
    this.at = [cell.parentElement.sectionRowIndex, cell.cellIndex];
    this.#target(...this.at).tabIndex = 0;
  }

  #mark(id, chosen) {
    if (chosen) this.picked.add(id);
    else this.picked.delete(id);
    const row = [...this.body.rows].find((candidate) => candidate.dataset.id === id);
    if (!row) return;
    row.setAttribute("aria-selected", String(chosen));
    row.querySelector("input").checked = chosen;
  }

  #toggle(id) {
    this.#mark(id, !this.picked.has(id));
    this.handlers.selected(this.selection);
  }

  #key(event) {
    if (!this.body.contains(event.target) || event.altKey || (event.key === " " && !this.#selects(event.target))) return;
    const [row, column] = this.at;
    const ahead = rtl ? -1 : 1;
    const control = event.ctrlKey || event.metaKey;
    const keys = {
      ArrowDown: () => this.#go(row + 1, column),
      ArrowUp: () => this.#go(row - 1, column),
      ArrowRight: () => this.#go(row, column + ahead),
      ArrowLeft: () => this.#go(row, column - ahead),
      PageDown: () => this.#go(row + 10, column),
      PageUp: () => this.#go(row - 10, column),
      Home: () => this.#go(control ? 0 : row, control ? column : 0),
      End: () => this.#go(control ? this.entries.length - 1 : row, control ? column : COLUMNS - 1),
      " ": () => this.#toggle(this.entries[row].id),
      Escape: () => this.clear(),
    };
    if (control && event.key.toLowerCase() === "a") this.#all();
    else if (keys[event.key]) keys[event.key]();
    else if (!control && SHORTCUTS[event.key.length === 1 ? event.key.toLowerCase() : event.key]) {
      this.handlers.command(SHORTCUTS[event.key.length === 1 ? event.key.toLowerCase() : event.key]);
    } else return;
    event.preventDefault();
  }

  /** Space selects everywhere in a row but on the button that opens its menu. */
  #selects(target) {
    return this.body.contains(target) && !target.closest(".more");
  }

  #all() {
    for (const entry of this.entries) this.#mark(entry.id, true);
    this.handlers.selected(this.selection);
  }
}

/** "3 selected" in words. */
export const countWords = (count) => ngettext("%(count)s selected", "%(count)s selected", count);
