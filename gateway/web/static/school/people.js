/** The school's people: to be chosen from, and the rights of one of them, used by the school for them. */

import { attempt } from "../dialogs.js";
import { h, table } from "../dom.js";
import { freshly, isFresh } from "../fresh.js";
import { _, collator, moment } from "../i18n.js";
import { card } from "../rooms.js";
import { showAccesses } from "../rights/accesses.js";
import { showCopies } from "../rights/copies.js";
import { showCorrections } from "../rights/corrections.js";
import { showHeld } from "../rights/held.js";
import { personOf } from "../rights/who.js";
import { ageName, roleName } from "../rights/words.js";
import { all, school } from "./api.js";

let finders = 0;
const SHOWN = 100; // rows of the list at once: whoever is looked for is found by name

const unreadable = (one) => _("Name cannot be read while suspended (%(id)s)", { id: one.id });

/** Everybody who has signed in here, in the order of their names; where nobody can read one now, words that say so. */
export async function everybody() {
  const found = (await all(school.people)).map((one) => (one.unreadable ? { ...one, name: unreadable(one) } : one));
  return found.sort((a, b) => collator.compare(a.name, b.name));
}

/** What is said of somebody below their name. */
export const personLine = (one) => [roleName(one.role), one.email].filter(Boolean).join(" · ");

/** [value, words] of people, for a field in which one is chosen. */
export const choices = (people) => [["", _("Choose…")], ...people.map((one) => [one.id, [one.name, roleName(one.role), one.email].filter(Boolean).join(" · ")])];

const DOES = {
  held: { words: () => _("See what is held"), show: (box, who) => showHeld(box, who) },
  accesses: { words: () => _("See who used it"), show: (box, who) => showAccesses(box, who) },
  corrections: { words: () => _("Correct something"), show: (box, who, person) => showCorrections(box, who, person) },
  copies: { words: () => _("Take a copy"), show: (box, who) => showCopies(box, who) },
};

const partLink = (part, text) => h("a", { class: "button", href: `#view=school&part=${part}`, "data-part-of": part }, text);

async function ofOne(box, person, what) {
  const back = partLink("people", _("All people"));
  const links = Object.entries(DOES).map(([name, does]) => partLink(`people/${person.id}/${name}`, does.words()));
  const head = card(person.name || "–", cutOff(person), h("p", {}, [roleName(person.role), ageName(person.age_band), person.email].filter(Boolean).join(" · ")), h("p", { class: "quiet" }, _("What you do here for somebody is written down, and they see it.")), h("div", { class: "choices" }, back, links));
  const room = h("div", { class: "room" });
  box.replaceChildren(head, room);
  const does = DOES[what];
  if (!does) return;
  if (!isFresh()) {
    const again = h("button", { type: "button", class: "button primary", onclick: () => freshly(() => ofOne(box, person, what)) }, _("Sign in again"));
    room.replaceChildren(card(does.words(), h("p", {}, _("Sign in again first, so that nobody else can do this in your name.")), again));
    return;
  }
  await attempt(() => freshly(() => does.show(room, personOf(person), person)));
}

const cutOff = (one) => (one.unreadable || one.state === "suspended" ? h("span", { class: "state bad" }, _("Suspended")) : null);

function list(people) {
  const columns = [
    { title: _("Name"), header: true, cell: (one) => [h("a", { href: `#view=school&part=people/${one.id}`, "data-part-of": `people/${one.id}` }, h("bdi", {}, one.name || "–")), cutOff(one)] },
    { title: _("Role"), cell: (one) => roleName(one.role) },
    { title: _("Age group"), cell: (one) => ageName(one.age_band) },
    { title: _("Last sign-in"), tight: true, cell: (one) => moment(one.seen) },
  ];
  return table(_("People"), columns, people);
}

/** A field that finds people by name or address; ``draw(found)`` is called at each change. */
export function finder(people, draw, label = _("Find by name or e-mail address")) {
  const id = `people-find-${(finders += 1)}`;
  const input = h("input", { type: "text", id, maxlength: 200, autocomplete: "off", spellcheck: "false", inputmode: "search" });
  const look = () => {
    const words = input.value.trim().toLocaleLowerCase();
    draw(people.filter((one) => `${one.name} ${one.email ?? ""}`.toLocaleLowerCase().includes(words)));
  };
  input.addEventListener("input", look);
  look();
  return h("div", { class: "field" }, h("label", { for: id }, label), input);
}

async function away() {
  const items = await all(school.away);
  if (!items.length) return "";
  const columns = [
    { title: _("Name"), header: true, cell: (one) => h("bdi", {}, one.name || "–") },
    { title: _("Told"), tight: true, cell: (one) => moment(one.noticed) },
    { title: _("Will be forgotten"), tight: true, cell: (one) => moment(one.due) },
  ];
  return card(_("Away for long"), h("p", {}, _("They will be forgotten on that day unless they sign in before.")), table(_("Away for long"), columns, items));
}

/** All people, or with ``rest`` [id, what] one of them. */
export async function showPeople(box, rest) {
  const people = await everybody();
  const person = people.find((one) => one.id === rest[0]);
  if (person) return ofOne(box, person, rest[1]);
  const shown = h("div", {});
  const draw = (found) => {
    const more = found.length > SHOWN ? h("p", { class: "quiet" }, _("These are the first %(count)s. Type more of the name.", { count: SHOWN })) : "";
    shown.replaceChildren(found.length ? list(found.slice(0, SHOWN)) : h("p", { class: "quiet" }, _("Nobody was found.")), more);
  };
  return box.replaceChildren(card(_("People who have signed in here"), finder(people, draw), shown), await away());
}
