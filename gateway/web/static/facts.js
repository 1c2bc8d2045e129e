/** What an entry is and how it stands, in words: its kind, and what keeps it from being opened. Knows no drive. */

import { _, days } from "./i18n.js";

function officeOf(type) {
  if (/spreadsheet|ms-excel|csv/.test(type)) return "sheet";
  if (/presentation|ms-powerpoint/.test(type)) return "slides";
  return /wordprocessing|msword|opendocument.text|google-apps.document/.test(type) ? "document" : null;
}

/** Whether it is an Office file, which some drives can turn into a document of their own. */
export const isOffice = (file) => /\.(docx?|xlsx?|pptx?|od[tsp])$/i.test(file.name);

/** The picture and the word for what an entry is. */
export function kindOf(entry) {
  if (entry.kind === "folder") return ["folder", _("Folder")];
  const office = officeOf(entry.media_type);
  if (entry.kind === "document") return [office ?? "document", _("Online document")];
  if (entry.kind === "shortcut") return ["shortcut", _("Shortcut")];
  if (entry.kind === "package") return ["package", _("Notebook or package")];
  const media = entry.media_type.split("/")[0];
  if (entry.media_type === "application/pdf") return ["pdf", _("PDF")];
  if (media === "image") return ["image", _("Picture")];
  if (media === "audio") return ["audio", _("Sound")];
  if (media === "video") return ["video", _("Film")];
  return [office ?? "file", _("File")];
}

/** Why it cannot be opened here: a few words for the list and a sentence for who tries; null where it can. */
export function closed(entry) {
  const values = { name: entry.name };
  if (entry.flags.includes("malware")) return [_("Harmful, stays closed"), _("The drive says that %(name)s is harmful. It cannot be opened or copied. Tell a teacher.", values)];
  if (entry.flags.includes("dangling")) return [_("Target is gone"), _("%(name)s points to something that is no longer there, or that is not shared with you any more.", values)];
  if (entry.kind === "package") return [_("Opens only in its own app"), _("%(name)s is a notebook. It can be opened only in the drive itself.", values)];
  if (entry.kind === "folder" || entry.kind === "shortcut") return null;
  if (entry.kind === "document" && !entry.exports.length) return [_("Opens only in the drive"), _("%(name)s can be opened only in the drive itself.", values)];
  if (!entry.may.includes("read")) return [_("No download"), _("The owner does not allow that %(name)s is downloaded. It can be seen only in the drive itself.", values)];
  return null;
}

/** What is to be told of an entry below its name, in a few words each. [{words, tone}] */
export function notes(entry) {
  const why = closed(entry);
  return [
    entry.ends ? { words: _("Gone for good on %(date)s", { date: days.format(new Date(entry.ends)) }), tone: "" } : null,
    entry.kind === "shortcut" ? { words: _("Shortcut"), tone: "" } : null,
    why ? { words: why[0], tone: "warn" } : null,
    entry.flags.includes("altered") ? { words: _("Changed by the drive when it was stored"), tone: "" } : null,
  ].filter(Boolean);
}
