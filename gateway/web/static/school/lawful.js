/** Lawful requests: what authorities ask the school for, approved by two administrators, handed out or refused. */

import { ApiProblem } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, line, say } from "../dom.js";
import { askForm, local } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { all, school } from "./api.js";
import { approve, behind, cancel, isMine, nameIn } from "./approvals.js";
import { follow } from "./following.js";
import { grounds } from "./hold_order.js";
import { everybody, personLine } from "./people.js";
import { picking } from "./picking.js";
import { showWaiting } from "./waiting.js";

const PARTS = () => [
  ["profile", _("Who they are: name, e-mail address, role, age group, language")],
  ["accounts", _("The accounts that they connected")],
  ["ledger", _("What they did, and what was done about them")],
];
const STATES = () => ({
  open: ["part", _("Waits for approval")],
  approved: ["bad", _("May be handed out")],
  handed_out: ["good", _("Handed out")],
  refused: ["", _("Refused")],
  lapsed: ["", _("Over: the service was restored from a backup. Ask anew.")],
});

const button = (text, one, onclick, kind = "") => h("button", { type: "button", class: `button ${kind}`, "aria-label": `${text} ${one.reference}`, onclick }, text);

async function ask(people) {
  const { nodes, chosen } = picking(people, { about: personLine, none: _("Nobody is chosen yet.") });
  const fields = [
    ...grounds(),
    { name: "parts", label: _("What is asked for"), kind: "checks", options: PARTS(), needed: true, hint: _("Files lie in people's own drives: their providers hand those out.") },
    { name: "since", label: _("What was done since (may be empty)"), kind: "time", value: "", most: local() },
    { name: "until", label: _("What was done until (may be empty)"), kind: "time", value: "" },
    { name: "tells", label: _("Do the people learn of it?"), kind: "select", options: [["yes", _("Yes: they see that data about them was handed out")], ["no", _("No: the law forbids it")]], value: "yes", needed: true },
  ];
  const run = ({ tells, ...kept }) => {
    if (!chosen.size) throw new ApiProblem(422, { detail: _("Choose at least one person.") });
    return school.openLawful({ ...kept, people: [...chosen.keys()], tells: tells === "yes" });
  };
  const intro = [_("Write down what the letter asks for, and no more. You are the first who approves it; a second administrator must, too."), h("fieldset", {}, h("legend", {}, _("Whom it is about")), nodes)];
  return askForm({ title: _("Lawful request"), intro, fields, ok: _("Write it down"), run });
}

async function refuse(one, done) {
  const fields = [{ name: "why", label: _("Reason"), kind: "area", most: 2000, needed: true }];
  const refused = await attempt(() => freshly(() => askForm({ title: _("Refuse this request?"), intro: _("Nothing is handed out. It stays in this list, with your reason."), fields, ok: _("Refuse"), danger: true, run: (found) => school.refuseLawful(one.id, found) })));
  if (refused) await done();
}

async function take(one, done) {
  const intro = _("A file with what was asked for is made and saved by your browser. From then on the request counts as handed out, and that is written down.");
  const given = await attempt(() => freshly(() => askForm({ title: _("Hand out what was asked for?"), intro, fields: [], ok: _("Hand it out"), run: () => school.takeLawful(one.id) })));
  if (given) await done();
}

const takenBack = () => ({ title: _("Take the approvals back?"), text: _("Nothing is handed out then, until two administrators approve it anew."), ok: _("Take them back") });

/** The administrators' request about it, while it waits. */
const waiting = (one, requests) => (one.state === "open" && ["proposed", "approved"].includes(requests.get(one.approval)?.state) ? requests.get(one.approval) : null);

