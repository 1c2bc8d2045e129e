/** One side of the page: a drive, a place in it, and the list that is shown. What reaches both sides is the app's.

A path is a list of steps {id, name}: folders, and at its start or as a search lists {id, name, list: {kind, words}};
the top folder of another space of the drive says so with ``space``.
*/

import { Actions } from "./actions.js";
import { api, words } from "./api.js";
import { attempt } from "./dialogs.js";
import { h, parts, say } from "./dom.js";
import { Drops } from "./drops.js";
import { Finding } from "./finding.js";
import { Following } from "./following.js";
import { Grid, countWords } from "./grid.js";
import { _, ngettext } from "./i18n.js";
import { Listing } from "./listing.js";
import { drawPlaces, stepOf } from "./placebar.js";
import { drawQuota } from "./quota.js";
import { remember, stepsTo } from "./ways.js";

const RANKED = ["search", "recent"]; // lists whose order says something

export class Pane {
  /** ``house``: transfer(pane, mode, entries), upload(pane, files), reconnect(drive), confirm(drive), pick(drive),
   * spaces(drive), went(), changed(drive). */
  constructor(root, house) {
    Object.assign(this, { root, house, drive: null, path: [], spaces: [], listing: null, visits: 0 });
    this.side = root.dataset.side;
    this.part = parts(root);
    this.actions = new Actions(this, house);
    this.grid = new Grid(this.part.grid, this.part.rows, {
      open: (entry) => this.actions.open(entry),
      menu: (entry, button) => this.actions.menu(entry, button),
      command: (name) => this.actions.command(name),
      selected: (entries, how) => this.#selected(entries, how),
      picture: (entry) => (this.drive.can.includes("thumbnails") ? api.picture(entry) : null),
    });
    this.finding = new Finding(this.part, { find: (sought) => this.#find(sought), cleared: () => this.#go(this.path.slice(0, 1)) });
    this.following = new Following((items) => this.#follow(items));
    root.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) this.actions.command(act);
    });
    this.part.drive.addEventListener("change", () => this.#choose(this.house.drive(this.part.drive.value)));
    this.part.same?.addEventListener("click", () => this.#choose(this.house.drives()[0]).then(() => this.part.drive.focus()));
    new Drops(this.part.drop, this.part.files, { takes: () => this.takes, put: (files) => this.house.upload(this, files) });
  }

  get folder() {
    return this.path.at(-1) ?? { id: "root", name: "" };
  }

  get entries() {
    return this.listing?.entries ?? [];
  }

  /** Whether files can be put here: a folder of a drive that is connected, not a list. */
  get takes() {
    return this.drive?.state === "ready" && !this.folder.list;
  }

  /** The drive and folder by name, for sentences. */
  get place() {
    return this.path.map((step) => step.name).join(" › ");
  }

  /** Where this is, for the page's address. What was searched for does not stand there. */
  get address() {
    return this.path.findLast((step) => step.list?.kind !== "search")?.id ?? "root";
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

  /** Show a drive: its own files, or the end of ``path``. */
  async use(drive, path) {
    if (this.part.invite) this.#invite(false);
    this.visits += 1;
    const other = drive.id !== this.drive?.id;
    this.drive = drive;
    this.part.drive.value = drive.id;
    this.path = path?.length ? path : [{ id: "root", name: this.house.kind(drive) }];
    if (other) this.spaces = [];
    this.#reach(drive);
    await this.load();
  }

  /** What else the drive reaches: shown once it is known, waited for by nobody. */
  async #reach(drive) {
    const spaces = await this.house.spaces(drive);
    if (this.drive !== drive || !spaces.length) return;
    this.spaces = spaces;
    this.#places();
  }

  /** Go where the address says, {drive, item}; a drive or folder that is gone leaves the person at its nearest. */
  async visit({ drive: id, item }) {
    const drive = this.house.drive(id);
    if (!drive || (this.drive?.id === id && this.address === item && !this.folder.list?.words)) return;
    this.visits += 1;
    const visit = this.visits;
    const list = stepOf(drive, item);
    const plain = item === "root" || item.startsWith("~") || drive.state !== "ready";
    const steps = list ? [list] : plain ? [] : ((await attempt(() => stepsTo(drive, item, this.house))) ?? []);
    if (visit === this.visits) await this.use(drive, steps);
  }

  /** What a person did that leads elsewhere: a step of the history. */
  #choose(drive) {
    const done = this.use(drive);
    this.house.went();
    return done;
  }

  /** Go to the end of another path in this drive. */
  async #go(path) {
    this.path = path;
    this.visits += 1;
    this.house.went();
    await this.load();
  }

