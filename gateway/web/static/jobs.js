/** Copies and moves as a person sees them: followed live by events, by asking where those fail, reported at the end. */

import { api, words } from "./api.js";
import { tell } from "./connection.js";
import { attempt } from "./dialogs.js";
import { say } from "./dom.js";
import { _, bytes, day, ngettext } from "./i18n.js";
import { showReport, worthReading } from "./report.js";
import { Task } from "./tasks.js";

const ENDED = new Set(["done", "failed", "cancelled"]);
const SILENCE = 10000;
const PUT_AWAY = "put-away"; // ids of jobs whose cards were removed in this tab
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Follow a job until it ends: calls ``seen(job)`` with each state. */
async function follow(id, seen) {
  let job = await new Promise((resolve) => {
    const source = new EventSource(`/v1/jobs/${id}/events`);
    let last = null;
    let broken = 0;
    let over = false;
    let silence = 0;
    const stop = () => {
      over = true;
      clearTimeout(silence);
      source.close();
      resolve(last);
    };
    // Some proxies hold events back or cut them off: then the page asks instead.
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE);
    };
    const take = (event) => {
      broken = 0;
      tell(true);
      listen();
      last = JSON.parse(event.data);
      seen(last);
      if (ENDED.has(last.state)) stop();
    };
    source.addEventListener("progress", take);
    source.addEventListener("end", (event) => {
      if (event.data) take(event);
      stop();
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED || (broken += 1) > 1) stop();
      else api.job(id).then((job) => over || seen(job), () => {}); // tells at once whether the gateway is still there
    });
    listen();
  });
  while (!job || !ENDED.has(job.state)) {
    await sleep(1500);
    job = await api.job(id).catch((error) => {
      if (error.status && error.status < 500) throw error;
      tell(false); // also where a proxy answers in the gateway's place
      return job;
    });
    if (job) seen(job);
  }
  return job;
}

function progressWords(job) {
  const { found, copied, skipped, failed, unsupported } = job.counts;
  const over = copied + skipped + failed + unsupported;
  const items = ngettext("%(done)s of %(count)s item", "%(done)s of %(count)s items", found, { done: over });
  if (!job.bytes.total) return items;
  return `${items} · ${_("%(done)s of %(total)s", { done: bytes(job.bytes.done), total: bytes(job.bytes.total) })}`;
}

function part(job) {
  if (job.state === "planning") return null;
  if (job.bytes.total) return Math.min(1, job.bytes.done / job.bytes.total);
  const { found, waiting } = job.counts;
  return found ? (found - waiting) / found : null;
}

function outcome(job) {
  const { copied, skipped, failed, unsupported } = job.counts;
  const lost = failed + unsupported;
  const moved = job.mode === "move" && !job.kept; // an original that stayed was not moved, only copied
  const well = moved ? ngettext("%(count)s item was moved.", "%(count)s items were moved.", copied) : ngettext("%(count)s item was copied.", "%(count)s items were copied.", copied);
  const ill = lost ? ngettext("%(count)s item was not.", "%(count)s items were not.", lost) : "";
  const out = skipped ? ngettext("%(count)s item was left out.", "%(count)s items were left out.", skipped) : "";
  const kept = job.kept ? ngettext("%(count)s original stayed where it was.", "%(count)s originals stayed where they were.", job.kept) : "";
  const text = [copied || !out ? well : "", out, ill, kept].filter(Boolean).join(" ");
  if (job.state === "cancelled") return [_("Cancelled"), "part", text];
  if (job.state === "failed") return [_("Not done"), "bad", text];
  return job.outcome === "all" ? [_("Done"), "good", text] : [_("Done, with exceptions"), "part", text];
}

const putAway = () => JSON.parse(sessionStorage.getItem(PUT_AWAY) ?? "[]");

/** Of the jobs that the gateway lists, those to show when the page opens: what runs, and the last that ended. */
export function toShow(jobs, most) {
  const gone = new Set(putAway());
  const transfers = jobs.filter((job) => job.mode && !gone.has(job.id));
  const past = new Set(transfers.filter((job) => ENDED.has(job.state)).slice(0, most));
  return transfers.filter((job) => !ENDED.has(job.state) || past.has(job));
}

/** How it stands, on its card: what it does or waits for, and what can be done about it. */
function draw(task, job) {
  const time = job.resumes_at && day(job.resumes_at);
  const waits = {
    waiting_google: () => _("Waits for Google Drive until %(time)s", { time }),
    waiting_onedrive: () => _("Waits for OneDrive until %(time)s", { time }),
  }[job.reason];
  const paused = job.state === "paused";
  if (paused) task.state(_("Paused"), "part");
  else if (time) task.state(waits ? waits() : _("Waiting until %(time)s", { time }), "part");
  else task.state(job.state === "planning" ? _("Looking") : _("Running"));
  task.progress(part(job), [progressWords(job), time && job.advice].filter(Boolean).join(" · "));
  const ask = (act, said) => () => attempt(async () => (draw(task, await act(job.id)), said && say(said)));
  if (task.paused === paused) return;
  task.paused = paused;
  const halt = paused ? [_("Resume"), ask(api.resume, _("It goes on."))] : [_("Pause"), ask(api.pause, _("Paused"))];
  task.actions(halt, [_("Cancel"), () => attempt(() => api.cancel(job.id))]);
}

/** Show a job as a card and follow it. ``after()`` once it is over, as folders have changed. */
export async function showJob(job, title, after = () => {}) {
  const name = title ?? (job.mode === "move" ? _("Move begun at %(time)s", { time: day(job.created) }) : _("Copy begun at %(time)s", { time: day(job.created) }));
  const task = new Task(name, () => ENDED.has(job.state) && sessionStorage.setItem(PUT_AWAY, JSON.stringify([...putAway(), job.id].slice(-50))));
  const old = ENDED.has(job.state);
  try {
    if (!old) {
      draw(task, job);
      job = await follow(job.id, (now) => ENDED.has(now.state) || draw(task, now));
    }
    const told = outcome(job);
    const choices = (await worthReading(job)) ? [[_("Report"), () => attempt(() => showReport(job, name, told[2]))]] : [];
    if (job.counts.failed) choices.unshift([_("Try again what failed"), () => attempt(() => again(job, name, task, after))]);
    task.end(...told, choices, { old });
    if (!old) after();
  } catch (error) {
    task.end(_("Not done"), "bad", words(error));
  }
}

/** Try once more what failed: the same job goes on, on a card of its own. */
async function again(job, name, task, after) {
  const opened = await api.retry(job.id);
  task.removed = () => {};
  task.drop();
  const shown = showJob(opened, name, after);
  document.querySelector("#tasks button")?.focus();
  return shown;
}
