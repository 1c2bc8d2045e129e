/** The incident book: the list, a new entry, and the way into each. */

import { attempt } from "../dialogs.js";
import { h, table } from "../dom.js";
import { askForm, local } from "../forms.js";
import { _, moment } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { school } from "./api.js";
import { showIncident } from "./incident.js";
import { factFields, severityField } from "./incident_fields.js";
import { clockOf, KINDS, severityName } from "./incident_words.js";

async function open() {
  const fields = [
    { name: "kind", label: _("What happened"), kind: "select", options: KINDS(), needed: true },
    severityField("medium"),
    { name: "aware", label: _("When your school became aware"), kind: "time", value: local(), most: local(), needed: true, hint: _("The 72 hours run from then.") },
    { name: "began", label: _("When it began (if known)"), kind: "time", value: "", most: local() },
    ...factFields(),
  ];
  const run = (found) => school.openIncident(Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null)));
  const made = await attempt(() => askForm({ title: _("Enter an incident"), intro: _("Needed now: what happened, how severe it is, and since when your school knows. The rest can follow."), fields, ok: _("Enter"), run }));
  if (made) document.dispatchEvent(new CustomEvent("go", { detail: `incidents/${made.id}` }));
}

function list(items) {
  const columns = [
    { title: _("What happened"), header: true, cell: (one) => h("a", { href: `#view=school&part=incidents/${one.id}`, "data-part-of": `incidents/${one.id}` }, one.words) },
    { title: _("Since"), tight: true, cell: (one) => moment(one.opened) },
    { title: _("How severe"), cell: (one) => severityName(one.severity) },
    { title: _("Authority"), cell: (one) => h("span", { class: `state ${clockOf(one.clock)[0]}` }, clockOf(one.clock)[1]) },
    { title: _("How it stands"), cell: (one) => (one.state === "open" ? _("Open") : _("Closed")) },
  ];
  return table(_("Incidents"), columns, items);
}

/** The book, or with ``rest`` [id] one incident. */
export async function showIncidents(box, rest) {
  if (rest[0]) return showIncident(box, rest[0]);
  const listed = h("div", {});
  await paged(listed, school.incidents, list, _("No incident was ever entered."));
  const button = h("button", { type: "button", class: "button primary", onclick: open }, _("Enter an incident…"));
  return box.replaceChildren(card(_("Incidents"), h("p", {}, _("What put data at risk: noticed by the service, or entered by you. Each leads you to what the law asks for.")), h("p", {}, button), listed));
}
