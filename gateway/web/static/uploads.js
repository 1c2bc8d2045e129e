/** Uploads as a person sees them: a card for each file, two at a time, with cancel. */

import { api, words } from "./api.js";
import { _, bytes, ngettext } from "./i18n.js";
import { Task } from "./tasks.js";
import { upload } from "./tus.js";

const AT_ONCE = 2;
const waiting = [];
let running = 0;

addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

/** Upload files to a folder; ``done(drive)`` after each that arrived. */
export function uploadAll(files, place, placeName, done) {
  for (const file of files) {
    const task = new Task(_("Upload %(name)s", { name: file.name }));
    const stop = new AbortController();
    task.state(_("Waiting"));
    task.progress(0, placeName);
    task.actions([_("Cancel"), () => stop.abort()]);
    waiting.push(() => one(file, place, task, stop, done));
  }
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

/** The name the file has in the drive: another one where its own was taken, or is not allowed there. */
async function arrivedAs(state, file) {
  const report = state.job && (await api.jobItems(state.job).catch(() => null));
  return report?.items[0]?.renamed_to ?? file.name;
}

async function one(file, place, task, stop, done) {
  if (stop.signal.aborted) return task.end(_("Cancelled"), "part", _("Nothing was uploaded."));
  task.state(_("Uploading"));
  const on = {
    progress: (sent) => {
      const all = sent >= file.size;
      if (all) task.state(_("Sending to the drive"));
      task.progress(all ? null : sent / file.size, _("%(done)s of %(total)s", { done: bytes(sent), total: bytes(file.size) }));
    },
    waiting: (waits) => task.state(waits ? _("Connection lost. It goes on by itself.") : _("Uploading"), waits ? "part" : ""),
  };
  try {
    const name = await arrivedAs(await upload(file, place, on, stop.signal), file);
    const told = name === file.name ? "" : _("It is called %(name)s there.", { name });
    task.end(_("Done"), "good", [bytes(file.size), told].filter(Boolean).join(" · "));
    done(place.drive);
  } catch (error) {
    if (error.name === "AbortError") task.end(_("Cancelled"), "part", _("Nothing was uploaded."));
    else task.end(_("Not uploaded"), "bad", words(error), [_("Try again"), () => retry(file, place, task, done)]);
  }
}

function retry(file, place, task, done) {
  task.remove();
  uploadAll([file], place, "", done);
}
