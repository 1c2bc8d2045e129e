/** What is held about somebody: store by store in plain words, the records on demand, the technical rest folded away. */

import { attempt } from "../dialogs.js";
import { h, line } from "../dom.js";
import { _, bytes, moment, ngettext, number } from "../i18n.js";
import { paged } from "../paging.js";
import { card } from "../rooms.js";
import { ageName, languageName, roleName } from "./words.js";

const EPOCH = [1e12, 4e12]; // a number in between is a time in ms: no size and no count here is as large

/** Fields that people ask for, in words; all others are told as the inventory calls them. */
const LABELS = () => ({
  name: _("Name"), email: _("E-mail address"), role: _("Role at the school"), age_band: _("Age group"), locale: _("Language"),
  size: _("Size"), made: _("Made"), seen: _("Last sign-in"), stored: _("Stored"), ends: _("Ends"), at: _("When"), action: _("What happened"),
  label: _("Account"), provider: _("Provider"), media_type: _("Kind of file"), modified: _("Changed"),
});

/** Those of a legal hold, whose words lie in one field. */
const HOLD = "hold_words";
const HELD = () => ({
  authority: _("Who asks for it"), reference: _("Reference, such as a file number"), basis: _("The law or order it rests on"),
  review: _("Your school looks at it again"), began: _("Since"), ended: _("Until"),
});

const READ = { role: roleName, age_band: ageName, locale: languageName, size: bytes };

function told(column, value) {
  if (value === null || value === undefined) return "–";
  if (value?.unreadable) return _("Cannot be read any more");
  if (READ[column]) return READ[column](value);
  if (typeof value === "number") return value > EPOCH[0] && value < EPOCH[1] ? moment(value) : number(value);
  if (typeof value === "object") return JSON.stringify(value, null, 1).replace(/[{}"[\]]/g, "").trim() || "–";
  return String(value).replaceAll("\0", " ");
}

function record(one, columns) {
  const hold = one.table === HOLD;
  const labels = hold ? HELD() : LABELS();
  const { told: words, ...others } = one.values;
  const entries = Object.entries(hold && !words?.unreadable ? { ...others, ...words } : one.values);
  const plain = entries.filter(([column, value]) => labels[column] && value !== null && value !== "").map(([column, value]) => line(labels[column], told(column, value)));
  const what = (column) => (columns.find((known) => known.table === one.table && known.column === column)?.what ?? column).replace(/, epoch ms$/, "");
  const rest = entries.filter(([column]) => !labels[column]).map(([column, value]) => line(h("bdi", { lang: "en" }, what(column)), h("bdi", {}, told(column, value))));
  return h(
    "li",
    { class: "record" },
    plain.length ? h("dl", { class: "facts" }, plain) : null,
    rest.length ? h("details", {}, h("summary", {}, _("Technical details")), h("dl", { class: "facts technical" }, rest)) : null,
  );
}

function unshown(columns) {
  const hidden = columns.filter((column) => column.unshown);
  if (!hidden.length) return null;
  const items = hidden.map((column) => line(h("bdi", { lang: "en" }, column.what), column.unshown));
  return h("details", {}, h("summary", {}, _("What is not shown, and why")), h("dl", { class: "facts technical" }, items));
}

function store(who, one, total) {
  const box = h("div", { class: "records" });
  const open = async () => {
    const shown = (items) => h("ul", {}, items.map((item) => record(item, one.columns)));
    await attempt(() => paged(box, who.records(one.store), shown, _("There is nothing here now.")));
    const rest = unshown(one.columns);
    if (rest) box.append(rest);
  };
  const details = h("details", { class: "store" }, h("summary", {}, h("span", { class: "grow" }, one.what), h("span", { class: "state" }, ngettext("%(count)s record", "%(count)s records", total))), box);
  details.addEventListener("toggle", () => details.open && !box.firstChild && open());
  return details;
}

/** Draw the review into ``box``. */
export async function showHeld(box, who) {
  const stores = await who.review();
  const total = (one) => Object.values(one.records).reduce((sum, count) => sum + count, 0);
  const some = stores.filter(total);
  const none = stores.filter((one) => !total(one));
  const intro = who.mine
    ? _("This is everything that this service holds about you. Open a line to see its records.")
    : _("This is everything that this service holds about %(name)s. Open a line to see its records.", { name: who.name });
  box.replaceChildren(
    card(
      who.mine ? _("What is held about you") : _("What is held about %(name)s", { name: who.name }),
      h("p", {}, intro, who.mine ? "" : ` ${_("“You” is %(name)s in these lines.", { name: who.name })}`),
      h("div", { class: "stores" }, some.map((one) => store(who, one, total(one)))),
      none.length ? h("p", { class: "quiet" }, _("Nothing is held of: %(list)s.", { list: none.map((one) => one.what).join(" · ") })) : null,
    ),
  );
}
