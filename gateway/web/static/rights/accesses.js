/** Who used somebody's files and data, the newest first. */

import { h, table } from "../dom.js";
import { _, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { actor, roleName } from "./words.js";
import { own } from "./who.js";

function by({ kind, name, role }) {
  if (kind === "you") return _("You");
  if (kind === "gateway") return _("The service");
  return name ? [h("bdi", {}, name), role ? h("span", { class: "quiet" }, ` · ${roleName(role)}`) : null] : _("Somebody who is not here any more");
}

const through = (client) => ({ page: _("This page"), extension: _("The browser extension") })[client] ?? client;

function files(items) {
  return table(
    _("Who used your files"),
    [
      { title: _("When"), header: true, cell: (one) => moment(one.at) },
      { title: _("What happened"), cell: (one) => [one.words, one.name ? h("div", {}, h("bdi", {}, one.name)) : null, one.items ? h("div", { class: "quiet" }, _("Items: %(count)s", { count: one.items })) : null] },
      { title: _("By whom"), cell: (one) => by(one.by) },
      { title: _("Through"), cell: (one) => (one.client ? through(one.client) : "–") },
    ],
    items,
  );
}

const deeds = (who) => (items) =>
  table(
    _("What was done with the data"),
    [
      { title: _("When"), header: true, cell: (one) => moment(one.at) },
      { title: _("What it was about"), cell: (one) => [one.what, one.details?.name ? h("div", {}, h("bdi", {}, one.details.name)) : null] },
      { title: _("By whom"), cell: (one) => actor(one.by, who.mine) },
    ],
    items,
  );

/** Without what the first list has already. */
const others = (load) => async (cursor) => {
  const found = await load(cursor);
  return { ...found, items: found.items.filter((one) => !/^(file|drive|transfer)\./.test(one.action)) };
};

/** Draw into ``box``. */
export async function showAccesses(box, who) {
  const cards = [];
  if (who.mine) {
    const list = h("div", {});
    await paged(list, own.accesses, files, _("Nobody opened or changed a file of yours through this service yet."));
    cards.push(card(_("Who used your files"), h("p", {}, _("Every time a file of yours was opened, saved, moved or deleted through this service, by you or by somebody else.")), list));
  }
  const list = h("div", {});
  await paged(list, who.mine ? others(who.deeds) : who.deeds, deeds(who), _("There is nothing here yet."));
  cards.push(card(who.mine ? _("What else was done with your data") : _("What was done with the data of %(name)s", { name: who.name }), h("p", {}, _("This record is written before anything is done, and nobody can change it afterwards.")), list));
  box.replaceChildren(...cards);
}
