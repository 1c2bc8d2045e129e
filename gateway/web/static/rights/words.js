/** What fields and codes about people mean, in words. */

import { _ } from "../i18n.js";

export const ROLES = () => [["student", _("Student")], ["teacher", _("Teacher")], ["guardian", _("Guardian")], ["administrator", _("Administrator")]];
export const AGES = () => [["under_13", _("Under 13")], ["13_15", _("13 to 15")], ["16_17", _("16 to 17")], ["adult", _("18 or older")]];

const word = (pairs, code) => pairs.find(([value]) => value === code)?.[1] ?? code;
export const roleName = (code) => word(ROLES(), code);
export const ageName = (code) => word(AGES(), code);

/** A language by its own name, as the page's foot has it. */
export const languages = () => [...document.querySelectorAll(".languages a")].map((link) => [link.hreflang, link.textContent]);
export const languageName = (code) => word(languages(), code);

/** What can be corrected, and what of it the person owns. */
export const FIELDS = () => ({ name: _("Name"), email: _("E-mail address"), role: _("Role at the school"), age_band: _("Age group"), locale: _("Language") });
export const OWN = ["locale"];

/** A value of such a field as people read it. */
export function valueOf(field, value) {
  return { role: roleName, age_band: ageName, locale: languageName }[field]?.(value) ?? value;
}

export const RIGHTS = () => [["review", _("See what is held")], ["correct", _("Have it corrected")], ["export", _("Take a copy")], ["erase", _("Have it forgotten")]];

/** Who did something: as the API's ``by`` says. */
export const actor = (by, mine) => ({ self: mine ? _("You") : _("The person"), guardian: _("A guardian"), school: _("The school"), gateway: _("The service") })[by] ?? by;
