/** Legal holds: what must be kept of whom, on which ground, until when; who stands behind it; taken away and released. */

import { attempt } from "../dialogs.js";
import { h, line, table } from "../dom.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, bytes, days, moment, ngettext, number } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { all, school } from "./api.js";
import { approve, behind, cancel, isMine, nameIn } from "./approvals.js";
import { follow } from "./following.js";
import { orderHold } from "./hold_order.js";
import { everybody } from "./people.js";
import { keepReceipt } from "./receipts.js";
import { showWaiting } from "./waiting.js";

const TONES = { proposed: "part", opening: "good", open: "good", releasing: "part", released: "", cancelled: "", void: "" };
const STATES = () => ({
  proposed: _("Waits for approval"), opening: _("Holds"), open: _("Holds"), releasing: _("Being released"),
  released: _("Released"), cancelled: _("Cancelled"), void: _("Nothing to keep"),
});
const KEEPS = ["opening", "open"];

const button = (text, one, onclick, kind = "") => h("button", { type: "button", class: `button ${kind}`, "aria-label": `${text} ${one.reference ?? ""}`.trim(), onclick }, text);

const contents = (one) => `${ngettext("%(count)s content of a file", "%(count)s contents of files", one.contents)} · ${bytes(one.bytes)}`;

function kept(items) {
  const columns = [
    { title: _("Name"), header: true, cell: (one) => [h("bdi", {}, one.name), one.path.length ? h("div", { class: "quiet" }, h("bdi", {}, one.path.join(" / "))) : null] },
    { title: _("How it stands"), cell: (one) => [one.trashed ? _("Trash") : one.current ? _("Current") : _("Older version"), one.damaged ? h("span", { class: "state bad" }, _("Damaged")) : null] },
    { title: _("Size"), tight: true, cell: (one) => bytes(one.size) },
    { title: _("Changed"), tight: true, cell: (one) => moment(one.modified) },
  ];
  return table(_("What this hold keeps"), columns, items);
}

async function look(one, box) {
  const load = () => paged(box, school.heldContents(one.id), kept, _("It keeps nothing."));
  if ((await attempt(() => freshly(() => load().then(() => true)))) === true) box.firstChild.focus();
}

async function take(one) {
  const parts = Array.from({ length: one.parts }, (_one, index) => [String(index + 1), number(index + 1)]);
  const fields = one.parts > 1 ? [{ name: "part", label: _("Part"), kind: "select", options: parts, value: "1", needed: true, hint: _("It is too large for one file.") }] : [];
  const intro = _("A ZIP file with all that this hold keeps is made and saved by your browser. That is written down first.");
  const run = ({ part = "1" }) => school.takeHeld(one.id, Number(part));
  await attempt(() => freshly(() => askForm({ title: _("Hand out what this hold keeps?"), intro, fields, ok: _("Hand it out"), run })));
}

async function release(one, done) {
  const intro = _("A second administrator must approve it. Then what only this hold keeps is destroyed, for good.");
  const asked = await attempt(() => freshly(() => askForm({ title: _("Release this hold?"), intro, fields: [], ok: _("Ask for its release"), danger: true, run: () => school.release(one.id) })));
  if (asked) await done(asked);
}

/** The request that waits now: to open it, or to release it. */
const waiting = (one, requests) => [requests.get(one.release), requests.get(one.approval)].find((request) => request && ["proposed", "approved"].includes(request.state));

function steps(one, { requests, done }, box) {
  const request = waiting(one, requests);
  const found = [];
  if (request?.state === "proposed" && !isMine(request)) found.push(button(_("Approve…"), one, () => approve(request, done), request.kind === "hold" ? "primary" : "danger"));
  if (request) found.push(button(_("Cancel the request…"), one, () => cancel(request, done)));
  if (one.waits === "school_key") return found; // nobody can read what it keeps, or say so in the record
  if (KEEPS.includes(one.state)) found.push(button(_("See what it keeps…"), one, () => look(one, box)), button(_("Hand it out…"), one, () => take(one)));
  if (KEEPS.includes(one.state) && !request) found.push(button(_("Release…"), one, () => release(one, done), "danger"));
  return found;
}

