/** Requests that need two administrators and a delay: who stands behind each, approving and cancelling it. */

import { askSure, attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, moment, ngettext } from "../i18n.js";
import { paged } from "../paging.js";
import { all, school } from "./api.js";

const WORD = "FORGET";
const me = JSON.parse(document.getElementById("me").textContent);

const KINDS = () => ({ erase_people: _("Forget people"), erase_school: _("Forget the whole school") });
const TONES = { proposed: "part", approved: "bad", done: "good", cancelled: "", lapsed: "" };

async function approve(one, done) {
  const delay = one.delay_seconds / 3600;
  const erases = one.kind.startsWith("erase_");
  const intro = [
    erases ? _("What it is about is destroyed for good once the delay is over.") : _("It is done once the delay is over."),
    ngettext("The delay is %(count)s hour. Until then every administrator can cancel it.", "The delay is %(count)s hours. Until then every administrator can cancel it.", Math.round(delay)),
  ];
  const ask = () => askForm({ title: _("Approve: %(what)s", { what: KINDS()[one.kind] ?? _("A lawful request") }), intro, fields: [], word: erases ? WORD : "", ok: _("Approve"), danger: erases, run: () => school.approve(one.id) });
  const given = await attempt(() => freshly(ask));
  if (!given) return;
  say(_("You stand behind it now."));
  await done(given);
}

async function cancel(one, done) {
  if (!(await askSure(_("Cancel this request?"), _("It is not done then. Somebody would have to ask anew."), _("Cancel the request"), { no: _("Go back") }))) return;
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
    if (ids) box.replaceChildren(h("ul", { class: "lines" }, ids.map((id) => h("li", {}, h("bdi", {}, names.get(id) ?? _("Somebody who is not here any more"))))));
  };
  const details = h("details", {}, h("summary", {}, ngettext("It is about %(count)s person", "It is about %(count)s people", one.people)), box);
  details.addEventListener("toggle", () => details.open && !box.firstChild && open());
  return details;
}

function request(one, names, done) {
  const behind = one.behind.map((vote) => names.get(vote.person) ?? _("An administrator")).join(", ");
  const mine = one.behind.some((vote) => vote.person === me.id);
  const buttons = [
    one.state === "proposed" && !mine ? h("button", { type: "button", class: "button danger", onclick: () => approve(one, done) }, _("Approve…")) : null,
    ["proposed", "approved"].includes(one.state) ? h("button", { type: "button", class: "button", onclick: () => cancel(one, done) }, _("Cancel the request…")) : null,
  ];
  return h("li", { class: "record" },
    h("h4", {}, KINDS()[one.kind] ?? _("A lawful request")),
    h("p", { class: "choices" }, h("span", { class: `state ${TONES[one.state]}` }, one.words), one.due && one.state === "approved" ? h("b", {}, _("It is done on %(time)s.", { time: moment(one.due) })) : null),
    h("p", { class: "quiet" }, `${_("Behind it:")} ${behind} · ${moment(one.made)}`),
    one.reason ? h("p", { class: "written" }, h("bdi", {}, one.reason)) : null,
    concerned(one, names),
    h("div", { class: "choices drafts" }, buttons));
}

/** Add them to ``box``. ``done(given)``: called after each step, with what an approval gave. */
export async function showApprovals(box, names, done) {
  const list = h("div", {});
  await paged(list, school.approvals, (items) => h("ul", { class: "steps" }, items.map((one) => request(one, names, done))), _("There is no request."));
  box.append(list);
}
