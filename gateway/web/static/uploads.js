/** Uploads as a person sees them: two at a time, with cancel. A few have a card each; many share one. */

import { api, words } from "./api.js";
import { ask } from "./dialogs.js";
import { byId, parts } from "./dom.js";
import { isOffice } from "./facts.js";
import { _, bytes, ngettext } from "./i18n.js";
import { Task } from "./tasks.js";
import { upload } from "./tus.js";

const AT_ONCE = 2;
const FEW = 3;
const waiting = [];
let running = 0;

addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

/** Where a drive has documents of its own, ask whether Office files are to become such: true, false, null for neither. */
export async function askConvert(drive, files) {
  const office = files.filter(isOffice).length;
  if (!office || !drive.can.includes("convert")) return false;
  const dialog = byId("dialog-convert");
  const part = parts(dialog);
  part.text.textContent = ngettext("%(count)s of these files is an Office file.", "%(count)s of these files are Office files.", office);
  const answer = ask("dialog-convert");
  part.ok.focus();
  return (await answer) === "ok" ? new FormData(dialog.querySelector("form")).get("convert") === "true" : null;
}

/** Upload files to a folder; ``place``: {drive, parent, convert}; ``done(drive)`` when some arrived. */
export function uploadAll(files, place, placeName, done) {
  const again = (failed) => uploadAll(failed, place, placeName, done);
  const cards = files.length > FEW ? [new Many(files, placeName, done, again)] : files.map((file) => new One(file, placeName, done, again));
  for (const [index, file] of files.entries()) waiting.push(() => send(file, place, cards[index] ?? cards[0]));
  next();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      next();
    });
  }
}

async function send(file, place, card) {
  const on = { progress: (sent) => card.progress(file, sent), waiting: (waits) => card.waiting(waits) };
  try {
    card.stop.signal.throwIfAborted();
    card.begin();
    const state = await upload(file, { ...place, convert: place.convert && isOffice(file) }, on, card.stop.signal);
    card.arrived(file, await nameThere(state, file), place.drive);
  } catch (error) {
    if (error.name === "AbortError") card.cancelled();
    else card.failed(file, error);
  }
}

/** The name the file has in the drive: another one where its own was taken, or is not allowed there. */
async function nameThere(state, file) {
  const report = state.job && (await api.jobItems(state.job).catch(() => null));
  return report?.items[0]?.renamed_to ?? file.name;
}

const amount = (sent, size) => _("%(done)s of %(total)s", { done: bytes(sent), total: bytes(size) });

/** The card of one upload, or of several. */
class Card {
  constructor(title, placeName, done, again) {
    Object.assign(this, { done, again, stop: new AbortController(), task: new Task(title) });
    this.task.state(_("Waiting"));
    this.task.progress(0, placeName);
    this.task.actions([_("Cancel"), () => this.stop.abort()]);
  }

  begin() {
    this.task.state(_("Uploading"));
  }

  waiting(waits) {
    this.task.state(waits ? _("Waiting for the connection") : _("Uploading"), waits ? "part" : "");
  }
}

class One extends Card {
  constructor(file, ...rest) {
    super(_("Upload %(name)s", { name: file.name }), ...rest);
  }

  progress(file, sent) {
    const all = sent >= file.size;
    if (all) this.task.state(_("Sending to the drive"));
    this.task.progress(all ? null : sent / file.size, amount(sent, file.size));
  }

  arrived(file, name, drive) {
    const told = name === file.name ? "" : _("It is called %(name)s there.", { name });
    this.task.end(_("Done"), "good", [bytes(file.size), told].filter(Boolean).join(" · "));
    this.done(drive);
  }

  cancelled() {
    this.task.end(_("Cancelled"), "part", _("Nothing was uploaded."));
  }

  failed(file, error) {
    const retry = () => {
      this.task.remove();
      this.again([file]);
    };
    this.task.end(_("Not uploaded"), "bad", words(error), [[_("Try again"), retry]]);
  }
}

class Many extends Card {
  constructor(files, ...rest) {
    super(ngettext("Upload %(count)s file", "Upload %(count)s files", files.length), ...rest);
    Object.assign(this, { files, sent: new Map(), well: 0, over: 0, lost: [], lines: [], drive: null });
    this.size = files.reduce((sum, file) => sum + file.size, 0);
  }

  progress(file, sent) {
    this.sent.set(file, sent);
    this.draw();
  }

  draw() {
    const sent = [...this.sent.values()].reduce((sum, one) => sum + one, 0);
    const items = ngettext("%(done)s of %(count)s item", "%(done)s of %(count)s items", this.files.length, { done: this.well });
    this.task.progress(sent >= this.size ? null : sent / this.size, `${items} · ${amount(sent, this.size)}`);
  }

  arrived(file, name, drive) {
    this.well += 1;
    this.drive = drive;
    if (name !== file.name) this.lines.push(`${file.name}: ${_("It is called %(name)s there.", { name })}`);
    this.draw();
    this.one();
  }

  cancelled() {
    this.one();
  }

  failed(file, error) {
    this.lost.push(file);
    this.lines.push(`${file.name}: ${words(error)}`);
    this.one();
  }

  /** One of them is over; the last one ends the card. */
  one() {
    this.over += 1;
    if (this.over < this.files.length) return;
    const { well, lost, lines } = this;
    const told = [
      well ? ngettext("%(count)s file was uploaded.", "%(count)s files were uploaded.", well) : _("Nothing was uploaded."),
      lost.length ? ngettext("%(count)s file was not uploaded.", "%(count)s files were not uploaded.", lost.length) : "",
    ].filter(Boolean).join(" ");
    const retry = () => {
      this.task.remove();
      this.again(lost);
    };
    const choices = lost.length ? [[_("Try again"), retry]] : [];
    const [word, tone] = this.stop.signal.aborted ? [_("Cancelled"), "part"] : lost.length ? (well ? [_("Done, with exceptions"), "part"] : [_("Not uploaded"), "bad"]) : [_("Done"), "good"];
    this.task.end(word, tone, told, choices, { lines });
    if (well) this.done(this.drive);
  }
}