function facts(one, { names, requests }) {
  const read = one.waits !== "school_key";
  const who = (id) => (requests.has(id) ? behind(requests.get(id), names) : "–");
  return h("dl", { class: "facts" },
    read ? line(_("What is held"), one.items ? ngettext("%(count)s file or folder that was chosen", "%(count)s files or folders that were chosen", one.items.length) : _("Everything in the school drive")) : null,
    one.contents ? line(_("What it keeps"), contents(one)) : null,
    read ? line(_("Who asks for it"), h("bdi", {}, one.authority)) : null,
    read ? line(_("The law or order it rests on"), h("bdi", {}, one.basis)) : null,
    one.untold ? line(_("The person may not know"), h("bdi", {}, one.untold)) : null,
    one.began ? line(_("Since"), moment(one.began)) : line(_("Asked for"), moment(one.made)),
    one.ended ? line(_("Until"), moment(one.ended)) : line(_("Look at it again on"), [days.format(new Date(one.review)), one.overdue ? h("span", { class: "state bad" }, _("Overdue")) : null]),
    line(_("Behind it"), who(one.approval)),
    one.release ? line(_("Behind its release"), who(one.release)) : null);
}

function record(one, house) {
  const box = h("div", {});
  const buttons = steps(one, house, box);
  const request = waiting(one, house.requests);
  const soon = request?.state === "approved";
  const person = nameIn(house.names)(one.person);
  return h("li", { class: "record" },
    h("h4", { tabindex: "-1" }, h("bdi", {}, person), one.reference ? [" · ", h("bdi", {}, one.reference)] : null),
    h("p", { class: "choices" }, h("span", { class: `state ${TONES[one.state]}` }, soon ? _("Approved") : STATES()[one.state]), h("span", {}, soon && !one.waits ? _("It is done in a moment.") : one.words)),
    request?.kind === "hold_release" && !soon ? h("p", { class: "note" }, _("Its release is asked for. A second administrator must approve that.")) : null,
    facts(one, house),
    buttons.length ? h("div", { class: "choices drafts" }, buttons) : null,
    box);
}

/** What moves by itself: approved by two and not done yet. */
const moves = (one, { requests }) => ["opening", "releasing"].includes(one.state) || waiting(one, requests)?.state === "approved";

/** Add a record that is drawn anew while it moves. */
function shown(one, house) {
  const node = record(one, house);
  const load = async () => {
    house.requests = new Map((await all(school.approvals)).map((request) => [request.id, request]));
    return school.hold(one.id);
  };
  const draw = (found) => record(found, house);
  if (moves(one, house)) follow(node, { now: one, load, draw, moves: (found) => moves(found, house), told: (found) => found.words });
  return node;
}

/** Draw into ``box``. */
export async function showHolds(box) {
  const [people, approvals] = await Promise.all([everybody(), all(school.approvals)]);
  const house = { names: new Map(people.map((one) => [one.id, one.name])), requests: new Map(approvals.map((one) => [one.id, one])) };
  house.done = async (given) => {
    await attempt(() => showHolds(box));
    if (given?.receipt) box.prepend(keepReceipt(given.receipt));
    box.querySelector("h3").focus();
    showWaiting();
  };
  const list = h("div", {});
  await paged(list, school.holds, (items) => h("ul", { class: "room" }, items.map((one) => shown(one, house))), _("Your school never held anything."));
  const begin = h("button", { type: "button", class: "button primary", onclick: () => orderHold(house.done) }, _("Ask for a legal hold…"));
  box.replaceChildren(card(_("Legal holds"), h("p", {}, _("What the law makes your school keep: it stays, also if its person deletes it or is forgotten. Two administrators begin a hold, and two release it.")), h("p", {}, begin), list));
}
