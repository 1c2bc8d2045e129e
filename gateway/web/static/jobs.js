/** Copies and moves as a person sees them: followed live by events, by asking where those fail, reported at the end. */

import { api, words } from "./api.js";
import { tell } from "./connection.js";
import { attempt } from "./dialogs.js";
import { byId, h, parts, table } from "./dom.js";
import { _, bytes, day, ngettext } from "./i18n.js";
import { Task } from "./tasks.js";

const ENDED = new Set(["done", "failed", "cancelled"]);
const SILENCE = 10000;
const PAGES = 25; // of a report that are read; the rest is told by its numbers
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
  const lost = skipped + failed + unsupported;
  const moved = job.mode === "move";
  const well = moved ? ngettext("%(count)s item was moved.", "%(count)s items were moved.", copied) : ngettext("%(count)s item was copied.", "%(count)s items were copied.", copied);
  const ill = lost ? ngettext("%(count)s item was not.", "%(count)s items were not.", lost) : "";
  const text = [well, ill].filter(Boolean).join(" ");
  if (job.state === "cancelled") return [_("Cancelled"), "part", text];
  if (job.state === "failed") return [_("Not done"), "bad", text];
  return lost ? [_("Done, with exceptions"), "part", text] : [_("Done"), "good", text];
}

const putAway = () => JSON.parse(sessionStorage.getItem(PUT_AWAY) ?? "[]");

/** Of the jobs that the gateway lists, those to show when the page opens: what runs, and the last that ended. */
export function toShow(jobs, most) {
  const gone = new Set(putAway());
  const transfers = jobs.filter((job) => job.mode && !gone.has(job.id));
  const past = new Set(transfers.filter((job) => ENDED.has(job.state)).slice(0, most));
  return transfers.filter((job) => !ENDED.has(job.state) || past.has(job));
}

/** Show a job as a card and follow it. ``after()`` once it is over, as folders have changed. */
export async function showJob(job, title, after = () => {}) {
  const name = title ?? (job.mode === "move" ? _("Move begun at %(time)s", { time: day(job.created) }) : _("Copy begun at %(time)s", { time: day(job.created) }));
  const task = new Task(name, () => ENDED.has(job.state) && sessionStorage.setItem(PUT_AWAY, JSON.stringify([...putAway(), job.id].slice(-50))));
  const old = ENDED.has(job.state);
  const seen = (now) => {
    if (now.resumes_at) task.state(_("Waiting until %(time)s", { time: day(now.resumes_at) }), "part");
    else task.state(now.state === "planning" ? _("Looking") : _("Running"));
    task.progress(part(now), [progressWords(now), now.resumes_at && now.advice].filter(Boolean).join(" · "));
  };
  try {
    if (!old) {
      task.actions([_("Cancel"), () => attempt(() => api.cancel(job.id))]);
      seen(job);
      job = await follow(job.id, seen);
    }
    const choices = (await worthReading(job)) ? [[_("Report"), () => attempt(() => report(job, name))]] : [];
    task.end(...outcome(job), choices, { old });
    if (!old) after();
  } catch (error) {
    task.end(_("Not done"), "bad", words(error));
  }
}

/** What a report tells: {trouble, renamed, whole}; ``whole`` is false where more pages follow. */
async function findings(job, pages) {
  const items = [];
  let cursor = null;
  let page = 0;
  do {
    const found = await api.jobItems(job.id, cursor);
    items.push(...found.items);
    cursor = found.next ?? null;
    page += 1;
  } while (cursor && page < pages);
  const trouble = items.filter((item) => item.reason || item.advice);
  const renamed = items.filter((item) => item.renamed_to && item.renamed_to !== item.name);
  return { trouble, renamed, whole: !cursor };
}

/** False where everything arrived under its own name: then the card says all there is to say. */
async function worthReading(job) {
  const { skipped, failed, unsupported } = job.counts;
  if (job.state !== "done" || skipped + failed + unsupported) return true;
  const found = await findings(job, 3).catch(() => null);
  return !found?.whole || found.trouble.length + found.renamed.length > 0;
}

async function report(job, title) {
  const { trouble, renamed } = await findings(job, PAGES);
  const body = parts(byId("dialog-report")).text;
  byId("dialog-report-title").textContent = title;
  body.replaceChildren(h("p", {}, outcome(job)[2]));
  const where = { title: _("Item"), header: true, cell: (item) => item.path || item.name };
  if (trouble.length) {
    const why = { title: _("What happened"), cell: (item) => item.advice || item.reason };
    body.append(h("h3", {}, _("Not copied, or not as it was")), table(_("Not copied, or not as it was"), [where, why], trouble));
  }
  if (renamed.length) {
    const now = { title: _("Name there"), cell: (item) => item.renamed_to };
    body.append(h("h3", {}, _("Under another name")), table(_("Under another name"), [where, now], renamed));
  }
  if (!trouble.length && !renamed.length) body.append(h("p", {}, _("Every item arrived under its own name, and its copy was checked.")));
  byId("dialog-report").showModal();
}
