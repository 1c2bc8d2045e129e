/** Browsing the drives: a choice of drive, the way down to a folder, and its content as a list of buttons. */

import { children, drives } from "./api.js";
import { bytes, h, status, t, words } from "./ui.js";

const KINDS = { google: "Google Drive", onedrive: "OneDrive" };

export class Browser {
  /** ``root``: an empty element; ``files``: whether files can be chosen, or only a folder; ``changed()``. */
  constructor(root, { files, changed = () => {} }) {
    Object.assign(this, { files, changed, chosen: null, path: [] });
    this.select = h("select", { id: "drive", onchange: () => this.#use() });
    this.crumbs = h("ol", { class: "crumbs" });
    this.list = h("ul", { class: "entries", "aria-label": t("folderContent") });
    root.replaceChildren(h("label", { for: "drive" }, t("drive")), this.select, h("nav", { "aria-label": t("folderPath") }, this.crumbs), this.list);
  }

  /** Where something would be saved. */
  get folder() {
    return { drive: this.drive?.id, parent: this.path.at(-1)?.id ?? "root" };
  }

  async start() {
    this.drives = await drives();
    const name = (drive) => (KINDS[drive.kind] ? `${KINDS[drive.kind]} – ${drive.label}` : t("schoolDrive"));
    this.select.replaceChildren(...this.drives.map((drive) => h("option", { value: drive.id }, name(drive))));
    await this.#use();
  }

  async #use() {
    this.drive = this.drives.find((drive) => drive.id === this.select.value);
    this.path = [{ id: "root", name: KINDS[this.drive.kind] ?? t("schoolDrive") }];
    await this.show();
  }

  async show() {
    this.chosen = null;
    this.changed();
    this.#way();
    this.list.replaceChildren(h("li", { class: "quiet" }, t("loading")));
    const asked = this.path;
    try {
      const entries = await this.#all();
      if (asked !== this.path) return;
      const order = (a, b) => (a.kind === "folder" ? 0 : 1) - (b.kind === "folder" ? 0 : 1) || a.name.localeCompare(b.name, undefined, { numeric: true });
      const rows = entries.sort(order).map((entry) => h("li", {}, this.#entry(entry)));
      this.list.replaceChildren(...(rows.length ? rows : [h("li", { class: "quiet" }, t("empty"))]));
    } catch (error) {
      this.list.replaceChildren();
      status(words(error), "bad");
    }
  }

  async #all() {
    const found = [];
    let cursor = null;
    do {
      const page = await children(this.folder.drive, this.folder.parent, cursor);
      found.push(...page.items);
      cursor = page.next ?? null;
    } while (cursor && found.length < 500);
    return found;
  }

  #way() {
    const last = this.path.length - 1;
    const climb = (index) => {
      this.path = this.path.slice(0, index + 1);
      return this.show();
    };
    const step = (place, index) => (index === last ? h("span", { "aria-current": "location" }, place.name) : h("button", { type: "button", onclick: () => climb(index) }, place.name));
    this.crumbs.replaceChildren(...this.path.map((place, index) => h("li", {}, step(place, index))));
  }

  #entry(entry) {
    const folder = entry.kind === "folder";
    const readable = (entry.kind === "file" || entry.kind === "document") && entry.may.includes("read");
    const open = () => {
      this.path = [...this.path, { id: entry.id, name: entry.name }];
      return this.show().then(() => this.list.querySelector("button")?.focus());
    };
    const button = h(
      "button",
      { type: "button", class: `entry ${folder ? "folder" : "file"}`, disabled: folder || (this.files && readable) ? null : true, "aria-pressed": folder || !this.files ? null : "false", onclick: () => (folder ? open() : this.#choose(entry, button)) },
      h("span", { class: "picture", "aria-hidden": "true" }),
      h("span", { class: "name" }, entry.name),
      h("span", { class: "quiet" }, folder ? h("span", { class: "hidden" }, t("folder")) : entry.size === null || entry.size === undefined ? "" : bytes(entry.size)),
    );
    return button;
  }

  #choose(entry, button) {
    for (const other of this.list.querySelectorAll('[aria-pressed="true"]')) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", "true");
    this.chosen = entry;
    this.changed();
  }
}
