/** Acts that need a sign-in of the last minutes: asked for before anything is typed, and the way back to where it was.
 *
 * What was typed while the sign-in grew old stays: then one signs in again in another tab. It never leaves this page's
 * memory, since names must not lie in a browser's storage. */

import { ApiProblem, asksItself, gatewayNow } from "./api.js";
import { ask } from "./dialogs.js";
import { byId, parts } from "./dom.js";
import { _ } from "./i18n.js";

const LASTS = 4.5 * 60 * 1000; // the gateway asks for five minutes; leave time to read and type
const LOOKS = 2000; // ms between two looks whether somebody signed in again
const PATIENCE = 150; // looks; later only where they come back to this page: looking keeps a session awake

const me = JSON.parse(byId("me").textContent);
let signedIn = Date.parse(me.signed_in_at);
let replaced = false; // somebody else signed in where this person was to: nothing of this page is sent in their name
let doubted = false; // this person was signed out: somebody else may have signed in since
document.addEventListener("signed-out", () => (doubted = true));

/** Whether the last sign-in is recent enough, as far as this page knows. */
export const isFresh = () => gatewayNow() - signedIn < LASTS;

const address = (next) => `/signin?${new URLSearchParams({ fresh: "1", school: me.school.id, next })}`;

/** Show the way to sign in again: from here and back to exactly here, or ``beside`` this page, in a tab of its own. */
async function lead(beside = false) {
  const part = parts(byId("dialog-fresh"));
  part.signin.href = address(beside ? "/signed-in" : `/${location.hash}`);
  part.signin.target = beside ? "_blank" : "";
  part.back.textContent = beside ? _("It opens in a new tab. Come back here afterwards: what you typed stays.") : _("You come back to this place.");
  part.problem.textContent = "";
  const answer = ask("dialog-fresh");
  part.signin.focus();
  return answer;
}

const another = () => new ApiProblem(0, { detail: _("Somebody else is signed in in this browser now. Nothing was sent.") });

/** Look whether this person has signed in again: the dialog closes then. What is no answer is looked for again. */
async function look() {
  const answer = await fetch("/v1/me", { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
  const now = answer?.ok ? await answer.json().catch(() => null) : null;
  if (!now) return;
  doubted = false;
  replaced = now.id !== me.id;
  if (replaced) return void (parts(byId("dialog-fresh")).problem.textContent = another().words);
  const before = signedIn;
  signedIn = Date.parse(now.signed_in_at);
  if (signedIn > before) byId("dialog-fresh").close("ok");
}

/** Wait until the person has signed in again in another tab: whether they did. No other tab is told or asked. */
async function renewed() {
  const stop = new AbortController();
  let looks = PATIENCE;
  let timer = 0;
  const begin = () => {
    clearInterval(timer);
    timer = setInterval(() => (looks-- > 0 ? look() : clearInterval(timer)), LOOKS);
  };
  parts(byId("dialog-fresh")).signin.addEventListener("click", begin, { signal: stop.signal });
  addEventListener("focus", look, { signal: stop.signal });
  const answer = await lead(true);
  clearInterval(timer);
  stop.abort();
  return answer === "ok";
}

const tooOld = (error) => error.code === "fresh_sign_in_required";

/** Do what needs a fresh sign-in, or lead the person through one first: undefined then. Throws what ``act`` throws. */
export async function freshly(act) {
  if (!isFresh()) return lead().then(() => undefined);
  try {
    return await act();
  } catch (error) {
    if (!tooOld(error)) throw error;
    return lead().then(() => undefined);
  }
}

/** Send what was typed; where the sign-in is too old by now or over, again after a new one. Throws what ``act`` throws. */
export async function keeping(act) {
  if (replaced || doubted) await look();
  if (replaced) throw another();
  try {
    return await asksItself(act);
  } catch (error) {
    const over = error.status === 401;
    doubted ||= over;
    if (!(over || tooOld(error)) || !(await renewed())) throw error;
    return act();
  }
}
