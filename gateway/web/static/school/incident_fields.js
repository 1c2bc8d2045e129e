/** What is asked for about an incident, as fields of a form. */

import { _ } from "../i18n.js";
import { DATA, PEOPLE, SEVERITIES } from "./incident_words.js";

/** The fields of what GDPR, Article 33(3) asks for; ``held``: what stands there. */
export const factFields = (held = {}) => [
  { name: "description", label: _("What happened (for the school and the authority)"), kind: "area", most: 10000, value: held.description },
  { name: "people", label: _("Whom it concerns"), kind: "checks", options: PEOPLE(), value: held.people },
  { name: "people_count", label: _("How many people, about"), kind: "number", least: 0, most: 1000000000, value: held.people_count ?? "" },
  { name: "data", label: _("What data it concerns"), kind: "checks", options: DATA(), value: held.data },
  { name: "records_count", label: _("How many records, about"), kind: "number", least: 0, most: 1000000000, value: held.records_count ?? "" },
  { name: "consequences", label: _("Likely consequences"), kind: "area", most: 10000, value: held.consequences },
  { name: "measures", label: _("What is done about it"), kind: "area", most: 10000, value: held.measures },
  { name: "contact", label: _("Whom to ask"), kind: "area", rows: 2, most: 10000, value: held.contact },
];

export const severityField = (value) => ({ name: "severity", label: _("How severe"), kind: "select", options: SEVERITIES(), value, needed: true, hint: _("High needs the signatures of two people.") });
