/** What a person does with what a pane shows: open, rename, delete, restore, older versions, formats; by click or key. */

import { api } from "./api.js";
import { askName, askSure, attempt, toast } from "./dialogs.js";
import { h, say } from "./dom.js";
import { closed } from "./facts.js";
import { askFormat } from "./formats.js";
import { _, ngettext } from "./i18n.js";
import { showMenu } from "./menu.js";
import { showVersions } from "./versions.js";

const show = (address) => window.open(address, "_blank", "noopener");

function download(address) {
  h("a", { href: address, download: "" }).click();
}

export class Actions {
  constructor(pane, house) {
    Object.assign(this, { pane, house });
  }

  get #trash() {
    return this.pane.folder.list?.kind === "trash";
  }

  /** Folders open here, all else in a new tab: a document in the format that the school set. */
  async open(entry) {
    if (this.#trash) return toast(_("%(name)s is in the trash. Restore it to open it.", { name: entry.name }));
    const why = closed(entry);
    if (why) return toast(why[1]);
    if (entry.kind === "folder") return this.pane.enter(entry);
    if (entry.kind === "shortcut") return attempt(() => this.#follow(entry));
    return show(api.content(entry));
  }

  /** Where a shortcut leads to, which only looking tells. */
  async #follow(shortcut) {
    const found = await api.item(shortcut.drive, shortcut.id);
    const why = closed(found);
    if (why) return toast(why[1]);
    const target = found.target ? await api.item(shortcut.drive, found.target) : found;
    if (target.kind === "folder") return this.pane.enter(target);
    const shut = closed(target);
    return shut ? toast(shut[1]) : show(api.content(target));
  }

  menu(entry, button) {
    const choices = this.#trash ? this.#binned(entry) : this.#choices(entry);
    showMenu(button, _("Actions for %(name)s", { name: entry.name }), choices.filter(Boolean));
  }

  #binned(entry) {
    return [
      this.pane.drive.can.includes("restore") ? { label: _("Restore"), run: () => this.#restore([entry]) } : null,
      { label: _("Delete for good"), off: !entry.may.includes("delete"), run: () => this.#purge([entry]) },
    ];
  }

  #choices(entry) {
    const lacks = (right) => !entry.may.includes(right);
    const shut = Boolean(closed(entry));
    const file = !shut && entry.kind === "file";
    const document = !shut && entry.kind === "document";
    const { can } = this.pane.drive;
    return [
      shut ? null : { label: _("Open"), run: () => this.open(entry) },
      document ? { label: _("Open or download as…"), run: () => this.#as(entry) } : null,
      file ? { label: _("Download"), run: () => download(api.content(entry, { download: true })) } : null,
      file && can.includes("versions") ? { label: _("Versions…"), run: () => attempt(() => showVersions(entry)) } : null,
      { label: _("Rename"), off: lacks("write"), run: () => this.#rename(entry) },
      shut ? null : { label: _("Copy to the other side"), off: lacks("read"), run: () => this.house.transfer(this.pane, "copy", [entry]) },
      shut ? null : { label: _("Move to the other side"), off: lacks("move"), run: () => this.house.transfer(this.pane, "move", [entry]) },
      { label: _("Delete"), off: lacks("trash"), run: () => this.#bin([entry]) },
    ];
  }

  async #as(entry) {
    const chosen = await askFormat(entry);
    if (!chosen) return;
    const address = api.content(entry, { format: chosen.format, download: chosen.how === "download" });
    if (chosen.how === "download") download(address);
    else show(address);
  }

  /** What a key or a button asks for, by name. */
  command(name) {
    const { pane, house } = this;
    const subjects = pane.grid.subjects;
    const some = subjects.length > 0;
    const commands = {
      refresh: () => pane.drive && pane.load({ keep: true }),
      clear: () => pane.grid.clear(),
      up: () => pane.up(),
      pick: () => house.pick(pane.drive),
      upload: () => pane.takes && pane.part.files.click(),
      folder: () => pane.takes && this.#folder(),
      restore: () => some && this.#trash && this.#restore(subjects),
      trash: () => some && (this.#trash ? this.#purge(subjects) : this.#bin(subjects)),
      rename: () => subjects.length === 1 && !this.#trash && this.#rename(subjects[0]),
      copy: () => some && !this.#trash && house.transfer(pane, "copy", subjects),
      move: () => some && !this.#trash && house.transfer(pane, "move", subjects),
    };
    return commands[name]?.();
  }

  async #folder() {
    const { drive, folder } = this.pane;
    const made = await askName(_("New folder"), _("Create"), (name) => api.folder(drive.id, folder.id, name));
    if (made) await this.#told(made, _("%(name)s was created.", { name: made.name }));
  }

  async #rename(entry) {
    const change = (name) => (name === entry.name ? entry : api.change(entry, { name }));
    const now = await askName(_("Rename"), _("Rename"), change, entry.name);
    if (now && now !== entry) await this.#told(now, _("Renamed to %(name)s.", { name: now.name }));
  }

  #told(item, text) {
    return attempt(async () => {
      await this.house.changed(this.pane.drive.id);
      this.pane.grid.focusItem(item.id);
      say(text);
    });
  }

  async #bin(entries) {
    const { drive } = this.pane;
    const title = entries.length === 1 ? _("Delete %(name)s?", { name: entries[0].name }) : ngettext("Delete %(count)s item?", "Delete %(count)s items?", entries.length);
    const text = drive.kind === "native" ? _("It goes to the trash of your school's drive. You can restore it from there for a while.") : _("It goes to the trash of %(drive)s, where you can bring it back for a while.", { drive: this.house.kind(drive) });
    if (!(await askSure(title, text, _("Move to the trash"), { danger: true }))) return;
    const gone = await this.#each(entries, api.trash);
    if (gone) say(ngettext("%(count)s item was moved to the trash.", "%(count)s items were moved to the trash.", gone));
  }

  async #restore(entries) {
    const back = await this.#each(entries, api.restore);
    if (back) say(ngettext("%(count)s item is back where it was.", "%(count)s items are back where they were.", back));
  }

  async #purge(entries) {
    const title = entries.length === 1 ? _("Delete %(name)s for good?", { name: entries[0].name }) : ngettext("Delete %(count)s item for good?", "Delete %(count)s items for good?", entries.length);
    if (!(await askSure(title, _("Nobody can bring it back after this."), _("Delete for good"), { danger: true }))) return;
    const gone = await this.#each(entries, api.purge);
    if (gone) say(ngettext("%(count)s item was deleted for good.", "%(count)s items were deleted for good.", gone));
  }

  /** Do it with each, then show what is left; with how many it worked. */
  async #each(entries, act) {
    let done = 0;
    for (const entry of entries) done += (await attempt(async () => (await act(entry), true))) ? 1 : 0;
    await this.house.changed(this.pane.drive.id);
    if (this.pane.entries.length) this.pane.grid.focus();
    else this.pane.root.querySelector('[data-act="refresh"]').focus();
    return done;
  }
}
