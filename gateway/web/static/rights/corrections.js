/** Corrections: one's own fields at once, those of the school's directory as a request whose way is shown. */

import { askSure, attempt } from "../dialogs.js";
import { h, say, table } from "../dom.js";
import { askForm } from "../forms.js";
import { _, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { AGES, FIELDS, languages, OWN, ROLES, valueOf } from "./words.js";

const CHOICES = { role: () => ROLES().filter(([code]) => code !== "administrator"), age_band: AGES, locale: languages };

/** How far a correction is: [tone, words]. */
export function stateOf(one) {
  return {
    asked: ["part", _("Your school has been asked")],
    accepting: ["part", _("Being changed")],
    accepted: ["good", OWN.includes(one.field) ? _("Changed") : _("The school accepted it")],
    refused: ["bad", _("The school refused it")],
    withdrawn: ["", _("Taken back")],
    settled: ["", _("Over: the directory says something new")],
    superseded: ["", _("Over: corrected again since")],
  }[one.state];
}

function field(name, current) {
  const label = _("What is right");
  if (CHOICES[name]) return { name: "value", label, kind: "select", options: CHOICES[name](), value: current, needed: true };
  return { name: "value", label, kind: "text", value: current, needed: true, most: 200 };
}

async function ask(who, name, current, done) {
  const own = OWN.includes(name);
  const fields = [field(name, current)];
  if (!own) fields.push({ name: "why", label: _("Why, for your school"), kind: "area" });
  const intro = own ? _("This is yours to say. It holds at once.") : _("This comes from your school's directory. Your school decides, and you see its answer here.");
  const run = (found) => who.correct({ field: name, ...found });
  const made = await attempt(() => askForm({ title: _("Correct: %(field)s", { field: FIELDS()[name] }), intro, fields, ok: own ? _("Change") : _("Ask the school"), run }));
  if (!made) return;
  say(stateOf(made)[1]);
  await done(made);
}

function list(items, withdraw) {
  const columns = [
    { title: _("What"), header: true, cell: (one) => FIELDS()[one.field] },
    { title: _("What is right"), cell: (one) => h("bdi", {}, valueOf(one.field, one.value)) },
    { title: _("How it stands"), cell: (one) => [h("span", { class: `state ${stateOf(one)[0]}` }, stateOf(one)[1]), one.answer ? h("p", {}, h("bdi", {}, one.answer)) : null] },
    { title: _("Asked for"), tight: true, cell: (one) => moment(one.made) },
    { title: _("Actions"), end: true, cell: (one) => one.state === "asked" && h("button", { type: "button", class: "button", "aria-label": `${_("Take back")}: ${FIELDS()[one.field]}`, onclick: () => withdraw(one) }, _("Take back")) },
  ];
  return table(_("Corrections"), columns, items);
}

/** ``values``: what is held now, by field; empty where that is not known. */
export async function showCorrections(box, who, values) {
  const fields = FIELDS();
  const listed = h("div", {});
  const done = async (made) => {
    const now = made?.state === "accepted" ? { ...values, [made.field]: made.value } : values;
    await attempt(() => showCorrections(box, who, now));
    box.querySelector("h3").focus();
  };
  const withdraw = async (one) => {
    if (!(await askSure(_("Take this request back?"), _("Your school does not see it any more."), _("Take back")))) return;
    await attempt(() => who.withdraw(one.id));
    await done();
  };
  const rows = Object.keys(fields).map((name) => ({ name, value: values[name] }));
  const columns = [
    { title: _("What"), header: true, cell: (row) => fields[row.name] },
    { title: _("What is held"), cell: (row) => h("bdi", {}, row.value ? valueOf(row.name, row.value) : "–") },
    { title: _("Where it comes from"), cell: (row) => (OWN.includes(row.name) ? _("From you") : _("From the school's directory")) },
    { title: _("Actions"), end: true, cell: (row) => h("button", { type: "button", class: "button", "aria-label": `${_("Correct…")} ${fields[row.name]}`, onclick: () => ask(who, row.name, row.value, done) }, _("Correct…")) },
  ];
  await paged(listed, who.corrections, (items) => list(items, withdraw), _("Nothing was corrected yet."));
  box.replaceChildren(
    card(who.mine ? _("Correct what is wrong") : _("Correct what is wrong about %(name)s", { name: who.name }), h("p", {}, _("Files are not here: change them where they lie.")), table(_("What can be corrected"), columns, rows)),
    card(_("Corrections so far"), listed),
  );
}
