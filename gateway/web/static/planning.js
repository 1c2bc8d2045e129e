/** Before something large is copied or moved: how much it is, what will not be as it was, and whether it fits.

The gateway looks through everything first; the person reads the sum and begins, or does not. What is small and comes
over as it is begins without being asked about.
*/

import { api } from "./api.js";
import { ask, attempt } from "./dialogs.js";
import { byId, h, parts, table } from "./dom.js";
import { _, bytes, ngettext } from "./i18n.js";

const SMALL = 20; // items that begin without a question, where nothing about them changes
const LISTED = 200; // items that are named one by one; the lines above count all
const ASK_AFTER = 800; // milliseconds that a look may take before it is shown
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The plan's id once the person has agreed, undefined where no plan is needed, null where they do not want to. */
export async function looked(order, words, entries) {
  const large = entries.length > SMALL || entries.some((entry) => entry.kind === "folder" || entry.kind === "shortcut");
  if (!large) return undefined;
  const { id } = await api.order(order);
  const begun = Date.now();
  const state = { over: false };
  let answer = null;
  let plan;
  do {
    plan = await api.planned(id);
    if (ended(plan) && !answer && simple(plan)) return id;
    if (ended(plan) || Date.now() - begun > ASK_AFTER) {
      answer ??= opened(words, state);
      draw(plan, order, words);
    }
    if (!ended(plan)) await sleep(Math.min(2000, 250 + (Date.now() - begun) / 4));
  } while (!ended(plan) && !state.over);
  const said = await answer;
  if (said === "ok") return plan.state === "done" ? id : undefined;
  if (!ended(plan)) await attempt(() => api.cancel(id));
  return null;
}

const ended = (plan) => ["done", "failed", "cancelled"].includes(plan.state);
const total = (plan) => Object.values(plan.items).reduce((sum, one) => sum + one, 0);
const simple = (plan) => plan.state === "done" && plan.complete && plan.fits !== false && total(plan) <= SMALL && !Object.keys(plan.findings).length;

function opened(words, state) {
  byId("dialog-plan-title").textContent = words[1];
  const part = parts(byId("dialog-plan"));
  part.ok.textContent = words[0];
  const answer = ask("dialog-plan");
  part.no.focus();
  return answer.then((said) => {
    state.over = true;
    return said;
  });
}

function draw(plan, order, words) {
  const part = parts(byId("dialog-plan"));
  const done = ended(plan);
  part.busy.hidden = done;
  part.busy.querySelector("p").textContent = ngettext("Looking through everything: %(count)s item so far.", "Looking through everything: %(count)s items so far.", total(plan));
  part.sum.hidden = !done;
  part.ok.disabled = !done || plan.state === "cancelled";
  if (!done) return;
  part.sum.replaceChildren(...sum(plan), ...differences(plan, order), ...details(plan));
  part.status.textContent = [amount(plan), words[1]].join(" · ");
}

function amount({ items, bytes: size }) {
  const counted = [
    items.file && ngettext("%(count)s file", "%(count)s files", items.file),
    items.folder && ngettext("%(count)s folder", "%(count)s folders", items.folder),
    items.document && ngettext("%(count)s online document", "%(count)s online documents", items.document),
    items.shortcut && ngettext("%(count)s shortcut", "%(count)s shortcuts", items.shortcut),
  ].filter(Boolean);
  return [counted.join(", ") || ngettext("%(count)s item", "%(count)s items", 0), bytes(size)].join(" · ");
}

function time(seconds) {
  if (seconds < 90) return _("Less than two minutes");
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return ngettext("About %(count)s minute", "About %(count)s minutes", minutes);
  return ngettext("About %(count)s hour", "About %(count)s hours", Math.round(minutes / 60));
}

function room({ quota, fits, bytes: size }) {
  if (!quota || quota.limit === undefined || quota.limit === null) return fits === false ? _("It does not fit.") : _("There is room.");
  const values = { left: bytes(Math.max(0, quota.limit - quota.used)), size: bytes(size) };
  return fits === false ? _("It does not fit: %(size)s, and only %(left)s are free.", values) : _("It fits: %(left)s are free.", values);
}

function sum(plan) {
  const lines = [[_("How much"), amount(plan)], [_("How long"), time(plan.seconds)], [_("Room there"), room(plan)]];
  const list = h("dl", { class: "facts" }, lines.map(([what, words]) => h("div", {}, h("dt", {}, what), h("dd", {}, words))));
  const unsure = plan.complete ? null : h("p", { class: "note" }, _("Some folders could not be looked through, so there may be more."));
  return [list, unsure].filter(Boolean);
}

const CONFLICTS = {
  skip: () => _("What is the same is left out; anything else of that name is not copied."),
  rename: () => _("Both are kept; the new one gets a number."),
  replace: () => _("The new one takes the place of the old one."),
  fail: () => _("They are left out, and the report tells which."),
};

/** What will not be as it was, a line each. */
function differences(plan, order) {
  const { exported = 0, converted = 0, renamed = 0, altered = 0, conflict = 0, ...others } = plan.findings;
  const lost = Object.values(others).reduce((all, one) => all + one, 0);
  const lines = [
    lost && ngettext("%(count)s item cannot be brought over, or not in its place.", "%(count)s items cannot be brought over, or not in their place.", lost),
    conflict && `${ngettext("%(count)s name exists there already.", "%(count)s names exist there already.", conflict)} ${CONFLICTS[order.on_conflict]()}`,
    renamed && ngettext("%(count)s item gets another name, because the other drive does not allow its own.", "%(count)s items get other names, because the other drive does not allow their own.", renamed),
    exported && ngettext("%(count)s online document becomes a file. It can look a little different.", "%(count)s online documents become files. They can look a little different.", exported),
    converted && ngettext("%(count)s Office file becomes an online document. It can look a little different.", "%(count)s Office files become online documents. They can look a little different.", converted),
    altered && ngettext("%(count)s file is changed a little by the other drive when it is stored.", "%(count)s files are changed a little by the other drive when they are stored.", altered),
    plan.sharing_lost && _("With whom the originals are shared does not come along. Share the copies again where that is needed."),
  ].filter(Boolean);
  return lines.length ? [h("h3", {}, _("What will be different")), h("ul", { class: "lines" }, lines.map((line) => h("li", {}, line)))] : [];
}

const WHY = {
  exported: () => _("Becomes a file"),
  converted: () => _("Becomes an online document"),
  renamed: () => _("Gets another name"),
  altered: () => _("Is changed a little"),
  conflict: () => _("This name exists there already"),
  path_too_long: () => _("The folders and names together are too long for the other drive"),
};

/** The first of them; a page of them can be empty although others follow. */
async function found(id) {
  const items = [];
  let cursor = null;
  do {
    const page = await api.findings(id, cursor);
    items.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor && items.length < LISTED);
  return items;
}

/** The items behind it, read when somebody wants to see them. */
function details(plan) {
  if (!Object.keys(plan.findings).length) return [];
  const box = h("details", {}, h("summary", {}, _("Show these items")));
  const read = async () => {
    const items = await attempt(() => found(plan.id));
    const why = (one) => [WHY[one.code]?.() ?? one.advice ?? one.code, one.name && one.code !== "exported" ? h("bdi", { class: "quiet" }, ` ${one.name}`) : ""];
    const columns = [{ title: _("Item"), header: true, cell: (one) => one.path }, { title: _("What happens"), cell: why }];
    if (items) box.append(table(_("What will be different"), columns, items));
  };
  box.addEventListener("toggle", () => box.open && read(), { once: true });
  return [box];
}
