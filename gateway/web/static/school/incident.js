/** One incident: the clock, what is missing, the facts, decisions, drafted notices, signatures, and every step so far. */

import { askSure, attempt } from "../dialogs.js";
import { h, line, say } from "../dom.js";
import { askForm, local } from "../forms.js";
import { freshly, isFresh } from "../fresh.js";
import { _, moment, number } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { findAffected } from "./affected.js";
import { school } from "./api.js";
import { showDrafts } from "./drafts.js";
import { ACTS, clockOf, DATA, list, ORIGINS, PEOPLE, severityName, STEPS } from "./incident_words.js";
import { factFields, severityField } from "./incident_fields.js";
import { everybody } from "./people.js";
import { showWaiting } from "./waiting.js";

const button = (text, onclick, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick }, text);
const yes = (value) => (value === undefined ? _("Not decided yet") : value ? _("Yes") : _("No"));

/** Ask with a form, do it, and show the incident anew. */
function asking(one, again, about) {
  return async () => {
    const done = await attempt(() => askForm(about()));
    if (done) await again(_("Written into the book."));
  };
}

function head(one) {
  const [tone, few, sentence] = clockOf(one.clock);
  return card(
    one.words,
    h("p", { class: "choices" }, h("span", { class: `state ${one.state === "open" ? "part" : "good"}` }, one.state === "open" ? _("Open") : _("Closed")), h("span", { class: "state" }, `${_("How severe")}: ${severityName(one.severity)}`), h("span", { class: "quiet" }, `${ORIGINS()[one.origin]}, ${moment(one.opened)}`)),
    h("div", { class: `clock ${tone}` }, h("b", {}, few), h("span", {}, sentence)),
    one.aware ? h("p", { class: "quiet" }, _("Your school has been aware since %(time)s.", { time: moment(one.aware) })) : null,
  );
}

function todo(one) {
  const step = ([code, words]) => {
    const done = !one.missing.includes(code);
    const more = code === "signatures" ? ` (${_("%(done)s of %(needed)s", { done: one.signed.length, needed: one.signatures_needed })})` : "";
    return h("li", { class: done ? "done" : null }, h("span", {}, words, more), h("span", { class: "hidden" }, done ? _("Done") : _("Not done")));
  };
  const needed = ([code]) => (code !== "notice_authority" || one.notify_authority) && (code !== "notice_people" || one.notify_people);
  return h("ul", { class: "todo" }, Object.entries(STEPS()).filter(needed).map(step));
}

function steps(one, again) {
  const decision = (about, title) => asking(one, again, () => ({
    title,
    fields: [
      { name: "notify", label: title, kind: "select", options: [["", _("Choose…")], ["yes", _("Yes")], ["no", _("No")]], needed: true },
      { name: "reason", label: _("Reason"), kind: "area", needed: true },
    ],
    ok: _("Decide"),
    run: ({ notify, reason }) => school.decide(one.id, { about, notify: notify === "yes", reason }),
  }));
  const told = (about, title) => asking(one, again, () => ({
    title,
    fields: [
      { name: "at", label: _("When"), kind: "time", value: local(), most: local(), needed: true },
      { name: "reference", label: _("Reference, such as a file number"), kind: "text", most: 500 },
      ...(about === "authority" ? [{ name: "delay", label: _("Why it took longer than 72 hours, if it did"), kind: "area" }] : []),
    ],
    ok: _("Write it down"),
    run: (found) => school.notified(one.id, { about, ...found }),
  }));
  const earlier = asking(one, again, () => ({
    title: _("Your school was aware earlier"),
    intro: _("The 72 hours then run from that time. It can only be moved to an earlier one."),
    fields: [{ name: "at", label: _("When"), kind: "time", value: local(one.aware), most: local(), needed: true }],
    ok: _("Write it down"),
    run: ({ at }) => school.aware(one.id, at),
  }));
  if (one.state === "closed") return [];
  return [
    button(_("Decide about the authority…"), decision("authority", _("Is the authority to be notified?"))),
    button(_("Decide about the people…"), decision("people", _("Are the people to be informed?"))),
    one.notify_authority ? button(_("The authority was notified…"), told("authority", _("The authority was notified"))) : null,
    one.notify_people ? button(_("The people were informed…"), told("people", _("The people were informed"))) : null,
    button(_("Aware earlier…"), earlier),
  ];
}

async function sign(one, again) {
  const text = _("You put your name under what stands here now. If something is changed later, you are asked to sign again.");
  if (isFresh() && !(await askSure(_("Sign this incident?"), text, _("Sign")))) return;
  if (await attempt(() => freshly(() => school.sign(one)))) await again(_("Signed"));
}

async function close(one, again) {
  if (!(await askSure(_("Close this incident?"), _("It stays in the book. You can open it again."), _("Close it")))) return;
  if (await attempt(() => school.close(one.id))) await again(_("Closed"));
}

