/** What became of every item of a job: to be read on the page, and as a file for who wants to keep it. */

import { api } from "./api.js";
import { byId, h, parts, table } from "./dom.js";
import { _ } from "./i18n.js";

const PAGES = 25; // of a report that are read; the file has all of it

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
export async function worthReading(job) {
  const { skipped, failed, unsupported } = job.counts;
  if (job.state !== "done" || skipped + failed + unsupported) return true;
  const found = await findings(job, 3).catch(() => null);
  return !found?.whole || found.trouble.length + found.renamed.length > 0;
}

/** Show the report of a job. ``outcome``: how it ended, in a sentence. */
export async function showReport(job, title, outcome) {
  const { trouble, renamed, whole } = await findings(job, PAGES);
  const part = parts(byId("dialog-report"));
  byId("dialog-report-title").textContent = title;
  part.text.replaceChildren(h("p", {}, outcome));
  const where = { title: _("Item"), header: true, cell: (item) => item.path || item.name };
  if (trouble.length) {
    const why = { title: _("What happened"), cell: (item) => item.advice || item.reason };
    part.text.append(h("h3", {}, _("Not copied, or not as it was")), table(_("Not copied, or not as it was"), [where, why], trouble));
  }
  if (renamed.length) {
    const now = { title: _("Name there"), cell: (item) => item.renamed_to };
    part.text.append(h("h3", {}, _("Under another name")), table(_("Under another name"), [where, now], renamed));
  }
  if (!whole) part.text.append(h("p", { class: "quiet" }, _("This is the first part of a long report. The table for download has all of it.")));
  else if (!trouble.length && !renamed.length) part.text.append(h("p", {}, _("Every item arrived under its own name, and its copy was checked.")));
  part.file.href = api.reportFile(job.id);
  byId("dialog-report").showModal();
}
