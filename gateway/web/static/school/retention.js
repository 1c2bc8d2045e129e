/** How long things are kept at this school: numbers within bounds, or what the service sets. */

import { words } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { drawn, refused, values } from "../forms.js";
import { freshly, isFresh, keeping } from "../fresh.js";
import { _, number } from "../i18n.js";
import { card } from "../rooms.js";
import { school } from "./api.js";

const LABELS = () => ({
  cache_seconds: [_("Copies of opened files (minutes)"), _("Encrypted copies, so that a file opens faster the next time.")],
  trash_days: [_("Trash of the school drive (days)"), ""],
  versions: [_("Older versions of a file in the school drive (number)"), ""],
  history_days: [_("Reports, answers, messages (days)"), _("What jobs did, decided corrections, copies that were taken, what people were told.")],
  ledger_days: [_("Record of accesses and acts (days)"), ""],
  inactive_days: [_("Forget who was away for (days)"), _("Empty: nobody is forgotten for being away.")],
  notice_days: [_("Tell them so long before (days)"), ""],
  delay_hours: [_("Delay of what two administrators approved (hours)"), _("In this time every administrator can cancel it.")],
});

const DELAY = { least: 0, most: 720 };
const UNIT = { cache_seconds: 60 }; // of what is shown, in what is kept
const shown = (name, value) => (value === undefined ? null : Math.ceil(value / (UNIT[name] ?? 1)));

function field([name, one]) {
  const [label, about] = LABELS()[name];
  const [least, most] = [shown(name, one.least), shown(name, one.most)];
  const bounds = _("From %(least)s to %(most)s.", { least: number(least), most: number(most) });
  if (name === "delay_hours") return { name, label, kind: "number", value: one.value, least, most, needed: true, hint: `${about} ${bounds}` };
  const usual = one.chosen ? _("Chosen by your school. Empty goes back to what the service sets.") : _("Set by the service.");
  return { name, label, kind: "number", value: shown(name, one.value) ?? "", least, most, hint: [about, bounds, usual].filter(Boolean).join(" ") };
}

/** What was changed: the new number, or null for what the service sets. */
function changed(found, held) {
  const news = Object.entries(found).filter(([name, value]) => value !== shown(name, held[name].value));
  return Object.fromEntries(news.map(([name, value]) => [name, value === null ? null : value * (UNIT[name] ?? 1)]));
}

function button(box) {
  if (isFresh()) return h("button", { class: "button primary" }, _("Save"));
  return h("button", { type: "button", class: "button primary", onclick: () => freshly(() => showRetention(box)) }, _("Sign in again to change this…"));
}

/** Draw into ``box``. */
export async function showRetention(box) {
  const { retention, delay_hours: delay, etag } = await school.settings();
  const held = { ...retention, delay_hours: { ...DELAY, value: delay } };
  const fields = Object.entries(held).map(field);
  const problem = h("p", { class: "problem", role: "alert" });
  const saved = h("span", { "data-part": "saved" });
  const form = h("form", { novalidate: "" }, h("div", { class: "settings" }, drawn(fields)), problem, h("div", { class: "actions" }, saved, button(box)));
  if (!isFresh()) for (const control of form.querySelectorAll("input")) control.disabled = true; // nothing is typed in vain
  const save = async () => {
    problem.textContent = refused(form, fields);
    if (problem.textContent) return;
    const { delay_hours: waits, ...wanted } = changed(values(form, fields), held);
    const more = waits === undefined ? {} : { delay_hours: waits };
    if (!Object.keys({ ...wanted, ...more }).length) return void saved.replaceChildren(_("Nothing was changed."));
    try {
      await keeping(() => school.change(etag, { retention: wanted, ...more }));
      await showRetention(box);
      box.querySelector('[data-part="saved"]').replaceChildren(h("span", { class: "state good" }, _("Saved")));
      box.querySelector("h3").focus();
      say(_("Saved. It holds for everybody in your school from now on."));
    } catch (error) {
      problem.textContent = words(error);
      if (error.status !== 412) return; // else somebody was faster: show what holds now
      await attempt(() => showRetention(box));
      box.querySelector(".problem").textContent = words(error);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  box.replaceChildren(card(_("How long things are kept"), h("p", {}, _("What is over its time goes by itself and does not come back. Changing this needs a new sign-in.")), form));
}
