/** The popup: sign in, browse the drives, attach a file to the page, save the page's link. ?tab= names the page where
 * the popup stands in a window of its own. */

import { content, me } from "./api.js";
import { SignedOut, signOut, signedIn } from "./auth.js";
import { attachTo, fieldsOf } from "./attaching.js";
import { Browser } from "./browser.js";
import { handOver } from "./handover.js";
import { byId, h, localise, signIn, status, t, words } from "./ui.js";

const asked = Number(new URLSearchParams(location.search).get("tab")) || null;
const tab = asked ? await chrome.tabs.get(asked).catch(() => null) : (await chrome.tabs.query({ active: true, currentWindow: true }))[0];
const browser = new Browser(byId("browser"), { files: true, changed: () => (byId("attach").disabled = !browser.chosen) });

function show(inside) {
  byId("signed-in").hidden = !inside;
  byId("signed-out").hidden = inside;
  byId("sign-out").hidden = !inside;
  if (!inside) byId("who").textContent = "";
}

async function start() {
  const inside = await signedIn();
  show(inside);
  if (!inside) return;
  await guard(async () => {
    const person = await me();
    byId("who").textContent = person.name;
    await browser.start();
  });
}

/** Run something for the person; what goes wrong is told, and a lost sign-in leads back to the first screen. */
async function guard(action) {
  try {
    await action();
  } catch (error) {
    if (error instanceof SignedOut) show(false);
    status(words(error), "bad");
  }
}

async function attach() {
  const entry = browser.chosen;
  status("");
  const fields = await fieldsOf(tab);
  const select = byId("field");
  if (fields.length > 1 && byId("fields").hidden) {
    select.replaceChildren(...fields.map((field, index) => h("option", { value: index }, field.label || t("fieldNumber", index + 1))));
    byId("fields").hidden = false;
    select.focus();
    return status(t("chooseField"));
  }
  const field = fields[Number(select.value) || 0];
  const bar = byId("progress");
  bar.hidden = false;
  bar.max = entry.size || 1;
  if (!entry.size) bar.removeAttribute("value");
  try {
    const name = await attachTo(tab, field, entry, (signal) => content(entry, signal), (done) => entry.size && (bar.value = done));
    status(t("attached", name), "good");
  } finally {
    bar.hidden = true;
    byId("fields").hidden = true;
  }
}

async function savePage() {
  const id = await handOver({ kind: "link", url: tab.url, title: tab.title ?? "" });
  location.assign(`save.html?id=${id}`);
}

localise();
byId("save-page").disabled = !/^https?:/.test(tab?.url ?? "");
byId("sign-in").addEventListener("click", () => guard(async () => {
  status(t("signingIn"));
  await signIn();
  status("");
  await start();
}));
byId("attach").addEventListener("click", () => guard(attach));
byId("save-page").addEventListener("click", () => guard(savePage));
byId("options").addEventListener("click", () => chrome.runtime.openOptionsPage());
byId("sign-out").addEventListener("click", () => guard(async () => {
  await signOut();
  show(false);
  byId("sign-in").focus();
}));
await start();
document.documentElement.dataset.ready = "true";
