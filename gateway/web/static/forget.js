/** "Forget me": the plan first, a fresh sign-in where needed, a typed word, then the receipt's page. */

import { api, words } from "./api.js";
import { attempt } from "./dialogs.js";
import { byId, h, parts, table } from "./dom.js";
import { _, bytes, number } from "./i18n.js";

const WORD = "FORGET";
const FRESH = 4.5 * 60 * 1000; // the gateway asks for five minutes; leave time to read and type

export const outsideName = (provider) => ({ google: "Google Drive", microsoft: "OneDrive", onedrive: "OneDrive" })[provider] ?? provider;

export function planView(plan) {
  const kept = plan.stores.filter((store) => store.count > 0);
  const columns = [
    { title: _("What"), header: true, cell: (store) => store.what },
    { title: _("Number"), tight: true, cell: (store) => number(store.count) },
    { title: _("Size"), tight: true, cell: (store) => (store.bytes ? bytes(store.bytes) : "–") },
  ];
  const view = [h("h3", {}, _("What will be destroyed here")), table(_("What will be destroyed here"), columns, kept)];
  if (plan.held?.length) {
    const held = plan.held.map((one) => h("li", {}, h("b", {}, number(one.count)), ` ${one.what}`));
    view.push(h("h3", {}, _("What a legal hold keeps")), h("ul", { class: "outside" }, held));
  }
  if (plan.outside.length) {
    const outside = plan.outside.map((one) => h("li", {}, h("b", {}, `${outsideName(one.provider)} – ${one.label}`), ` ${one.what}`));
    view.push(h("h3", {}, _("What remains outside")), h("ul", { class: "outside" }, outside));
  }
  return view;
}

async function go(part) {
  part.go.disabled = true;
  part.problem.textContent = "";
  try {
    const { receipt } = await api.forget();
    const path = new URL(receipt, location.href).pathname;
    // After '#': the one-time link is not sent along with the request for the page, so no log ever holds it.
    location.replace(`/receipt#${path}`);
  } catch (error) {
    if (error.code === "fresh_sign_in_required") return needSignIn(part, error.body.sign_in);
    part.problem.textContent = words(error);
    part.go.disabled = false;
  }
}

function needSignIn(part, address) {
  const url = new URL(address ?? part.signin.href, location.href);
  if (url.origin === location.origin) part.signin.href = url.href;
  part.fresh.hidden = false;
  part.confirm.hidden = true;
  part.signin.focus();
}

/** Open the dialog with the plan. ``me``: as /v1/me answers. */
export async function openForget(me) {
  const part = parts(byId("dialog-forget"));
  const plan = await attempt(api.plan);
  if (!plan) return;
  part.plan.replaceChildren(...planView(plan));
  byId("forget-word").value = "";
  part.go.disabled = true;
  part.problem.textContent = "";
  const fresh = Date.now() - Date.parse(me.signed_in_at) < FRESH;
  part.fresh.hidden = fresh;
  part.confirm.hidden = !fresh;
  byId("dialog-forget").showModal();
  if (fresh) byId("forget-word").focus();
  else needSignIn(part);
}

export function wireForget(me) {
  const part = parts(byId("dialog-forget"));
  byId("forget-start").addEventListener("click", () => openForget(me));
  byId("forget-word").addEventListener("input", (event) => {
    part.go.disabled = event.target.value.trim() !== WORD;
  });
  byId("forget-word").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!part.go.disabled) part.go.click();
  });
  part.go.addEventListener("click", () => go(part));
}
