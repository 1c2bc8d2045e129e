/** The older contents of a file, in a dialog: when each was stored, how large it is, and a link that opens it. */

import { api } from "./api.js";
import { byId, h, parts, table } from "./dom.js";
import { _, bytes, moment } from "./i18n.js";

/** Show the versions of a file. Throws what the drive answers. */
export async function showVersions(entry) {
  const versions = await api.versions(entry);
  const dialog = byId("dialog-versions");
  byId("dialog-versions-title").textContent = _("Versions of %(name)s", { name: entry.name });
  const columns = [
    { title: _("Stored"), header: true, cell: (one) => [moment(one.modified), one.current ? h("span", { class: "state good" }, _("Now")) : ""] },
    { title: _("Size"), tight: true, cell: (one) => (one.size === undefined || one.size === null ? "–" : bytes(one.size)) },
    { title: _("Actions"), end: true, cell: (one) => link(entry, one) },
  ];
  const alone = versions.length < 2 ? h("p", { class: "quiet" }, _("There is no older version of this file.")) : null;
  parts(dialog).text.replaceChildren(...[table(_("Versions of %(name)s", { name: entry.name }), columns, versions), alone].filter(Boolean));
  dialog.showModal();
}

function link(entry, version) {
  const href = api.content(entry, { version: version.current ? undefined : version.id });
  const label = _("Open the version of %(time)s", { time: moment(version.modified) });
  return h("a", { class: "button", href, target: "_blank", rel: "noopener", "aria-label": label }, _("Open"));
}
