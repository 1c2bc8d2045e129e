/** One side of the page: a drive, a folder in it, and what can be done there. What reaches both sides is the app's. */

import { api, words } from "./api.js";
import { askName, askSure, attempt, toast } from "./dialogs.js";
import { h, parts, say } from "./dom.js";
import { Grid, countWords } from "./grid.js";
import { _, ngettext } from "./i18n.js";
import { showMenu } from "./menu.js";

const ways = new Map(); // drive/folder → its steps below the drive; kept in memory only, as they hold names
const AT_ONCE = 1000; // entries read without asking; a person who wants more says so

/** The steps from a drive down to a folder, for an address that was opened afresh. */
async function wayTo(drive, item) {
  const root = await api.item(drive, "root");
  const steps = [];
  for (let id = item; id; ) {
    const one = await api.item(drive, id);
    if (one.id === root.id) break;
    steps.unshift({ id: one.id, name: one.name });
    id = one.parent;
  }
  ways.set(`${drive}/${item}`, steps);
  return steps;
}

export class Pane {
  /** ``house``: transfer(pane, mode, entries), upload(pane, files), reconnect(drive), confirm(drive), went(). */
  constructor(root, house) {
    Object.assign(this, { root, house, drive: null, path: [], entries: [], next: null, reading: null, visits: 0 });
    this.side = root.dataset.side;
    this.part = parts(root);
    this.grid = new Grid(this.part.grid, this.part.rows, {
      open: (entry) => this.open(entry),
      menu: (entry, button) => this.#menu(entry, button),
      command: (name) => this.command(name),
      selected: (entries) => this.#selected(entries),
    });
    root.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) this.command(act);
    });
    this.part.drive.addEventListener("change", () => this.#choose(this.house.drive(this.part.drive.value)));
    this.part.files.addEventListener("change", () => {
      this.#upload(this.part.files.files);
      this.part.files.value = "";
    });
    this.part.same?.addEventListener("click", () => this.#choose(this.house.drives()[0]).then(() => this.part.drive.focus()));
    this.#wireDrop(this.part.drop);
  }

  get folder() {
    return this.path.at(-1) ?? { id: "root", name: "" };
  }

  /** The drive and folder by name, for sentences. */
  get place() {
    return this.path.map((step) => step.name).join(" › ");
  }

  /** Offer these drives; stay where we are if that is still possible. ``asked`` {drive, item}: where to begin. */
  offer(drives, wanted, asked) {
    const options = drives.map((drive) => h("option", { value: drive.id }, this.house.title(drive)));
    this.part.drive.replaceChildren(...options);
    if (this.part.invite && !this.drive && !asked && drives.every((drive) => drive.kind === "native")) return this.#invite(true);
    const chosen = drives.find((drive) => drive.id === (this.drive?.id ?? wanted)) ?? drives.find((drive) => drive.state === "ready");
    if (!chosen) return undefined;
    if (!this.drive && drives.some((drive) => drive.id === asked?.drive)) return this.visit(asked);
    this.part.drive.value = chosen.id;
    const changed = chosen.id !== this.drive?.id || chosen.state !== this.drive?.state;
    return changed ? this.use(chosen) : undefined;
  }

  /** Nothing is connected yet: say how, instead of showing the one drive twice. */
  #invite(shown) {
    this.root.classList.toggle("inviting", shown);
    this.part.invite.hidden = !shown;
  }

  async use(drive, steps = []) {
    if (this.part.invite) this.#invite(false);
    this.visits += 1;
    this.drive = drive;
    this.part.drive.value = drive.id;
    this.path = [{ id: "root", name: this.house.kind(drive) }, ...steps];
    await this.load();
  }

  /** Go where the address says, {drive, item}; a drive or folder that is gone leaves the person at its nearest. */
  async visit({ drive: id, item }) {
    const drive = this.house.drive(id);
    if (!drive || (this.drive?.id === id && this.folder.id === item)) return;
    this.visits += 1;
    const visit = this.visits;
    const known = item === "root" || drive.state !== "ready" ? [] : ways.get(`${id}/${item}`);
    const steps = known ?? (await attempt(() => wayTo(id, item))) ?? [];
    if (visit === this.visits) await this.use(drive, steps);
  }

  /** What a person did that leads elsewhere: a step of the history. */
  #choose(drive) {
    const done = this.use(drive);
    this.house.went();
    return done;
  }

  /** Read the folder that is shown, from the start. */
  async load({ keep = false } = {}) {
    this.reading?.abort();
    this.reading = new AbortController();
    this.#crumbs();
    this.#notice();
    if (!keep) this.#blank();
    if (this.drive.state !== "ready") return this.#asleep();
    this.entries = [];
    this.next = null;
    return this.#read(this.reading.signal, keep);
  }

  async #read(signal, keep) {
    const seen = new Set(this.entries.map((entry) => entry.id));
    const goal = this.entries.length + AT_ONCE;
    this.part.rows.setAttribute("aria-busy", "true");
    try {
      let complete = true;
      do {
        const page = await api.children(this.drive.id, this.folder.id, this.next, signal);
        for (const entry of page.items) {
          if (!seen.has(entry.id)) this.entries.push(entry);
          seen.add(entry.id);
        }
        this.next = page.next ?? null;
        complete &&= page.complete;
      } while (this.next && this.entries.length < goal);
      this.grid.show(this.entries, { keep });
      this.#after(complete);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.grid.show([]);
      this.part.empty.hidden = true;
      this.#notice(words(error), error.body?.reconnect ? [_("Connect again"), () => this.house.reconnect(this.drive)] : [_("Try again"), () => this.load()], true);
    } finally {
      this.part.rows.removeAttribute("aria-busy");
    }
  }

  #after(complete) {
    this.part.empty.hidden = this.entries.length > 0;
    this.part.empty.replaceChildren(h("p", {}, _("This folder is empty.")), h("p", { class: "quiet" }, _("Drop files here, or use Upload.")));
    say(ngettext("%(count)s item", "%(count)s items", this.entries.length), 2000);
    if (this.next) this.#notice(_("This folder is large. Only its first items are shown."), [_("Show more"), () => this.#read(this.reading.signal, true)]);
    else if (!complete) this.#notice(_("The drive left some items out of this list. Open the folder in the drive itself to see all of them."));
  }

  #asleep() {
    if (this.drive.state === "unconfirmed") this.#notice(_("This account is connected, but not confirmed yet."), [_("Confirm"), () => this.house.confirm(this.drive)]);
    else this.#notice(_("The connection to this drive has ended. Connect it again."), [_("Connect again"), () => this.house.reconnect(this.drive)]);
  }

  #blank() {
    this.grid.show([]);
    this.part.empty.hidden = false;
    this.part.empty.replaceChildren(h("p", {}, this.drive.state === "ready" ? _("Loading…") : ""));
  }

  #notice(text, action, bad = false) {
    this.part.notice.classList.toggle("bad", bad);
    this.part.notice.replaceChildren(...(text ? [h("p", {}, text)] : []));
    if (text && action) this.part.notice.append(h("button", { type: "button", class: "button", onclick: action[1] }, action[0]));
  }

  #crumbs() {
    const last = this.path.length - 1;
    const steps = this.path.map((step, index) =>
      h("li", {}, index === last ? h("span", { "aria-current": "location" }, step.name) : h("button", { type: "button", onclick: () => this.#climb(index) }, step.name)),
    );
    this.part.crumbs.replaceChildren(...steps);
  }

  async #climb(index) {
    const left = this.path[index + 1];
    this.path.length = index + 1;
    this.visits += 1;
    this.house.went();
    await this.load();
    if (left) this.grid.focusItem(left.id);
  }

  /** Notebooks, forms and what may not be read have no bytes to show or carry: only the drive's own page opens them. */
  #closed(entry) {
    return entry.kind !== "folder" && (entry.kind === "package" || (entry.kind === "document" && !entry.exports.length) || !entry.may.includes("read"));
  }

  /** Folders open here, all else in a new tab. */
  async open(entry, format) {
    if (entry.kind === "folder") {
      this.path.push({ id: entry.id, name: entry.name });
      ways.set(`${this.drive.id}/${entry.id}`, this.path.slice(1));
      this.visits += 1;
      this.house.went();
      await this.load();
      return this.entries.length ? this.grid.focus() : this.root.querySelector('[data-act="upload"]').focus();
    }
    if (this.#closed(entry)) return toast(_("%(name)s can be opened only in the drive itself.", { name: entry.name }));
    const choice = format ?? entry.exports[0]?.id;
    return window.open(api.content(entry, { format: choice }), "_blank", "noopener");
  }

  #menu(entry, button) {
    const may = (right) => !entry.may.includes(right);
    const closed = this.#closed(entry);
    const readable = !closed && (entry.kind === "file" || entry.kind === "document");
    const download = () => {
      const link = h("a", { href: api.content(entry, { format: entry.exports[0]?.id, download: true }), download: "" });
      link.click();
    };
    const choices = [
      closed ? null : { label: _("Open"), run: () => this.open(entry) },
      ...(closed ? [] : entry.exports).map((one) => ({ label: _("Open as %(format)s", { format: one.suffix.replace(".", "").toUpperCase() }), run: () => this.open(entry, one.id) })),
      readable ? { label: _("Download"), run: download } : null,
      { label: _("Rename"), off: may("write"), run: () => this.#rename(entry) },
      closed ? null : { label: _("Copy to the other side"), off: may("read"), run: () => this.house.transfer(this, "copy", [entry]) },
      closed ? null : { label: _("Move to the other side"), off: may("move"), run: () => this.house.transfer(this, "move", [entry]) },
      { label: _("Delete"), off: may("trash"), run: () => this.#trash([entry]) },
    ].filter(Boolean);
    showMenu(button, _("Actions for %(name)s", { name: entry.name }), choices);
  }

  #selected(entries) {
    this.part.selection.hidden = entries.length === 0;
    const words = countWords(entries.length);
    this.part.count.textContent = words;
    if (entries.length) say(words);
  }

  /** What a key or a button asks for, by name. */
  command(name) {
    const subjects = this.grid.subjects;
    const ready = this.drive?.state === "ready";
    const commands = {
      refresh: () => this.drive && this.load({ keep: true }),
      clear: () => this.grid.clear(),
      up: () => this.path.length > 1 && this.#climb(this.path.length - 2),
      upload: () => ready && this.part.files.click(),
      folder: () => ready && this.#folder(),
      rename: () => subjects.length === 1 && this.#rename(subjects[0]),
      trash: () => subjects.length && this.#trash(subjects),
      copy: () => subjects.length && this.house.transfer(this, "copy", subjects),
      move: () => subjects.length && this.house.transfer(this, "move", subjects),
    };
    return commands[name]?.();
  }

  async #folder() {
    const { drive, folder } = this;
    const made = await askName(_("New folder"), _("Create"), (name) => api.folder(drive.id, folder.id, name));
    if (!made) return;
    await attempt(async () => {
      await this.house.changed(this.drive.id);
      this.grid.focusItem(made.id);
      say(_("%(name)s was created.", { name: made.name }));
    });
  }

  async #rename(entry) {
    const change = (name) => (name === entry.name ? entry : api.change(entry, { name }));
    const now = await askName(_("Rename"), _("Rename"), change, entry.name);
    if (!now || now === entry) return;
    await attempt(async () => {
      await this.house.changed(this.drive.id);
      this.grid.focusItem(now.id);
      say(_("Renamed to %(name)s.", { name: now.name }));
    });
  }

  async #trash(entries) {
    const title = entries.length === 1 ? _("Delete %(name)s?", { name: entries[0].name }) : ngettext("Delete %(count)s item?", "Delete %(count)s items?", entries.length);
    const text = this.drive.kind === "native" ? _("It goes to the trash of your school's drive.") : _("It goes to the trash of %(drive)s, where you can bring it back for a while.", { drive: this.house.kind(this.drive) });
    if (!(await askSure(title, text, _("Move to the trash"), { danger: true }))) return;
    let gone = 0;
    for (const entry of entries) if (await attempt(() => api.trash(entry))) gone += 1;
    await this.house.changed(this.drive.id);
    if (gone) say(ngettext("%(count)s item was moved to the trash.", "%(count)s items were moved to the trash.", gone));
    this.grid.focus();
  }

  #upload(files) {
    if (files.length && this.drive?.state === "ready") this.house.upload(this, [...files]);
  }

  #wireDrop(zone) {
    let depth = 0;
    const carries = (event) => event.dataTransfer?.types.includes("Files") && this.drive?.state === "ready";
    const mark = () => zone.classList.toggle("dropping", depth > 0);
    zone.addEventListener("dragenter", (event) => {
      if (!carries(event)) return;
      depth += 1;
      mark();
    });
    zone.addEventListener("dragleave", () => {
      depth = Math.max(0, depth - 1);
      mark();
    });
    zone.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    zone.addEventListener("drop", (event) => {
      depth = 0;
      mark();
      if (!carries(event)) return;
      event.preventDefault();
      // Folders arrive as entries without bytes; only files can be read this way.
      const files = [...event.dataTransfer.items].filter((one) => one.webkitGetAsEntry?.()?.isFile ?? true).map((one) => one.getAsFile());
      this.#upload(files.filter(Boolean));
    });
  }
}
