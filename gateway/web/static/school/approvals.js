/** Requests that need two administrators and a delay: who stands behind each, approving and cancelling it. */

import { askSure, attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, moment, ngettext } from "../i18n.js";
import { paged } from "../paging.js";
import { all, school } from "./api.js";

const me = JSON.parse(document.getElementById("me").textContent);

/** What is approved: its words, what it means, and a word that is typed where it cannot be undone. */
const KINDS = () => {
  const destroyed = _("What it is about is destroyed for good once the delay is over.");
  return {
    erase_people: { words: _("Forget people"), means: destroyed, word: "FORGET" },
    erase_school: { words: _("Forget the whole school"), means: destroyed, word: "FORGET" },
    hold: { words: _("Legal hold"), means: _("The hold begins then. What it names stays, also if its person deletes it or is forgotten.") },
    hold_release: { words: _("Release of a legal hold"), means: _("What only this hold keeps is destroyed then, for good."), word: "RELEASE" },
    lawful_request: { words: _("Lawful request"), means: _("Once two administrators approved, what was asked for can be handed out.") },
  };
};
const TONES = { proposed: "part", approved: "bad", done: "good", cancelled: "", lapsed: "" };

export const nameIn = (names) => (id) => names.get(id) ?? _("Somebody who is not here any more");
const forgets = (one) => one.kind.startsWith("erase_");

/** Whether the person who looks stands behind it. */
export const isMine = (one) => one.behind.some((vote) => vote.person === me.id);

/** Who stands behind it and since when, one below the other. */
export const behind = (one, names) => one.behind.map((vote) => h("div", {}, h("bdi", {}, names.get(vote.person) ?? _("An administrator")), ` (${moment(vote.at)})`));

/** Stand behind a request: {kind, delay_seconds}. ``run``: how that is said to the API; ``about``: more to be read. */
export async function approve(one, done, run = () => school.approve(one.id), about = []) {
  const { words, means, word = "" } = KINDS()[one.kind];
  const hours = Math.round(one.delay_seconds / 3600);
  const delay = ngettext("The delay is %(count)s hour. Until then every administrator can cancel it.", "The delay is %(count)s hours. Until then every administrator can cancel it.", hours);
  const intro = [...about, means, ...(one.delay_seconds ? [delay] : [])];
  const ask = () => askForm({ title: _("Approve: %(what)s", { what: words }), intro, fields: [], word, ok: _("Approve"), danger: Boolean(word), run });
  const given = await attempt(() => freshly(ask));
  if (!given) return;
  say(_("You stand behind it now."));
  await done(given);
}

const usual = () => ({ title: _("Cancel this request?"), text: _("It is not done then. Somebody would have to ask anew."), ok: _("Cancel the request") });

/** Cancel a request before it is done. */
export async function cancel(one, done, { title, text, ok } = usual()) {
  if (!(await askSure(title, text, ok, { no: _("Go back") }))) return;
  if (!(await attempt(() => school.cancel(one.id)))) return;
  say(_("Cancelled"));
  await done();
}

/** Who it is about, on demand. */
function concerned(one, names) {
  if (!one.people) return null;
  const box = h("div", {});
  const open = async () => {
    const ids = await attempt(() => all(school.concerned(one.id)));
    if (ids) box.replaceChildren(h("ul", { class: "lines" }, ids.map((id) => h("li", {}, h("bdi", {}, nameIn(names)(id))))));
  };
  const details = h("details", {}, h("summary", {}, ngettext("It is about %(count)s person", "It is about %(count)s people", one.people)), box);
  details.addEventListener("toggle", () => details.open && !box.firstChild && open());
  return details;
}

function request(one, names, done) {
  const buttons = [
    one.state === "proposed" && !isMine(one) ? h("button", { type: "button", class: "button danger", onclick: () => approve(one, done) }, _("Approve…")) : null,
    ["proposed", "approved"].includes(one.state) ? h("button", { type: "button", class: "button", onclick: () => cancel(one, done) }, _("Cancel the request…")) : null,
  ];
  return h("li", { class: "record" },
    h("h4", {}, KINDS()[one.kind].words),
    h("p", { class: "choices" }, h("span", { class: `state ${TONES[one.state]}` }, one.words), one.due && one.state === "approved" ? h("b", {}, _("It is done on %(time)s.", { time: moment(one.due) })) : null),
    h("p", { class: "quiet" }, `${_("Behind it:")} `, h("bdi", {}, one.behind.map((vote) => names.get(vote.person) ?? _("An administrator")).join(", ")), ` · ${moment(one.made)}`),
    one.reason ? h("p", { class: "written" }, h("bdi", {}, one.reason)) : null,
    concerned(one, names),
    h("div", { class: "choices drafts" }, buttons));
}

/** The requests of some kinds, page by page. */
export const requestsOf = (which) => async (cursor) => {
  const found = await school.approvals(cursor);
  return { ...found, items: found.items.filter(which) };
};

/** Add those to forget to ``box``; others stand where they belong. ``done(given)``: after each step, with what it gave. */
export async function showApprovals(box, names, done) {
  const list = h("div", {});
  await paged(list, requestsOf(forgets), (items) => h("ul", { class: "steps" }, items.map((one) => request(one, names, done))), _("There is no request."));
  box.append(list);
}