function steps(one, { requests, done }) {
  const request = waiting(one, requests);
  const found = [];
  const vote = () => approve({ kind: "lawful_request", delay_seconds: 0 }, done, () => school.approveLawful(one.id));
  if (one.state === "open" && (!request || (request.state === "proposed" && !isMine(request)))) found.push(button(_("Approve…"), one, vote, "primary"));
  if (request) found.push(button(_("Take the approvals back…"), one, () => cancel(request, done, takenBack())));
  if (["approved", "handed_out"].includes(one.state)) found.push(button(_("Hand it out…"), one, () => take(one, done), one.state === "approved" ? "primary" : ""));
  if (["open", "approved"].includes(one.state)) found.push(button(_("Refuse…"), one, () => refuse(one, done)));
  return found;
}

function facts(one, { names, requests }) {
  const parts = new Map(PARTS());
  const span = [one.since, one.until].map((time) => (time ? moment(time) : "…")).join(" – ");
  return h("dl", { class: "facts" },
    line(_("Whom it is about"), one.people.map((id) => h("div", {}, h("bdi", {}, nameIn(names)(id))))),
    line(_("What is asked for"), one.parts.map((part) => parts.get(part)).join("\n")),
    one.since || one.until ? line(_("What was done"), span) : null,
    line(_("The law or order it rests on"), h("bdi", {}, one.basis)),
    line(_("Do the people learn of it?"), one.tells ? _("Yes") : _("No")),
    line(_("Written down"), [h("bdi", {}, one.opened_by ? nameIn(names)(one.opened_by) : _("Who runs the service")), ` (${moment(one.made)})`]),
    requests.has(one.approval) ? line(_("Behind it"), behind(requests.get(one.approval), names)) : null,
    one.why ? line(_("Reason"), h("bdi", {}, one.why)) : null,
    one.ended ? line(_("Over since"), moment(one.ended)) : null);
}

function record(one, house) {
  const request = waiting(one, house.requests);
  const [tone, words] = request?.state === "approved" ? ["part", _("Approved")] : STATES()[one.state];
  const second = { proposed: _("A second administrator must approve it."), approved: _("It is done in a moment.") }[request?.state];
  const buttons = steps(one, house);
  return h("li", { class: "record" },
    h("h4", { tabindex: "-1" }, h("bdi", {}, one.authority), " · ", h("bdi", {}, one.reference)),
    h("p", { class: "choices" }, h("span", { class: `state ${tone}` }, words), second ? h("span", {}, second) : null),
    facts(one, house),
    buttons.length ? h("div", { class: "choices drafts" }, buttons) : null);
}

/** Approved by two: it may be handed out in a moment. */
const moves = (one, { requests }) => waiting(one, requests)?.state === "approved";

function shown(one, house) {
  const node = record(one, house);
  const follows = { now: one, load: () => school.lawfulOne(one.id), draw: (found) => record(found, house), moves: (found) => moves(found, house), told: (found) => STATES()[found.state][1] };
  if (moves(one, house)) follow(node, follows);
  return node;
}

/** Draw into ``box``. */
export async function showLawful(box) {
  const [people, approvals] = await Promise.all([everybody(), all(school.approvals)]);
  const house = { names: new Map(people.map((one) => [one.id, one.name])), requests: new Map(approvals.map((one) => [one.id, one])) };
  house.done = async () => {
    await attempt(() => showLawful(box));
    box.querySelector("h3").focus();
    showWaiting();
  };
  const begin = async () => {
    if (!(await attempt(() => freshly(() => ask(people))))) return;
    say(_("Written down. A second administrator must approve it."));
    await house.done();
  };
  const list = h("div", {});
  await paged(list, school.lawful, (items) => h("ul", { class: "room" }, items.map((one) => shown(one, house))), _("No authority asked your school for anything."));
  const add = h("button", { type: "button", class: "button primary", onclick: begin }, _("Write down a lawful request…"));
  box.replaceChildren(card(_("Lawful requests"), h("p", {}, _("What authorities ask your school for. Your school decides: two administrators approve, then it is handed out, or it is refused.")), h("p", {}, add), list));
}
