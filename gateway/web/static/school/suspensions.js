/** Suspensions: cut access off at once, see what is cut off, and give it back. */

import { attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { all, school } from "./api.js";
import { choices, everybody } from "./people.js";

const reason = () => ({ name: "reason", label: _("Reason"), kind: "area", needed: true, hint: _("It is written down. Do not name more than is needed.") });

async function incidentField() {
  const open = (await all(school.incidents)).filter((one) => one.state === "open");
  return { name: "incident", label: _("Belongs to the incident (may be empty)"), kind: "select", options: [["", _("None")], ...open.map((one) => [one.id, `${one.words} · ${moment(one.opened)}`])] };
}

const number = (label) => ({ name: "target", label, kind: "text", needed: true, most: 32, hint: _("The number that the incident names.") });

async function keyField(person) {
  const keys = await school.keys(person);
  return { name: "version", label: _("Version of the key"), kind: "select", options: keys.map((one) => [String(one.version), `${one.version} · ${moment(one.made)}${one.suspended ? ` · ${_("Suspended")}` : ""}`]), value: String(keys[0]?.version ?? ""), needed: true };
}

/** What can be suspended: its words, what it means, whether a fresh sign-in is needed, and what is asked for. */
const WHAT = () => ({
  person: { words: _("A person"), means: _("They cannot sign in, and their jobs wait. Nothing is lost."), fields: async () => [{ name: "target", label: _("Who"), kind: "select", options: choices(await everybody()), needed: true }] },
  connection: { words: _("A connected account"), means: _("Its drive is not used, and jobs with it wait."), fields: () => [number(_("Number of the connection"))] },
  client: { words: _("A sign-in of the browser extension"), means: _("Its tokens are not taken any more."), fields: () => [number(_("Number of the sign-in"))] },
  key: { words: _("The school's key"), means: _("Nothing that it seals is read or written, for anybody at your school."), fresh: true, fields: async () => [await keyField()] },
  school: { words: _("The whole school"), means: _("Only administrators get in, and jobs wait until you lift it."), fresh: true, fields: () => [] },
});

async function begin(kind, done) {
  const what = WHAT()[kind];
  const ask = async () => {
    const fields = [...(await what.fields()), reason(), await incidentField()];
    const run = ({ version, target, incident, ...kept }) => school.suspend({ kind, ...kept, ...(version ? { version: Number(version) } : {}), ...(target ? { target } : {}), ...(incident ? { incident } : {}) });
    return askForm({ title: _("Suspend: %(what)s", { what: what.words }), intro: h("p", { class: "note" }, what.means, " ", _("It holds everywhere and at once, until it is lifted.")), fields, ok: _("Suspend now"), danger: true, run });
  };
  if (!(await attempt(what.fresh ? () => freshly(ask) : ask))) return;
  say(_("Access was suspended"));
  await done();
}

async function lift(one, done) {
  const ask = () => askForm({ title: _("Give access back?"), intro: one.words, fields: [reason()], ok: _("Give access back"), run: (found) => school.lift(one.id, found) });
  if (!(await attempt(() => freshly(ask)))) return;
  say(_("Access was given back"));
  await done();
}

function one(item, names, done) {
  const about = names.get(item.target);
  const button = item.lifted || item.kind === "signing" ? null : h("button", { type: "button", class: "button", "aria-label": `${_("Lift…")} ${about ?? item.words}`, onclick: () => lift(item, done) }, _("Lift…"));
  return h("li", { class: "record" },
    h("p", { class: "choices" }, h("span", { class: `state ${item.lifted ? "" : "bad"}` }, item.lifted ? _("Lifted") : _("Suspended")), about ? h("b", {}, h("bdi", {}, about)) : null, h("span", {}, item.words)),
    h("p", { class: "quiet" }, item.lifted ? _("From %(from)s until %(until)s", { from: moment(item.began), until: moment(item.lifted) }) : _("Since %(time)s", { time: moment(item.began) })),
    item.reason ? h("p", { class: "written" }, h("bdi", {}, item.reason)) : null,
    button ? h("p", {}, button) : null);
}

/** Draw into ``box``. */
export async function showSuspensions(box) {
  const people = await everybody().catch(() => []); // what is suspended is shown and lifted, whatever else fails
  const names = new Map(people.map((person) => [person.id, person.name]));
  const listed = h("div", {});
  const done = async () => {
    await attempt(() => showSuspensions(box));
    box.querySelector("h3").focus();
  };
  await paged(listed, school.suspensions, (items) => h("ul", { class: "room" }, items.map((item) => one(item, names, done))), _("Nothing was ever suspended."));
  const buttons = Object.entries(WHAT()).map(([kind, what]) => h("button", { type: "button", class: "button", onclick: () => begin(kind, done) }, `${what.words}…`));
  box.replaceChildren(
    card(_("Suspend access"), h("p", {}, _("For when something goes wrong: access is cut off at once and given back later. Nothing is deleted.")), h("div", { class: "choices" }, buttons)),
    card(_("Suspensions"), listed),
  );
}
