/** Children of whom somebody is the guardian: what they may do for each, and doing it. */

import { attempt } from "../dialogs.js";
import { h } from "../dom.js";
import { planView } from "../forget.js";
import { askForm } from "../forms.js";
import { freshly } from "../fresh.js";
import { _, days } from "../i18n.js";
import { card } from "../rooms.js";
import { showAccesses } from "./accesses.js";
import { showCopies } from "./copies.js";
import { showCorrections } from "./corrections.js";
import { showHeld } from "./held.js";
import { childOf, own } from "./who.js";

const WORD = "FORGET";

/** What is held of the fields that can be corrected; nothing where the guardian may not see it. */
async function held(link, who) {
  if (!link.rights.includes("review")) return { name: link.child.name };
  return (await who.records("person")(null)).items[0]?.values ?? {};
}

const DOES = {
  held: { right: "review", words: () => _("See what is held"), show: (box, who) => showHeld(box, who) },
  accesses: { right: "review", words: () => _("See who used it"), show: (box, who) => showAccesses(box, who) },
  corrections: { right: "correct", words: () => _("Correct something"), show: async (box, who, link) => showCorrections(box, who, await held(link, who)) },
  copies: { right: "export", words: () => _("Take a copy"), show: (box, who) => showCopies(box, who) },
};

async function forget(link) {
  const who = childOf(link);
  const plan = await attempt(() => freshly(who.plan));
  if (!plan) return;
  const intro = [h("p", {}, _("Everything that is kept here of %(name)s is destroyed, for good. Your school sees that you asked for it.", { name: who.name })), ...planView(plan)];
  const run = async () => {
    const { receipt } = await who.forget();
    location.assign(`/receipt#other:${new URL(receipt, location.href).pathname}`);
  };
  await attempt(() => freshly(() => askForm({ title: _("Forget %(name)s", { name: who.name }), intro, fields: [], word: WORD, ok: _("Forget %(name)s now", { name: who.name }), danger: true, run })));
}

function one(link) {
  const may = Object.entries(DOES).filter(([, does]) => link.rights.includes(does.right));
  const buttons = may.map(([name, does]) => h("a", { class: "button", href: `#view=data&part=children/${link.child.id}/${name}`, "data-part-of": `children/${link.child.id}/${name}` }, does.words()));
  if (link.rights.includes("erase")) buttons.push(h("button", { type: "button", class: "button danger", onclick: () => forget(link) }, _("Forget…")));
  return h("section", { class: "card child", "aria-label": link.child.name }, h("h3", { tabindex: "-1" }, h("bdi", {}, link.child.name || "–")), h("p", { class: "quiet" }, _("You are the guardian until %(date)s.", { date: days.format(new Date(link.ends)) })), h("div", { class: "choices" }, buttons));
}

/** Draw all children, or with ``rest`` [child, what] what is asked for of one. */
export async function showChildren(box, rest) {
  const links = await own.children();
  const link = links.find((each) => each.child.id === rest[0]);
  const does = DOES[rest[1]];
  if (link && does && link.rights.includes(does.right)) {
    const room = h("div", { class: "room" });
    await does.show(room, childOf(link), link);
    const back = h("p", {}, h("a", { class: "button", href: "#view=data&part=children", "data-part-of": "children" }, _("All children")));
    return box.replaceChildren(back, room);
  }
  const nobody = card(_("Your children"), h("p", {}, _("Your school has not linked a child to you here, or the link has ended. Ask the school's administrators.")));
  return box.replaceChildren(...(links.length ? links.map((each) => one(each)) : [nobody]));
}
