/** Whom an incident touched: whose files were used in a time span, by the record of accesses; noted in the incident. */

import { askSure, attempt } from "../dialogs.js";
import { h } from "../dom.js";
import { askForm, local } from "../forms.js";
import { _, ngettext } from "../i18n.js";
import { all, school } from "./api.js";

const PART = 500; // people in one request
const NAMED = 30; // who are named before it is confirmed

function told(people, names) {
  const named = people.slice(0, NAMED).map((one) => names.get(one.person) ?? _("Somebody who is not here any more"));
  if (people.length > NAMED) named.push("…");
  return [
    ngettext("The files of %(count)s person were used in that time.", "The files of %(count)s people were used in that time.", people.length),
    h("ul", { class: "lines" }, named.map((name) => h("li", {}, h("bdi", {}, name)))),
  ];
}

/** Ask for the time, look, and note the people once that is confirmed. ``again(words)``: the incident anew. */
export async function findAffected(one, names, again) {
  const fields = [
    { name: "since", label: _("From when"), kind: "time", value: local(one.began ?? one.aware), most: local(), needed: true },
    { name: "until", label: _("Until when"), kind: "time", value: local(one.ended), most: local(), needed: true },
  ];
  const run = ({ since, until }) => all(school.touched(since, until), Infinity);
  const people = await attempt(() => askForm({ title: _("Whom it touched"), intro: _("The record of accesses says whose files were used in a time span."), fields, ok: _("Look"), run }));
  if (!people) return;
  if (!people.length) return void (await askSure(_("Whom it touched"), _("Nobody's files were used in that time."), _("OK")));
  if (!(await askSure(_("Note them in the incident?"), told(people, names), _("Note them")))) return;
  const ids = people.map((found) => found.person);
  const noted = await attempt(async () => {
    for (let at = 0; at < ids.length; at += PART) await school.touch(one.id, ids.slice(at, at + PART));
    return true;
  });
  if (noted) await again(_("Written into the book."));
}
