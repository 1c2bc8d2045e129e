/** The codes of the incident book in words. */

import { _, moment, ngettext } from "../i18n.js";

export const KINDS = () => [
  ["disclosure", _("Data reached somebody who should not have received it")], ["access", _("Somebody saw or used data without being allowed to")],
  ["loss", _("Data was lost or destroyed")], ["alteration", _("Data was changed without permission")], ["unavailable", _("Data could not be reached for a time")],
  ["key", _("A password, key or other secret became known")], ["device", _("A device with access was lost or stolen")], ["other", _("Something else")],
];
export const SEVERITIES = () => [["low", _("Low")], ["medium", _("Medium")], ["high", _("High")]];
export const PEOPLE = () => [["students", _("Students")], ["guardians", _("Parents and guardians")], ["teachers", _("Teachers")], ["staff", _("Other staff")], ["outside", _("People outside the school")]];
export const DATA = () => [
  ["identity", _("Names and roles")], ["contact", _("Contact details")], ["sign_in", _("Sign-in data")], ["files", _("Files and their contents")],
  ["file_names", _("Names of files and folders")], ["usage", _("Records of who opened what")], ["special", _("Especially sensitive data")],
];
const named = (pairs, code) => pairs.find(([value]) => value === code)?.[1] ?? code;
export const severityName = (code) => named(SEVERITIES(), code);
export const list = (pairs, codes) => codes.map((code) => named(pairs, code)).join(", ");

export const ORIGINS = () => ({ gateway: _("The service noticed it"), administrator: _("An administrator entered it"), operator: _("Who runs the service entered it") });

/** What must be done before it can be closed, in this order. */
export const STEPS = () => ({
  awareness: _("Know when the school became aware"), decision_authority: _("Decide whether the authority is notified"),
  decision_people: _("Decide whether the people are informed"), notice_authority: _("Notify the authority"),
  notice_people: _("Inform the people"), signatures: _("Sign"),
});

/** [tone, a few words, a sentence] of the 72 hours. */
export function clockOf({ state, deadline, remaining }) {
  const until = deadline && moment(deadline);
  const hours = Math.floor((remaining ?? 0) / 3600);
  return {
    waiting: ["", _("Not begun"), _("The 72 hours begin when an administrator looks at it.")],
    running: ["part", ngettext("%(count)s hour left", "%(count)s hours left", hours), _("The authority is to be notified by %(time)s, if it is to be notified.", { time: until })],
    overdue: ["bad", _("The 72 hours are over"), _("The authority was to be notified by %(time)s. Notify it now, and say why it is late.", { time: until })],
    met: ["good", _("Notified in time"), _("The authority was notified before %(time)s.", { time: until })],
    late: ["bad", _("Notified late"), _("The authority was notified after %(time)s.", { time: until })],
    not_needed: ["good", _("No notification needed"), _("Your school decided that the authority need not be notified.")],
  }[state];
}

/** What was done, by the code of an act. */
export const ACTS = () => ({
  opened: _("Entered"), noticed: _("The school was told"), aware: _("The school became aware"), amended: _("Facts changed"), note: _("Note"),
  decided_authority: _("Decided about the authority"), decided_people: _("Decided about the people"),
  notified_authority: _("The authority was notified"), notified_people: _("The people were informed"),
  affected: _("Whom it touched was noted"), signed: _("Signed"), closed: _("Closed"), reopened: _("Opened again"),
});
