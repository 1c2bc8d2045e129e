/** Questions to the person. Native <dialog>: it traps and returns the focus, closes on Escape, and hides what is behind. */

import { words } from "./api.js";
import { byId, h, parts, say } from "./dom.js";
import { _ } from "./i18n.js";

/** Open a dialog and wait until it closes: its return value, '' where it was dismissed. */
export function ask(id) {
  const dialog = byId(id);
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

/** Ask for a name; null where dismissed. The part before the suffix is selected, as people change that one. */
export async function askName(title, ok, value = "") {
  const dialog = byId("dialog-name");
  const part = parts(dialog);
  const input = byId("name-input");
  byId("dialog-name-title").textContent = title;
  part.ok.textContent = ok;
  input.value = value;
  const answer = ask("dialog-name");
  const dot = value.lastIndexOf(".");
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : value.length);
  const name = (await answer) === "ok" ? input.value.trim() : "";
  return name || null;
}

/** Ask to go on; true only where the person said so. ``danger`` colours the button and puts the focus on the other one. */
export async function askSure(title, text, ok, { danger = false, no = _("Cancel") } = {}) {
  const part = parts(byId("dialog-sure"));
  byId("dialog-sure-title").textContent = title;
  part.text.replaceChildren(...[text].flat().map((line) => (typeof line === "string" ? h("p", {}, line) : line)));
  part.ok.textContent = ok;
  part.no.textContent = no;
  part.ok.className = danger ? "button danger" : "button primary";
  const answer = ask("dialog-sure");
  (danger ? part.no : part.ok).focus();
  return (await answer) === "ok";
}

/** Ask how to copy or move: the conflict rule, or null. */
export async function askTransfer(title, text, ok, hint) {
  const part = parts(byId("dialog-transfer"));
  byId("dialog-transfer-title").textContent = title;
  part.text.textContent = text;
  part.ok.textContent = ok;
  part.hint.textContent = hint;
  const answer = ask("dialog-transfer");
  part.ok.focus();
  if ((await answer) !== "ok") return null;
  return new FormData(byId("dialog-transfer").querySelector("form")).get("conflict");
}

/** Show a message until it is dismissed: used where something failed and no better place is at hand. */
export function toast(text) {
  const box = h("div", { class: "toast" }, h("p", {}, text));
  box.append(h("button", { type: "button", onclick: () => box.remove() }, _("Close")));
  byId("toasts").append(box);
  while (byId("toasts").children.length > 3) byId("toasts").firstChild.remove();
}

/** Run what a person asked for; a failure is shown to them in plain words. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (error.name !== "AbortError" && error.code !== "unauthenticated" && error.status !== 401) toast(words(error));
    return undefined;
  }
}

/** Buttons with data-opens open that dialog, which may hook into it; those with data-cancel close theirs. They are no
 * submit buttons, so that Enter in a field always means the other one. */
export function wireOpeners() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-cancel]")) event.target.closest("dialog").close("");
    const opener = event.target.closest("[data-opens]");
    if (!opener) return;
    const dialog = byId(opener.dataset.opens);
    dialog.dispatchEvent(new CustomEvent("opening"));
    dialog.showModal();
  });
  document.addEventListener("signed-out", async () => {
    say("");
    if (await askSure(_("You are signed out"), _("Sign in again to go on. Nothing was lost."), _("Sign in"))) location.assign("/");
  });
}
