/** The list of a folder as an accessible data grid: arrow keys, selection, sorting. It knows rows, not drives or requests.

One cell is in the tab order at a time. Enter and clicks open; Space selects; what else a key means is told to the
owner by name (copy, move, rename, trash, folder, up), so that the list stays free of their meaning. Rows of entries
that did not change are kept, so that a long list can grow and be refreshed without losing anything.
*/

import { collator, ngettext, rtl } from "./i18n.js";
import { COLUMNS, mark, row as draw } from "./rows.js";

const SHORTCUTS = { c: "copy", m: "move", n: "folder", F2: "rename", Delete: "trash", Backspace: "up" };

const by = {
  given: () => 0, // as the drive ranks them
  name: (a, b) => collator.compare(a.name, b.name),
  size: (a, b) => (a.size ?? -1) - (b.size ?? -1) || by.name(a, b),
  modified: (a, b) => Date.parse(a.modified) - Date.parse(b.modified) || by.name(a, b),
};

/** Whether two tellings of an item say the same: then its row stays as it is, with its picture. */
const same = (a, b) => a === b || (a !== undefined && JSON.stringify(a) === JSON.stringify(b));

export class Grid {
  /** ``handlers``: open(entry), menu(entry, button), command(name), selected(entries), picture(entry). */
  constructor(table, body, handlers) {
    Object.assign(this, { table, body, handlers, entries: [], lines: new Map(), picked: new Set(), order: "name", down: false, at: [0, 1] });
    table.addEventListener("keydown", (event) => this.#key(event));
    table.addEventListener("keyup", (event) => event.key === " " && this.#selects(event.target) && event.preventDefault());
    body.addEventListener("focusin", (event) => this.#entered(event.target));
    for (const head of table.querySelectorAll("[data-sort]")) head.addEventListener("click", () => this.sort(head.dataset.sort));
  }

  /** Show entries; the selection and the place of the focus are kept where the same items are still there.
   * ``more``: others follow that are not known yet. ``ranked``: their order says something. */
  show(entries, { keep = false, more = false, ranked = false } = {}) {
    const had = this.body.contains(document.activeElement);
    const before = this.entries[this.at[0]]?.id;
    this.entries = [...entries];
    this.more = more;
    if (!keep) {
      this.picked.clear();
      this.lines.clear();
      this.at = [0, 1];
      this.order = ranked ? "given" : "name";
      this.down = false;
    }
    const known = new Map(entries.map((entry) => [entry.id, entry]));
    for (const id of this.picked) if (!known.has(id)) this.picked.delete(id);
    for (const [id, line] of this.lines) if (!same(known.get(id), line.entry)) this.lines.delete(id);
    this.#draw(keep ? before : undefined);
    if (had) this.#target(...this.at)?.focus({ preventScroll: keep });
    this.handlers.selected(this.selection, { quiet: keep });
  }

  get selection() {
    return this.picked.size ? this.entries.filter((entry) => this.picked.has(entry.id)) : [];
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

  /** Draw in order; ``stay``: the item whose row keeps the place of the focus. */
  #draw(stay) {
    const folder = (entry) => (entry.kind === "folder" && this.order !== "given" ? 0 : 1);
    const turn = this.down ? -1 : 1;
    this.entries.sort((a, b) => folder(a) - folder(b) || turn * by[this.order](a, b));
    const rows = this.entries.map((entry) => this.#line(entry));
    const same = rows.length === this.body.rows.length && rows.every((row, index) => row === this.body.rows[index]);
    if (!same) this.body.replaceChildren(...rows);
    this.table.setAttribute("aria-rowcount", this.more ? "-1" : String(rows.length + 1));
    for (const head of this.table.querySelectorAll("[data-sort]")) {
      if (head.dataset.sort === this.order) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.#settle(stay);
  }

  /** One cell is in the tab order: that of the item where the focus was, else the nearest. */
  #settle(stay) {
    for (const old of this.body.querySelectorAll('[tabindex="0"]')) old.tabIndex = -1;
    const found = stay === undefined ? -1 : this.entries.findIndex((entry) => entry.id === stay);
    const row = found >= 0 ? found : Math.min(this.at[0], Math.max(0, this.entries.length - 1));
    this.at = [row, this.at[1]];
    const first = this.#target(...this.at);
    if (first) first.tabIndex = 0;
  }

  #line(entry) {
    const known = this.lines.get(entry.id);
    if (known) return known.line;
    const line = draw(entry, this.handlers.picture(entry), {
      open: () => this.handlers.open(entry),
      menu: (button) => this.handlers.menu(entry, button),
      toggle: () => this.#toggle(entry.id),
    });
    if (this.picked.has(entry.id)) mark(line, true);
    this.lines.set(entry.id, { entry, line });
    return line;
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
    const known = this.lines.get(id);
    if (known) mark(known.line, chosen);
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