function ending(one, again) {
  const reopen = asking(one, again, () => ({ title: _("Open it again"), fields: [{ name: "reason", label: _("Reason"), kind: "area", needed: true }], ok: _("Open it again"), run: (found) => school.reopen(one.id, found) }));
  const note = asking(one, again, () => ({ title: _("Add a note"), intro: _("It stays as it is."), fields: [{ name: "text", label: _("Note"), kind: "area", rows: 6, most: 10000, needed: true }], ok: _("Add"), run: (found) => school.note(one.id, found) }));
  const found = [button(_("Add a note…"), note)];
  if (one.state === "closed") return [...found, button(_("Open it again…"), reopen)];
  const unsigned = one.missing.filter((code) => code !== "signatures");
  if (!unsigned.length && one.missing.length) found.push(button(_("Sign…"), () => sign(one, again), "primary"));
  if (!one.missing.length) found.push(button(_("Close it…"), () => close(one, again), "primary"));
  return found;
}

function facts(one, names, again) {
  if (!one.facts) return card(_("Facts"), h("p", { class: "note" }, _("The book's key is suspended, so its words cannot be read now.")));
  const held = one.facts;
  const change = asking(one, again, () => ({
    title: _("Change the facts"),
    intro: _("Signatures under what stood here before do not count any more."),
    fields: [severityField(one.severity), { name: "began", label: _("When it began (if known)"), kind: "time", value: one.began ? local(one.began) : "", most: local() }, { name: "ended", label: _("When it ended (if it did)"), kind: "time", value: one.ended ? local(one.ended) : "", most: local() }, ...factFields(held)],
    ok: _("Save"),
    run: (found) => school.amend(one, found),
  }));
  const text = (value) => (value ? h("span", { class: "written" }, h("bdi", {}, value)) : h("span", { class: "quiet" }, _("Still to be written")));
  const seen = Object.entries(one.detected).map(([name, value]) => line(h("bdi", { lang: "en" }, name), h("bdi", {}, String(value))));
  const counted = Object.entries(one.affected).map(([kind, count]) => `${{ person: _("People"), account: _("Connected accounts"), object: _("Stored objects"), key: _("Keys") }[kind] ?? kind}: ${number(count)}`);
  return card(
    _("Facts"),
    h("dl", { class: "facts" },
      one.began ? line(_("When it began"), moment(one.began)) : null,
      one.ended ? line(_("When it ended"), moment(one.ended)) : null,
      line(_("What happened"), text(held.description)),
      line(_("Whom it concerns"), [list(PEOPLE(), held.people) || "–", held.people_count !== undefined ? ` (${number(held.people_count)})` : ""].join("")),
      line(_("What data it concerns"), [list(DATA(), held.data) || "–", held.records_count !== undefined ? ` (${number(held.records_count)})` : ""].join("")),
      line(_("Likely consequences"), text(held.consequences)),
      line(_("What is done about it"), text(held.measures)),
      line(_("Whom to ask"), text(held.contact)),
      counted.length ? line(_("Noted as touched"), counted.join(", ")) : null),
    seen.length ? h("details", {}, h("summary", {}, _("What the service saw")), h("dl", { class: "facts technical" }, seen)) : null,
    one.state === "open" ? h("div", { class: "choices" }, button(_("Change the facts…"), change), button(_("Find out whom it touched…"), () => findAffected(one, names, again))) : null,
  );
}

const said = (told) => ["notify" in told ? yes(told.notify) : "", told.at ? moment(told.at) : "", told.reason, told.text, told.reference, told.delay, told.count ? number(told.count) : ""].filter(Boolean).join(" · ");

const acts = (names) => (items) => {
  const by = (one) => (one.by ? names.get(one.by) || _("An administrator") : one.actor === "operator" ? _("Who runs the service") : _("The service"));
  const act = (one) => h("li", { class: "record" }, h("b", {}, ACTS()[one.act] ?? one.act), h("span", { class: "quiet" }, ` · ${moment(one.at)} · `, h("bdi", {}, by(one))), one.told && said(one.told) ? h("p", { class: "written" }, h("bdi", {}, said(one.told))) : null);
  return h("ul", { class: "steps" }, items.map(act));
};

/** Draw one incident. */
export async function showIncident(box, id) {
  const one = await school.incident(id);
  const again = async (words) => {
    await attempt(() => showIncident(box, id));
    box.querySelector("h3").focus();
    say(words);
    showWaiting();
  };
  const done = h("div", {});
  const names = new Map((await everybody().catch(() => [])).map((person) => [person.id, person.name]));
  await paged(done, school.acts(id), acts(names), _("There is nothing here yet."));
  const back = h("p", {}, h("a", { class: "button", href: "#view=school&part=incidents", "data-part-of": "incidents" }, _("All incidents")));
  const suspend = h("a", { class: "button", href: "#view=school&part=suspensions", "data-part-of": "suspensions" }, _("Suspend access…"));
  box.replaceChildren(
    head(one),
    card(_("What is to be done"), todo(one), h("div", { class: "choices" }, ...steps(one, again).filter(Boolean), ...ending(one, again), suspend)),
    facts(one, names, again),
    showDrafts(one),
    card(_("Every step so far"), done),
    back,
  );
}
