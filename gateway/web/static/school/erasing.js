/** Having people, or the whole school, forgotten: chosen, looked at as a dry run, confirmed, and kept a receipt of. */

import { once } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, say, table } from "../dom.js";
import { outsideName } from "../forget.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, bytes, moment, ngettext, number } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { school } from "./api.js";
import { showApprovals } from "./approvals.js";
import { everybody, personLine } from "./people.js";
import { picking } from "./picking.js";
import { keepReceipt } from "./receipts.js";
import { showWaiting } from "./waiting.js";

const WORD = "FORGET";

/** A dry run, to be read before anything is confirmed. */
function plan({ people, stores, outside }) {
  const rows = stores.filter((one) => one.count > 0);
  const columns = [
    { title: _("What"), header: true, cell: (one) => one.what },
    { title: _("Number"), tight: true, cell: (one) => number(one.count) },
    { title: _("Size"), tight: true, cell: (one) => (one.bytes ? bytes(one.bytes) : "–") },
  ];
  const left = outside.map((one) => h("li", {}, h("b", {}, `${outsideName(one.provider)} (${number(one.count)})`), ` ${one.what}`));
  return [
    h("p", {}, h("b", {}, ngettext("%(count)s person would be forgotten.", "%(count)s people would be forgotten.", people))),
    rows.length ? table(_("What will be destroyed here"), columns, rows) : null,
    left.length ? h("h3", {}, _("What remains outside")) : null,
    left.length ? h("ul", { class: "outside" }, left) : null,
  ].filter(Boolean);
}

const later = () => h("p", { class: "note" }, _("Nothing happens yet: a second administrator must approve it, and then it waits for your school's delay. Until then every administrator can cancel it."));

/** Look, confirm, order. ``wanted``: {scope, people}; ``one``: who it is, where one alone is meant. */
async function order(wanted, one, done) {
  const key = once();
  const found = await school.planErasure({ scope: wanted.scope, people: wanted.people });
  const alone = one && one.role !== "administrator";
  const how = { name: "how", label: _("How"), kind: "select", options: [["person", _("Now, on your word alone")], ["people", _("As a request that a second administrator approves")]], value: "person", needed: true };
  const reason = { name: "reason", label: _("Reason (may be empty)"), kind: "area", most: 500 };
  const title = wanted.scope === "school" ? _("Forget the whole school") : one ? _("Forget %(name)s", { name: one.name }) : _("Forget these people");
  const run = async ({ how: scope, ...kept }) => school.erase({ ...wanted, scope: scope ?? wanted.scope, ...kept }, key);
  const started = await askForm({ title, intro: [...plan(found), alone ? null : later()].filter(Boolean), fields: alone ? [how, reason] : [reason], word: WORD, ok: alone ? _("Forget") : _("Ask for it"), danger: true, run });
  if (!started) return;
  say(started.approval ? _("Asked for. A second administrator must approve it.") : _("It has begun."));
  await done(started);
}

/** Boxes beside names, and the way to what would go. */
function chooser(people, begin) {
  const button = h("button", { type: "button", class: "button danger", disabled: true, onclick: () => begin([...chosen.values()]) }, _("See what would be forgotten"));
  const changed = (count) => {
    button.disabled = !count;
  };
  const { nodes, chosen } = picking(people, { about: personLine, none: _("Nobody is chosen yet."), changed });
  return [nodes, h("p", {}, button)];
}

function past(items, names) {
  const what = (one) => ({ person: names.get(one.person) ?? _("A person"), people: ngettext("%(count)s person", "%(count)s people", one.people ?? 0), school: _("The whole school"), item: _("One thing") })[one.scope];
  const columns = [
    { title: _("What"), header: true, cell: what },
    { title: _("Asked for"), tight: true, cell: (one) => moment(one.asked) },
    { title: _("How it stands"), cell: (one) => [h("span", { class: `state ${one.state === "done" ? "good" : "part"}` }, one.state === "done" ? _("Done") : _("Running")), h("p", {}, one.words)] },
    { title: _("Gone from backups by"), cell: (one) => (one.dead_by ? moment(one.dead_by) : "–") },
  ];
  return table(_("What was forgotten"), columns, items);
}

/** Draw into ``box``. */
export async function showErasing(box) {
  const me = JSON.parse(document.getElementById("me").textContent);
  const everyone = await everybody();
  const names = new Map(everyone.map((one) => [one.id, one.name]));
  const done = async (started) => {
    await attempt(() => showErasing(box));
    if (started?.receipt) box.prepend(keepReceipt(started.receipt));
    box.querySelector("h3").focus();
    showWaiting();
  };
  const begin = (people) => attempt(() => freshly(() => order({ scope: "people", people: people.map((one) => one.id) }, people.length === 1 ? people[0] : null, done)));
  const all = () => attempt(() => freshly(() => order({ scope: "school", people: [] }, null, done)));
  const list = h("div", {});
  const requests = card(_("Requests that need two administrators"));
  await Promise.all([paged(list, school.erasures, (items) => past(items, names), _("Your school had nobody forgotten yet.")), showApprovals(requests, names, done)]);
  box.replaceChildren(
    requests,
    card(_("Forget people"), h("p", {}, _("Everything that is kept here of them is destroyed, for good. First you see what that is.")), chooser(everyone.filter((one) => one.id !== me.id), begin)),
    card(_("Forget the whole school"), h("p", {}, _("For when your school leaves: everybody in it, and everything of the school.")), h("p", {}, h("button", { type: "button", class: "button danger", onclick: all }, _("See what would be forgotten of the school…")))),
    card(_("What was forgotten"), list),
  );
  box.lastElementChild.previousElementSibling.classList.add("danger-zone");
}
