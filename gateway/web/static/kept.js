/** "What is kept for me": temporary copies and until when, connected accounts, extension sign-ins. */

import { api } from "./api.js";
import { askSure, attempt } from "./dialogs.js";
import { driveList, title } from "./drives.js";
import { byId, h, say, table } from "./dom.js";
import { _, bytes, moment, ngettext, relative } from "./i18n.js";

const nothing = (text) => h("p", { class: "quiet" }, text);
const time = (iso) => h("time", { datetime: iso, title: moment(iso) }, relative(iso));

function button(label, name, run) {
  return h("button", { type: "button", class: "button", "aria-label": `${label}: ${name}`, onclick: run }, label);
}

async function cache(drives) {
  const items = await api.cached();
  const box = byId("kept-cache");
  byId("kept-clear").disabled = items.length === 0;
  const names = new Map(drives.map((drive) => [drive.id, title(drive)]));
  const drop = async (item) => {
    await attempt(() => api.dropCached(item.id));
    await attempt(() => cache(drives));
    say(_("%(name)s is no longer kept here.", { name: item.name }));
    byId("kept-title").focus();
  };
  const columns = [
    { title: _("Name"), header: true, cell: (item) => item.name },
    { title: _("Drive"), cell: (item) => names.get(item.drive) ?? "–" },
    { title: _("Size"), tight: true, cell: (item) => bytes(item.size) },
    { title: _("Kept until"), cell: (item) => [time(item.ends), " ", h("span", { class: "quiet tight" }, `· ${moment(item.ends)}`)] },
    { title: _("Actions"), end: true, cell: (item) => button(_("Delete now"), item.name, () => drop(item)) },
  ];
  box.replaceChildren(items.length ? table(_("Temporary copies"), columns, items) : nothing(_("No copies are kept at the moment.")));
}

async function tokens() {
  const items = await api.tokens();
  const revoke = async (token) => {
    await attempt(() => api.revoke(token.id));
    await attempt(tokens);
    byId("kept-title").focus();
  };
  const columns = [
    { title: _("Signed in"), header: true, cell: (token) => moment(token.created) },
    { title: _("Last used"), cell: (token) => (token.last_used ? time(token.last_used) : _("Not yet")) },
    { title: _("Ends"), cell: (token) => time(token.ends) },
    { title: _("Actions"), end: true, cell: (token) => button(_("Sign it out"), moment(token.created), () => revoke(token)) },
  ];
  const box = byId("kept-tokens");
  box.replaceChildren(items.length ? table(_("Browser extension sign-ins"), columns, items) : nothing(_("The extension is not signed in anywhere.")));
}

/** Show everything anew. ``house``: drives(), refresh(). */
export async function showKept(house) {
  const connected = () => {
    const own = house.drives().filter((drive) => drive.kind !== "native");
    const list = h("ul", { class: "drives" }, driveList(own, () => house.refresh().then(connected)));
    byId("kept-drives").replaceChildren(own.length ? list : nothing(_("No account is connected.")));
  };
  connected();
  await Promise.all([attempt(() => cache(house.drives())), attempt(tokens)]);
}

/** Wire the button that deletes every temporary copy. */
export function wireKept(house) {
  byId("kept-clear").addEventListener("click", async () => {
    const text = _("Opening a file again takes a little longer then. The files in your drives stay as they are.");
    if (!(await askSure(_("Delete all temporary copies now?"), text, _("Delete all now"), { danger: true }))) return;
    const gone = await attempt(api.emptyCache);
    await attempt(() => cache(house.drives()));
    if (gone) say(ngettext("%(count)s copy was destroyed.", "%(count)s copies were destroyed.", gone.destroyed));
    byId("kept-title").focus();
  });
}
