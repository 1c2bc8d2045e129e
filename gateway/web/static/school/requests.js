/** Corrections that people asked the school for: accepted, or refused with a reason. */

import { attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { FIELDS, valueOf } from "../rights/words.js";
import { school } from "./api.js";
import { everybody } from "./people.js";
import { showWaiting } from "./waiting.js";

const me = JSON.parse(document.getElementById("me").textContent);

async function decide(one, accept, done) {
  const what = { name: one.name, field: FIELDS()[one.field] };
  const title = accept ? _("Accept: %(field)s of %(name)s", what) : _("Refuse: %(field)s of %(name)s", what);
  const intro = accept
    ? _("It holds at once, over what the directory says until that says something new. Correct it in the directory, too.")
    : _("Say why, so that the person understands it.");
  const fields = [{ name: "answer", label: accept ? _("Answer (may be empty)") : _("Reason"), kind: "area", needed: !accept }];
  const run = ({ answer }) => school.decideCorrection(one.id, { decision: accept ? "accept" : "refuse", answer });
  const form = { title, intro, fields, ok: accept ? _("Accept") : _("Refuse"), danger: !accept, run };
  if (!(await attempt(() => freshly(() => askForm(form))))) return;
  say(_("Answered. The person is told."));
  showWaiting();
  await done();
}

function request(one, held, done) {
  const line = (term, value) => h("div", {}, h("dt", {}, term), h("dd", {}, h("bdi", {}, value)));
  const mine = one.person === me.id;
  const buttons = [
    h("button", { type: "button", class: "button primary", onclick: () => decide(one, true, done) }, _("Accept…")),
    h("button", { type: "button", class: "button", onclick: () => decide(one, false, done) }, _("Refuse…")),
  ];
  return h("li", { class: "record" },
    h("h4", {}, h("bdi", {}, one.name || "–"), ` · ${FIELDS()[one.field]}`),
    h("dl", { class: "facts" }, held ? line(_("What is held"), valueOf(one.field, held[one.field] ?? "–")) : null, line(_("What is right"), valueOf(one.field, one.value)), one.why ? line(_("Why"), one.why) : null, line(_("Asked for"), moment(one.made))),
    mine ? h("p", { class: "quiet" }, _("This is about you. Another administrator must answer it.")) : h("div", { class: "choices" }, buttons));
}

/** Draw into ``box``. */
export async function showRequests(box) {
  const listed = h("div", {});
  const done = async () => {
    await attempt(() => showRequests(box));
    box.querySelector("h3").focus();
  };
  const people = new Map((await everybody()).map((person) => [person.id, person]));
  await paged(listed, school.corrections, (items) => h("ul", { class: "room" }, items.map((one) => request(one, people.get(one.person), done))), _("Nobody waits for an answer."));
  box.replaceChildren(card(_("Corrections to answer"), h("p", {}, _("People asked to have corrected what your directory says about them. The oldest is first.")), listed));
}
