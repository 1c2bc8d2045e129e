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

/** Ask for a name and do with it what was meant: the dialog stays open, with what was typed, until ``run(name)`` works
 * or the person gives up; why it did not work is said there. The part before the suffix is selected, as people change
 * that one. The result of ``run``, or null. */
export async function askName(title, ok, run, value = "") {
  const dialog = byId("dialog-name");
  const part = parts(dialog);
  const input = byId("name-input");
  byId("dialog-name-title").textContent = title;
  part.ok.textContent = ok;
  input.value = value;
  refuse(part, input, "");
  let result = null;
  const form = dialog.querySelector("form");
  const stop = new AbortController();
  let sending = null;
  const send = async () => {
    form.setAttribute("aria-busy", "true");
    try {
      if (!input.value.trim()) refuse(part, input, _("Type a name. Spaces alone are not enough."));
      else {
        result = await run(input.value.trim());
        if (!stop.signal.aborted) dialog.close("ok");
      }
    } catch (error) {
      if (error.status === 401) dialog.close("");
      else if (stop.signal.aborted) toast(words(error));
      else refuse(part, input, words(error));
    } finally {
      form.removeAttribute("aria-busy");
    }
  };
  const submitted = (event) => {
    event.preventDefault();
    if (!form.hasAttribute("aria-busy")) sending = send();
  };
  form.addEventListener("submit", submitted, { signal: stop.signal });
  const answer = ask("dialog-name");
  const dot = value.lastIndexOf(".");
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : value.length);
  await answer;
  stop.abort();
  await sending; // given up while it was on its way: what it did is still to be shown
  return result;
}

function refuse(part, input, text) {
  part.problem.textContent = text;
  if (!text) return input.removeAttribute("aria-invalid");
  input.setAttribute("aria-invalid", "true");
  return input.focus();
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

const STAYS = 30000; // longer than anybody needs to read it, and it waits while it is pointed at or has the focus

/** Show a message where something failed and no better place is at hand. The same one is never shown twice at once. */
export function toast(text) {
  const shown = [...byId("toasts").children].find((one) => one.firstChild.textContent === text);
  if (shown) return shown.dispatchEvent(new Event("again"));
  const before = document.activeElement;
  const box = h("div", { class: "toast" }, h("p", {}, text));
  const close = () => {
    clearTimeout(timer);
    const had = box.contains(document.activeElement);
    box.remove();
    if (had) (before?.isConnected && before !== document.body ? before : byId("main")).focus();
  };
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (box.matches(":hover, :focus-within") ? wait() : close()), STAYS);
  };
  for (const name of ["again", "pointerleave", "focusout"]) box.addEventListener(name, wait);
  box.append(h("button", { type: "button", onclick: close }, _("Close")));
  byId("toasts").append(box);
  wait();
  while (byId("toasts").children.length > 3) byId("toasts").firstChild.remove();
  return undefined;
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
    const typing = byId("dialog-form")?.open; // what stands there must stay: then in a tab of its own
    if (await askSure(_("You are signed out"), _("Sign in again to go on. Nothing was lost."), _("Sign in"))) typing ? open("/signin?next=/signed-in", "_blank") : location.assign("/");
  });
}
