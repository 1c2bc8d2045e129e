/** Texts, numbers and times in the person's language. Messages come as JSON in the page; English is the source. */

export const locale = document.documentElement.lang || "en";
export const rtl = document.documentElement.dir === "rtl";

// Numbers and dates as this person's region writes them, where the browser speaks the page's language.
const region = navigator.languages.find((tag) => tag.split("-")[0] === locale) ?? locale;
const messages = JSON.parse(document.getElementById("messages")?.textContent || "{}");
// Portuguese of Portugal, whose rule the catalogue has: "0 itens", where Brazil says "0 item".
const plurals = new Intl.PluralRules(locale === "pt" ? "pt-PT" : locale);
const ORDER = ["zero", "one", "two", "few", "many", "other"];

function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_all, name) => String(values[name]));
}

/** A message with its %(name)s places filled. */
export function _(message, values = {}) {
  return fill(messages[message] || message, values);
}

/** The form for a count; catalogues order their forms as CLDR does, leaving out what the language lacks. */
export function ngettext(one, many, count, values = {}) {
  const forms = messages[one];
  const known = Array.isArray(forms) ? forms : [one, many];
  const category = (Array.isArray(forms) ? plurals : new Intl.PluralRules("en")).select(count);
  const used = known.length === 2 ? ["one", "other"] : known.length === 3 ? ["one", "few", "many"] : ORDER;
  const index = used.indexOf(category);
  return fill(known[index < 0 ? known.length - 1 : Math.min(index, known.length - 1)], { count: number(count), ...values });
}

const numbers = new Intl.NumberFormat(region);
const dates = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" });
export const days = new Intl.DateTimeFormat(region, { day: "numeric", month: "short", year: "numeric" });
const hours = new Intl.DateTimeFormat(region, { timeStyle: "short" });
const spans = new Intl.RelativeTimeFormat(region, { numeric: "auto" });
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export const number = (value) => numbers.format(value);

/** A size of bytes as people say it: 1.4 MB. */
export function bytes(size) {
  let step = 0;
  let value = size;
  while (value >= 1000 && step < UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step > 0 && value < 10 ? 1 : 0;
  const style = { style: "unit", unit: UNITS[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: digits };
  return new Intl.NumberFormat(region, style).format(value).replace(" ", "\u00a0");
}

/** Date and time in full. */
export const moment = (iso) => dates.format(new Date(iso));

/** Today the time alone, else the day. */
export function day(iso) {
  const when = new Date(iso);
  return when.toDateString() === new Date().toDateString() ? hours.format(when) : days.format(when);
}

/** "in 3 hours", "20 minutes ago". */
export function relative(iso) {
  const seconds = (new Date(iso).getTime() - Date.now()) / 1000;
  const far = Math.abs(seconds);
  if (far < 90) return spans.format(Math.round(seconds), "second");
  if (far < 5400) return spans.format(Math.round(seconds / 60), "minute");
  if (far < 129600) return spans.format(Math.round(seconds / 3600), "hour");
  return spans.format(Math.round(seconds / 86400), "day");
}

/** Names in the order a reader of this language expects, 2 before 10. */
export const collator = new Intl.Collator(region, { numeric: true, sensitivity: "base" });
