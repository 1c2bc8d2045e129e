/** Asks a drive now and then what changed in the tree that a pane shows, while somebody looks at it.

Nothing is asked while the page is hidden; when it is seen again, it asks at once. What fails makes it wait longer.
*/

import { api } from "./api.js";

const EVERY = 10_000;
const LONGEST = 160_000;

export class Following {
  /** ``changed(items)`` with what changed, null where the list must be read anew. */
  constructor(changed) {
    Object.assign(this, { changed, drive: null, space: null, cursor: null, wait: EVERY, timer: 0, turn: 0 });
    document.addEventListener("visibilitychange", () => this.drive && this.#plan(document.hidden ? null : 0));
  }

  /** Follow this tree from now on: a drive, and the top folder of another space of it or null. */
  follow(drive, space) {
    const offered = drive?.state === "ready" && drive.can.includes("changes");
    if (offered && this.drive?.id === drive.id && this.space === space) return;
    this.turn += 1;
    Object.assign(this, { drive: offered ? drive : null, space, cursor: null, wait: EVERY });
    this.#plan(this.drive && !document.hidden ? 0 : null);
  }

  #plan(wait) {
    clearTimeout(this.timer);
    if (wait !== null) this.timer = setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    const turn = this.turn;
    try {
      const items = await this.#read(turn);
      if (turn !== this.turn) return;
      this.wait = EVERY;
      if (items.length) await this.changed(items);
    } catch (error) {
      if (turn !== this.turn) return;
      this.wait = Math.min(LONGEST, this.wait * 2);
      if (error.status === 410 || error.code === "bad_cursor") this.#lost();
      if (error.status === 401 || error.code === "not_offered") this.drive = null;
    }
    if (turn === this.turn && this.drive && !document.hidden) this.#plan(this.wait);
  }

  /** All that changed since it was asked last. What fails on the way is asked for again from there. */
  async #read(turn) {
    const items = [];
    let page = { next: this.cursor };
    do {
      page = await api.changes(this.drive.id, page.next, this.space);
      if (turn !== this.turn) return [];
      items.push(...page.items);
    } while (page.more && items.length < 1000);
    this.cursor = page.next;
    return items;
  }

  #lost() {
    this.cursor = null;
    this.changed(null);
  }
}
