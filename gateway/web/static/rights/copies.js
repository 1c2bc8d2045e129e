/** A copy of everything: ordered after a fresh sign-in, downloaded once by a link, and what became of each. */

import { gatewayNow } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, say, table } from "../dom.js";
import { freshly } from "../fresh.js";
import { _, bytes, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { actor } from "./words.js";

const LOOKS = 3000; // ms between two looks at a download that is under way
const PATIENCE = 100; // looks

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function stateOf(one) {
  return {
    waiting: ["part", _("Waits to be downloaded")],
    sending: ["part", _("Being downloaded")],
    done: ["good", _("Downloaded")],
    broken: ["bad", _("The download broke off")],
    unused: ["", _("Not downloaded in time")],
  }[one.state];
}

const list = (who) => (items) =>
  table(
    _("Copies"),
    [
      { title: _("When"), header: true, cell: (one) => moment(one.made) },
      { title: _("By whom"), cell: (one) => actor(one.by, who.mine) },
      { title: _("How it stands"), cell: (one) => h("span", { class: `state ${stateOf(one)[0]}` }, stateOf(one)[1]) },
      { title: _("Size"), tight: true, cell: (one) => (one.size ? bytes(one.size) : "–") },
    ],
    items,
  );

/** A guardian may take a copy and still not see the list of them. */
function unseen(error) {
  if (error.code !== "not_allowed") throw error;
  return { items: [] };
}

/** One link, which works once. ``again``: order this part anew. */
function link(made, watch) {
  const text = made.parts > 1 ? _("Download part %(part)s of %(parts)s", { part: made.part, parts: made.parts }) : _("Download now");
  const button = h("a", { class: "button primary", href: made.download, download: "" }, text);
  const until = h("p", { class: "quiet" }, _("This link works once, until %(time)s, and only for you.", { time: moment(made.ends) }));
  button.addEventListener("click", () => {
    setTimeout(() => {
      const begun = h("div", { tabindex: "-1" }, _("The download has begun. Your browser shows it."));
      button.replaceWith(begun);
      begun.focus();
      until.remove();
    });
    watch(made);
  });
  return [button, until];
}

/** Draw into ``box``: order, download, and the list of copies. */
export async function showCopies(box, who) {
  const listed = h("div", {});
  const links = h("div", { class: "download" });
  const copies = (cursor) => who.copies(cursor).catch(unseen);
  const draw = () => paged(listed, copies, list(who), _("No copy was asked for yet."));
  const watch = async (made) => {
    for (let look = 0; look < PATIENCE && box.checkVisibility(); look += 1) {
      await sleep(LOOKS);
      const now = await copies(null).catch(() => ({ items: [] }));
      const one = now.items.find((item) => item.id === made.id);
      if (one && ["waiting", "sending"].includes(one.state) && Date.parse(made.ends) > gatewayNow()) continue;
      await attempt(draw);
      if (one) say(stateOf(one)[1]);
      if (one?.state === "broken") links.append(h("p", { class: "problem", role: "alert" }, _("The download broke off. Nothing was lost: ask for a new link.")));
      return;
    }
  };
  const order = async (part) => {
    const made = await attempt(() => freshly(() => who.copy(part)));
    if (!made) return;
    const more = made.parts > 1 ? _("It is large and comes in %(parts)s parts. Each has a link of its own.", { parts: made.parts }) : null;
    const others = Array.from({ length: made.parts }, (_one, index) => index + 1).filter((one) => made.parts > 1 && one !== made.part);
    const again = others.map((one) => h("button", { type: "button", class: "button", onclick: () => order(one) }, _("Link for part %(part)s", { part: one })));
    links.replaceChildren(...link(made, watch), more ? h("p", {}, more) : "", ...again);
    links.querySelector("a").focus();
    await attempt(draw);
  };
  const whose = who.mine ? _("A copy of everything that is held about you, as a ZIP file: readable pages, data for programs, and your files of the school drive.") : _("A copy of everything that is held about %(name)s, as a ZIP file. %(name)s is told that it was taken.", { name: who.name });
  await draw();
  box.replaceChildren(
    card(
      who.mine ? _("Take a copy of everything") : _("Take a copy of everything about %(name)s", { name: who.name }),
      h("p", {}, whose),
      h("p", { class: "quiet" }, _("Keep it in a safe place: whoever has the file can read it.")),
      h("p", {}, h("button", { type: "button", class: "button primary", id: "copy-order", onclick: () => order(1) }, _("Ask for a copy"))),
      links,
    ),
    card(_("Copies so far"), listed),
  );
}