  /** Into a folder of the list; the focus comes along. */
  async enter({ id, name }) {
    const path = [...this.path, { id, name }];
    remember(this.drive.id, path);
    await this.#go(path);
    if (this.entries.length) this.grid.focus();
    else this.root.querySelector('[data-act="upload"]').focus();
  }

  up() {
    return this.path.length > 1 && this.#climb(this.path.length - 2);
  }

  async #climb(index) {
    const left = this.path[index + 1];
    await this.#go(this.path.slice(0, index + 1));
    if (left) this.grid.focusItem(left.id);
  }

  #find(sought) {
    const top = this.path[0].list ? { id: "root", name: this.house.kind(this.drive) } : this.path[0];
    return this.#go([top, { id: "~search", name: _("Search: %(words)s", { words: sought }), list: { kind: "search", words: sought } }]);
  }

  /** Read the list that is shown, from the start. ``keep``: focus, selection and place stay; ``quiet``: nobody asked. */
  async load({ keep = false, quiet = false } = {}) {
    const before = this.listing;
    before?.abort();
    this.listing = new Listing(this.drive, this.folder);
    this.#head(keep);
    if (!keep) this.#blank();
    this.following.follow(this.drive, this.path[0].space ? this.path[0].id : null);
    const { drive } = this;
    drawQuota(this.part.quota, drive, () => this.drive === drive);
    if (drive.state !== "ready") return this.#asleep();
    return this.#read(this.listing, keep, quiet && before);
  }

  async #read(listing, keep, instead) {
    this.part.rows.setAttribute("aria-busy", "true");
    try {
      await listing.more();
      this.#show(keep);
      this.#after(Boolean(instead));
    } catch (error) {
      if (error.name === "AbortError" || listing !== this.listing) return;
      if (instead) return void (this.listing = instead);
      this.grid.show([]);
      this.part.empty.hidden = true;
      this.#notice(words(error), error.body?.reconnect ? [_("Connect again"), () => this.house.reconnect(this.drive)] : [_("Try again"), () => this.load()], "bad");
    } finally {
      if (listing === this.listing || instead === this.listing) this.part.rows.removeAttribute("aria-busy");
    }
  }

  #show(keep) {
    this.grid.show(this.entries, { keep, more: Boolean(this.listing.next), ranked: RANKED.includes(this.listing.kind) });
    this.part.empty.hidden = this.entries.length > 0;
    if (!this.entries.length) this.part.empty.replaceChildren(...this.#nothing());
  }

  #nothing() {
    const told = {
      folder: [_("This folder is empty."), _("Drop files here, or use Upload.")],
      search: [_("Nothing was found."), _("Try fewer words, or another spelling.")],
      trash: [_("The trash is empty.")],
    }[this.listing.kind] ?? [_("There is nothing here yet.")];
    return told.map((text, index) => h("p", { class: index ? "quiet" : null }, text));
  }

  /** Tell how much there is, and whether that is all. */
  #after(quiet) {
    const count = this.entries.length;
    const sought = this.listing.kind === "search";
    const told = sought ? ngettext("%(count)s item found", "%(count)s items found", count) : ngettext("%(count)s item", "%(count)s items", count);
    if (!quiet) say(told, sought ? 0 : 2000);
    if (this.listing.next) this.#notice(ngettext("This list is long. Its first %(count)s item is shown.", "This list is long. Its first %(count)s items are shown.", count), [_("Show more"), () => this.#more()], "calm");
    else if (!this.listing.complete) this.#notice(sought ? _("The drive could not search everywhere, so there may be more.") : _("The drive left some items out of this list. Open the folder in the drive itself to see all of them."));
    else if (sought && count) this.#notice(told, null, "calm");
    else if (this.listing.kind === "trash" && count && this.drive.kind === "native") this.#notice(_("What is in the trash can be restored until the date beside it. Then it is gone for good."), null, "calm");
  }

  async #more() {
    const { listing } = this;
    const last = this.entries.length;
    await this.#read(listing, true);
    if (listing !== this.listing) return;
    say(ngettext("%(count)s more item", "%(count)s more items", this.entries.length - last));
    (this.part.notice.querySelector("button") ?? this.part.rows.querySelector('[tabindex="0"]'))?.focus({ preventScroll: true });
  }

  /** Something changed in the drive: show it, without taking anything from the person who is working here. */
  async #follow(items) {
    const { drive, listing } = this;
    const again = () => listing === this.listing && !this.part.rows.hasAttribute("aria-busy");
    if (!again()) return;
    if (items && listing.kind === "folder") {
      const folder = this.folder.id === "root" ? (await api.item(drive.id, "root")).id : this.folder.id;
      if (!again() || !listing.take(items, folder)) return;
      this.#show(true);
      say(_("The list was updated."), 10_000);
    } else if (listing.kind !== "search") await this.load({ keep: true, quiet: true });
    drawQuota(this.part.quota, drive, () => this.drive === drive);
  }

  #asleep() {
    this.part.rows.removeAttribute("aria-busy");
    if (this.drive.state === "unconfirmed") this.#notice(_("This account is connected, but not confirmed yet."), [_("Confirm"), () => this.house.confirm(this.drive)]);
    else if (this.drive.state === "contained") this.#notice(_("This account is suspended while something is looked into. Ask your school's administrator."));
    else this.#notice(_("The connection to this drive has ended. Connect it again."), [_("Connect again"), () => this.house.reconnect(this.drive)]);
  }

  #blank() {
    this.grid.show([]);
    this.part.empty.hidden = false;
    this.part.empty.replaceChildren(h("p", {}, this.drive.state === "ready" ? _("Loading…") : ""));
  }

  /** ``tone``: '', bad or calm. */
  #notice(text, action, tone = "") {
    this.part.notice.className = `notice ${tone}`;
    this.part.notice.replaceChildren(...(text ? [h("p", {}, text)] : []));
    if (text && action) this.part.notice.append(h("button", { type: "button", class: "button", onclick: action[1] }, action[0]));
  }

  /** All that stands above the list. */
  #head(keep) {
    const ready = this.drive.state === "ready";
    this.#crumbs();
    this.#places();
    if (!keep) this.#notice();
    if (!keep) this.finding.show(ready && this.drive.can.includes("search"), this.folder.list?.words);
    this.part.reach.hidden = !ready || this.drive.reach !== "picked";
    this.root.classList.toggle("trash", this.folder.list?.kind === "trash");
    for (const act of ["upload", "folder"]) this.part.tools.querySelector(`[data-act="${act}"]`).hidden = !this.takes;
  }

  #places() {
    const spaces = this.spaces.map((space) => ({ id: space.root, name: space.name, space: true }));
    drawPlaces(this.part.places, this.drive, spaces, this.path[0], (step) => this.use(this.drive, step ? [step] : []).then(() => this.house.went()));
  }

  #crumbs() {
    const last = this.path.length - 1;
    const steps = this.path.map((step, index) =>
      h("li", {}, index === last ? h("span", { "aria-current": "location" }, step.name) : h("button", { type: "button", onclick: () => this.#climb(index) }, step.name)),
    );
    this.part.crumbs.replaceChildren(...steps);
  }

  #selected(entries, { quiet = false } = {}) {
    this.part.selection.hidden = entries.length === 0;
    const counted = countWords(entries.length);
    this.part.count.textContent = counted;
    if (entries.length && !quiet) say(counted);
  }
}
