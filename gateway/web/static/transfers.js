/** Copying and moving to the other side: the questions before it, and the order itself. */

import { api, once } from "./api.js";
import { ask, attempt, toast } from "./dialogs.js";
import { byId, parts, say } from "./dom.js";
import { isOffice } from "./facts.js";
import { KINDS, formatField, kindWords } from "./formats.js";
import { _, ngettext } from "./i18n.js";
import { showJob } from "./jobs.js";
import { looked } from "./planning.js";

function names(entries) {
  return entries.length === 1 ? entries[0].name : ngettext("%(count)s item", "%(count)s items", entries.length);
}

/** Which questions fit: {formats: [KINDS], convert}. What a folder holds is not known, so it may hold anything. */
function questions(entries, from, to) {
  const folder = entries.some((entry) => entry.kind === "folder" || entry.kind === "shortcut");
  const types = new Set(entries.map((entry) => entry.media_type));
  const leaves = from.drive.kind === "google" && to.drive.kind !== "google";
  return {
    formats: leaves ? KINDS.filter((one) => folder || types.has(one.media_type)) : [],
    convert: to.drive.can.includes("convert") && from.drive.id !== to.drive.id && (folder || entries.some(isOffice)),
  };
}

/** Ask how: what the order says about names, formats and conversion; null where the person does not want to. */
async function askHow(title, text, mode, asked) {
  const dialog = byId("dialog-transfer");
  const part = parts(dialog);
  byId("dialog-transfer-title").textContent = title;
  part.text.textContent = text;
  part.ok.textContent = title;
  part.hint.textContent = mode === "move" ? _("Each original goes to the trash only after its copy has been checked.") : "";
  const school = ["", _("School's choice")];
  part.formats.hidden = !asked.formats.length;
  part.kinds.replaceChildren(...asked.formats.map((one) => formatField(one.media_type, kindWords(one.kind), one.formats, "", school)));
  part.convert.hidden = !asked.convert;
  const answer = ask("dialog-transfer");
  part.ok.focus();
  if ((await answer) !== "ok") return null;
  const form = new FormData(dialog.querySelector("form"));
  const chosen = asked.formats.map((one) => [one.media_type, form.get(one.media_type)]).filter(([, format]) => format);
  return { on_conflict: form.get("conflict"), export: Object.fromEntries(chosen), convert: asked.convert && form.get("convert") === "true" };
}

/** Copy or move ``entries`` from one side to the other. ``changed(drive)`` when it is over. */
export async function transfer(from, to, mode, entries, changed) {
  if (to?.drive?.state !== "ready") return toast(_("Choose a drive on the other side first."));
  if (!to.takes) return toast(_("Open a folder on the other side first."));
  if (to.drive.id === from.drive.id && to.folder.id === from.folder.id) return toast(_("Both sides show the same folder. Choose another one on the other side."));
  const values = { names: names(entries), place: to.place };
  const words = mode === "move" ? [_("Move"), _("Move %(names)s to %(place)s", values)] : [_("Copy"), _("Copy %(names)s to %(place)s", values)];
  const how = await askHow(words[0], words[1], mode, questions(entries, from, to));
  if (!how) return undefined;
  const order = {
    mode,
    sources: entries.map((entry) => ({ drive: entry.drive, item: entry.id })),
    destination: { drive: to.drive.id, item: to.folder.id },
    ...how,
  };
  const key = once();
  const job = await attempt(async () => {
    const plan = await looked(order, words, entries);
    return plan === null ? undefined : api.transfer(plan ? { ...order, preflight: plan } : order, key);
  });
  if (!job) return undefined;
  from.grid.clear();
  from.grid.focus();
  say(words[1]);
  const touched = mode === "move" ? new Set([from.drive.id, to.drive.id]) : new Set([to.drive.id]);
  return showJob(job, words[1], () => touched.forEach((drive) => changed(drive)));
}
