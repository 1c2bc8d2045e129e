/** Drafted notices of an incident: to the authority, the school and the people, in every language, read and taken away. */

import { send } from "../api.js";
import { attempt } from "../dialogs.js";
import { byId, h, parts } from "../dom.js";
import { _, locale } from "../i18n.js";
import { card } from "../rooms.js";
import { languages } from "../rights/words.js";
import { school } from "./api.js";

const AUDIENCES = () => [["authority", _("To the authority")], ["school", _("To the school")], ["person", _("To the people")]];

/** A plain text with underlined headings, as paragraphs. */
function letter(text) {
  const lines = text.split("\n");
  const isRule = (line) => /^(=+|-+)$/.test(line ?? "");
  return lines.filter((line) => !isRule(line)).map((line) => h(isRule(lines[lines.indexOf(line) + 1]) ? "b" : "span", {}, `${line}\n`));
}

async function read(one, audience, title, language) {
  const answer = await attempt(() => send("GET", school.draftOf(one.id, audience, language, "text"), { headers: { Accept: "text/plain" } }));
  if (!answer) return;
  const part = parts(byId("dialog-text"));
  byId("dialog-text-title").textContent = title;
  part.text.replaceChildren(h("div", { class: "letter", lang: language, dir: language === "ar" ? "rtl" : "ltr", tabindex: "0", role: "region", "aria-label": title }, letter(await answer.text())));
  part.file.href = school.draftOf(one.id, audience, language, "markdown");
  part.file.hidden = false;
  byId("dialog-text").showModal();
}

/** A card that offers them. */
export function showDrafts(one) {
  const select = h("select", { id: "draft-language" }, languages().map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === locale }, name)));
  const buttons = AUDIENCES().map(([audience, title]) => h("button", { type: "button", class: "button", onclick: () => read(one, audience, title, select.value) }, title));
  return card(_("Drafted notices"), h("p", {}, _("Made from the facts above. Check and complete them before you send them: nothing is sent from here.")), h("div", { class: "fields" }, h("div", { class: "field" }, h("label", { for: "draft-language" }, _("Language")), select)), h("div", { class: "choices drafts" }, buttons));
}
