/** The formats in which online documents can be had, by names that people know, and the questions about them. */

import { ask } from "./dialogs.js";
import { byId, h, parts } from "./dom.js";
import { _ } from "./i18n.js";

/** Kinds of documents whose format a school sets: [{kind, media_type, formats: [id]}]. */
export const KINDS = JSON.parse(byId("formats").textContent);

export function kindWords(kind) {
  return { document: _("Text documents"), spreadsheet: _("Tables"), presentation: _("Presentations"), drawing: _("Drawings") }[kind];
}

/** "Word (DOCX)": what people call a format, and the ending of its files. */
export function formatName(id) {
  const word = {
    docx: "Word", xlsx: "Excel", pptx: "PowerPoint", odt: "OpenDocument", ods: "OpenDocument", odp: "OpenDocument",
    md: "Markdown", epub: _("Book for reading devices"), txt: _("Plain text"), csv: _("Table as plain text"),
    tsv: _("Table as plain text"), png: _("Picture"), jpg: _("Picture"), svg: _("Picture that stays sharp"), html: _("Web page"), zip: _("Web page"),
  }[id];
  return word ? `${word} (${id.toUpperCase()})` : id.toUpperCase();
}

/** A field that asks for the format of one kind; ``first``: a choice before the formats [value, words], or null. */
export function formatField(name, label, formats, chosen, first = null) {
  const options = [...(first ? [first] : []), ...formats.map((id) => [id, formatName(id)])];
  const select = h("select", { name }, options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
  return h("label", { class: "field" }, h("span", {}, label), select);
}

/** Ask in which format a document is to be opened or downloaded: {format, how}; ``format`` '' is the school's. Or null. */
export async function askFormat(entry) {
  const dialog = byId("dialog-format");
  byId("dialog-format-title").textContent = _("Open or download %(name)s", { name: entry.name });
  const choice = (id, words, checked) => h("label", { class: "choice" }, h("input", { type: "radio", name: "format", value: id, checked }), words);
  const choices = [choice("", _("School's choice"), true), ...entry.exports.map((one) => choice(one.id, formatName(one.id), false))];
  const part = parts(dialog);
  part.choices.replaceChildren(...choices);
  const answer = ask("dialog-format");
  part.choices.querySelector("input").focus();
  const how = await answer;
  return how ? { how, format: new FormData(dialog.querySelector("form")).get("format") } : null;
}
