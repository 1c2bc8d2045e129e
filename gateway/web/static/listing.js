/** One list of a drive, read page by page: a folder, what is shared, starred or recent, the trash, what a search found.

A list is {kind, words?}; the kind "folder" has the id of its step. Knows requests, not the page.
*/

import { api } from "./api.js";

const AT_ONCE = 1000; // entries read without asking; a person who wants more says so

const reads = {
  folder: (drive, step, cursor, signal) => api.children(drive, step.id, cursor, signal),
  search: (drive, step, cursor, signal) => api.search(drive, step.list.words, cursor, signal),
  trash: (drive, _step, cursor, signal) => api.trashed(drive, cursor, signal),
};

export class Listing {
  constructor(drive, step) {
    Object.assign(this, { drive, step, entries: [], next: null, complete: true, stop: new AbortController() });
    this.kind = step.list?.kind ?? "folder";
  }

  /** Give up whatever is being read. */
  abort() {
    this.stop.abort();
  }

  /** Read on, as far as one look goes. AbortError where it was given up. */
  async more() {
    const read = reads[this.kind] ?? ((drive, _step, cursor, signal) => api.view(drive, this.kind, cursor, signal));
    const known = new Set(this.entries.map((entry) => entry.id));
    const goal = this.entries.length + AT_ONCE;
    do {
      const page = await read(this.drive.id, this.step, this.next, this.stop.signal);
      for (const entry of page.items) {
        if (!known.has(entry.id)) this.entries.push(entry);
        known.add(entry.id);
      }
      this.next = page.next ?? null;
      this.complete &&= page.complete;
    } while (this.next && this.entries.length < goal);
  }

  /** Take in what changed, if this is a folder: [{id, item}]. True where something that is shown did. */
  take(changes, folder) {
    const known = new Map(this.entries.map((entry) => [entry.id, entry]));
    let touched = false;
    for (const { id, item } of changes) {
      const here = item?.parent === folder;
      if (!here && !known.has(id)) continue;
      touched = true;
      if (here) known.set(id, item);
      else known.delete(id);
    }
    this.entries = [...known.values()];
    return touched;
  }
}
