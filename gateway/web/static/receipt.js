/** The receipt of being forgotten. Its link works once, so it is fetched here, shown, and offered for keeping. */

import { byId, h, table } from "./dom.js";
import { _, moment, number } from "./i18n.js";
import { outsideName } from "./forget.js";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** ``waits``: told that it is not done yet; a request of administrators can wait for days. */
async function fetchReceipt(path, waits) {
  for (let wait = 500; ; wait = Math.min(4000, wait * 1.3)) {
    const response = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error" }).catch(() => null);
    if (response?.ok && response.status === 200) return response.text();
    if (response && ![202, 425, 429, 502, 503].includes(response.status)) return null;
    if (response && wait > 1500) waits();
    await sleep(wait);
  }
}

const decode = (text) => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0))));

/** What a receipt is about, by its scope. ``own``: it is shown to whom it is about. */
const TITLES = {
  person: (_facts, own) => (own ? _("You have been forgotten") : _("This person has been forgotten")),
  people: () => _("These people have been forgotten"),
  school: () => _("The whole school has been forgotten"),
  item: (facts) => (facts.kind === "temporary" ? _("Everything temporary has been destroyed") : _("It has been deleted for good")),
  released: () => _("What a legal hold kept has been destroyed"),
};

/** How far that goes, in a sentence. */
function status(facts, own) {
  const held = facts.kept?.some((one) => one.objects);
  if (own) {
    return held
      ? _("Nothing that was kept for you here can be read any more, but for what a legal hold keeps. This is your signed receipt.")
      : _("Nothing that was kept for you here can be read any more. This is your signed receipt.");
  }
  return held
    ? _("What is named here can be read by nobody any more, but for what a legal hold keeps. This is the signed receipt.")
    : _("What is named here can be read by nobody any more. This is the signed receipt.");
}

/** What was signed: the payload of a JWS, in its JSON or compact form. */
function payload(raw) {
  if (raw.trimStart().startsWith("{")) {
    const document = JSON.parse(raw);
    return document.payload ? decode(document.payload) : document;
  }
  return decode(raw.replace(/^"|"$/g, "").split(".")[1]);
}

function show(facts) {
  const body = byId("receipt-body");
  const section = (title, ...content) => body.append(h("h2", {}, title), ...content);
  const erased = [
    { title: _("What"), header: true, cell: (store) => store.what },
    { title: _("Destroyed"), end: true, cell: (store) => number(store.erased) },
  ];
  if (facts.erased?.length) section(_("What was destroyed here"), table(_("What was destroyed here"), erased, facts.erased));
  if (facts.kept?.length) section(_("What stays, and why"), h("ul", { class: "outside" }, facts.kept.map((one) => h("li", {}, one.objects ? h("b", {}, `${number(one.objects)} `) : "", one.why))));
  if (facts.outside?.length) {
    const lines = facts.outside.map((one) => h("li", {}, h("b", {}, [outsideName(one.provider), one.label].filter(Boolean).join(" – ")), ` ${one.what ?? one.outcome ?? ""}`));
    section(_("What remains outside"), h("ul", { class: "outside" }, lines));
  }
  if (facts.backups) section(_("Backups"), h("p", {}, facts.backups));
  const details = [
    [_("Asked for"), facts.asked && moment(facts.asked)],
    [_("Finished"), facts.finished && moment(facts.finished)],
    [_("Number of this receipt"), facts.erasure && h("code", {}, facts.erasure)],
  ];
  section(_("Details"), h("dl", {}, details.filter(([, value]) => value).map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])));
}

async function main() {
  const [, other, path] = location.hash.match(/^#(other:)?(.*)$/) ?? [null, "", ""];
  const title = byId("receipt-title");
  if (other) title.textContent = _("Somebody is being forgotten");
  if (other) byId("receipt-status").textContent = _("Keys are being destroyed and data deleted. This takes a moment.");
  else history.replaceState(null, "", "/receipt");
  const waits = () => other && (byId("receipt-status").textContent = _("It is not done yet. You can leave this page open, or keep its address and come back."));
  const raw = /^\/v1\/receipts\/[\w-]+$/.test(path) ? await fetchReceipt(path, waits) : null;
  history.replaceState(null, "", "/receipt"); // it has been used, or was none
  byId("receipt-progress").hidden = true;
  if (raw === null) {
    title.textContent = _("This receipt cannot be shown");
    byId("receipt-status").textContent = _("A receipt's link works only once. If you have shown it before, use the copy that you kept.");
    return title.focus();
  }
  const facts = payload(raw);
  const own = !other && facts.scope === "person";
  title.textContent = TITLES[facts.scope]?.(facts, own) ?? _("It has been forgotten");
  byId("receipt-status").textContent = status(facts, own);
  show(facts);
  byId("receipt-download").href = URL.createObjectURL(new Blob([raw], { type: "application/json" }));
  byId("receipt-print").addEventListener("click", () => print());
  byId("receipt-actions").hidden = false;
  byId("receipt-once").hidden = false;
  return title.focus();
}

await main();
