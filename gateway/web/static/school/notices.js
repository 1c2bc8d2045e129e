/** Privacy notices and terms by version: what holds, what held, and what waits for the school to accept it. */

import { askSure, attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { freshly, isFresh } from "../fresh.js";
import { _ } from "../i18n.js";
import { card } from "../rooms.js";
import { notice } from "../rights/told.js";
import { school } from "./api.js";
import { showWaiting } from "./waiting.js";

const STATES = () => ({ held: ["", _("Held before")], holds: ["good", _("Holds now")], announced: ["part", _("Announced")] });

async function accept(one, done) {
  const sure = () => askSure(_("Accept “%(title)s”, version %(version)s?", { title: one.title, version: one.version }), _("It holds for everybody at your school from now on. This cannot be taken back."), _("Accept for the school"));
  const asked = isFresh() ? await sure() : true;
  if (!asked || (await attempt(() => freshly(() => school.accept(one).then(() => true)))) !== true) return;
  say(_("Accepted. It holds from now on."));
  showWaiting();
  await done();
}

function version(one, done) {
  const [tone, words] = STATES()[one.state];
  const shown = notice(one);
  shown.querySelector("summary").append(h("span", { class: `state ${tone}` }, words), one.material ? h("span", { class: "quiet" }, _("Material change")) : "");
  if (!one.acceptable) return shown;
  shown.open = true;
  const button = h("button", { type: "button", class: "button primary", onclick: () => accept(one, done) }, _("Accept for the school…"));
  shown.append(h("p", { class: "note" }, _("This version changes something that matters. It holds only after an administrator accepted it; until then the one before holds.")), h("p", {}, button));
  return shown;
}

/** Draw into ``box``. */
export async function showNotices(box) {
  const found = await school.notices();
  const done = async () => {
    await attempt(() => showNotices(box));
    box.querySelector("h3").focus();
  };
  const newest = [...found].reverse();
  const waits = found.some((one) => one.acceptable);
  box.replaceChildren(card(_("Notices"), h("p", {}, waits ? _("A new version waits for your school.") : _("Nothing waits for your school.")), h("div", { class: "stores" }, newest.map((one) => version(one, done)))));
}
