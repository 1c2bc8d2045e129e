/** What a person is told: messages about what others did, who their guardians are, and the notices that hold here. */

import { attempt } from "../dialogs.js";
import { h, say, table } from "../dom.js";
import { _, days, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { RIGHTS } from "./words.js";
import { showWaiting } from "./waiting.js";
import { own } from "./who.js";

export const rightWords = (rights) => RIGHTS().filter(([code]) => rights.includes(code)).map(([, text]) => text).join(" · ");

function messages(again) {
  const gone = async (one) => {
    await attempt(() => own.dismiss(one.id));
    say(_("The message is gone."));
    showWaiting();
    await again();
  };
  return (items) =>
    h("ul", { class: "messages" }, items.map((one) =>
      h("li", {}, h("div", { class: "grow" }, h("p", {}, one.what, one.details.due ? ` ${moment(one.details.due)}` : ""), h("p", { class: "quiet" }, moment(one.made))),
        h("button", { type: "button", class: "button", "aria-label": `${_("I have read it")}: ${one.what}`, onclick: () => gone(one) }, _("I have read it")))));
}

function guardians(items) {
  return table(
    _("Your guardians"),
    [
      { title: _("Name"), header: true, cell: (one) => h("bdi", {}, one.guardian.name || "–") },
      { title: _("May do for you"), cell: (one) => rightWords(one.rights) },
      { title: _("Until when"), tight: true, cell: (one) => days.format(new Date(one.ends)) },
    ],
    items,
  );
}

/** A notice to be read, folded. */
export function notice(one) {
  const since = one.changed ? _("Version %(version)s, holds since %(date)s", { version: one.version, date: days.format(new Date(one.changed)) }) : _("Version %(version)s", { version: one.version });
  return h("details", { class: "store" }, h("summary", {}, h("span", { class: "grow" }, one.title), h("span", { class: "quiet" }, since)), one.changes ? h("p", {}, h("b", {}, _("What is new:")), ` ${one.changes}`) : null, one.text.map((text) => h("p", {}, text)));
}

/** Draw into ``box``. */
export async function showTold(box) {
  const list = h("div", {});
  const again = async () => {
    await attempt(() => paged(list, own.told, messages(again), _("There is no message for you.")));
    box.querySelector("h3")?.focus();
  };
  const [mine, notices] = await Promise.all([own.guardians(), own.notices(), paged(list, own.told, messages(again), _("There is no message for you."))]);
  box.replaceChildren(
    card(_("Messages to you"), list),
    mine.length ? card(_("Your guardians"), h("p", {}, _("Your school linked these people to you. They may do the following for you, and you see it when they do.")), guardians(mine)) : "",
    card(_("Notices that hold here"), h("div", { class: "stores" }, notices.map(notice)), h("p", {}, h("a", { href: "/privacy" }, _("What happens with your data")))),
  );
}
