/** Guardians' links: who may use whose rights, for what, until when; made and ended by the school. */

import { askSure, attempt } from "../dialogs.js";
import { h, say, table } from "../dom.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, days } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { rightWords } from "../rights/told.js";
import { RIGHTS } from "../rights/words.js";
import { school } from "./api.js";
import { choices, everybody } from "./people.js";

const YEAR = 365 * 24 * 60 * 60 * 1000;
const asDay = (ms) => new Date(ms).toISOString().slice(0, 10);

async function add(done) {
  const people = await attempt(everybody);
  if (!people) return;
  const children = people.filter((one) => one.age_band !== "adult");
  const grown = people.filter((one) => one.age_band === "adult" || one.role === "guardian");
  const fields = [
    { name: "child", label: _("Child"), kind: "select", options: choices(children), needed: true },
    { name: "guardian", label: _("Guardian"), kind: "select", options: choices(grown), needed: true, hint: _("Somebody who has signed in here at least once.") },
    { name: "rights", label: _("May do for the child"), kind: "checks", options: RIGHTS(), value: ["review", "correct", "export"], needed: true },
    { name: "until", label: _("Until when"), kind: "date", value: asDay(Date.now() + YEAR), least: asDay(Date.now()), needed: true, hint: _("Before the child comes of age. The link ends then in any case.") },
  ];
  const run = ({ until, ...kept }) => school.link({ ...kept, until: new Date(`${until}T12:00:00`).toISOString() });
  const form = { title: _("Link a guardian"), intro: _("Both are told. What the guardian does is written down, and the child and you see it."), fields, ok: _("Link"), run };
  const made = await attempt(() => freshly(() => askForm(form)));
  if (!made) return;
  say(_("The guardian is linked."));
  await done();
}

function list(items, end) {
  const columns = [
    { title: _("Child"), header: true, cell: (one) => h("bdi", {}, one.child.name || "–") },
    { title: _("Guardian"), cell: (one) => h("bdi", {}, one.guardian.name || "–") },
    { title: _("May do for the child"), cell: (one) => rightWords(one.rights) },
    { title: _("Until when"), tight: true, cell: (one) => days.format(new Date(one.ends)) },
    { title: _("Actions"), end: true, cell: (one) => h("button", { type: "button", class: "button", "aria-label": _("End the link of %(guardian)s to %(child)s", { guardian: one.guardian.name, child: one.child.name }), onclick: () => end(one) }, _("End")) },
  ];
  return table(_("Guardians"), columns, items);
}

/** Draw into ``box``. */
export async function showGuardians(box) {
  const listed = h("div", {});
  const end = async (one) => {
    const names = { guardian: one.guardian.name, child: one.child.name };
    const sure = await askSure(_("End the link of %(guardian)s to %(child)s?", names), _("It ends at once and for good. Both are told. You can make a new link later."), _("End the link"), { danger: true });
    if (!sure || (await attempt(() => school.unlink(one.id).then(() => true))) === undefined) return;
    say(_("The link has ended."));
    await done();
  };
  const done = async () => {
    await attempt(() => showGuardians(box));
    box.querySelector("h3").focus();
  };
  await paged(listed, school.guardians, (items) => list(items, end), _("Nobody is linked as a guardian yet."));
  const button = h("button", { type: "button", class: "button primary", onclick: () => add(done) }, _("Link a guardian…"));
  box.replaceChildren(card(_("Guardians"), h("p", {}, _("A guardian uses a child's rights: to see, to correct, to take a copy, to have it forgotten. Give only what is needed.")), h("p", {}, button), listed));
}
