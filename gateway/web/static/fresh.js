/** Acts that need a sign-in of the last minutes: asked for before anything is typed, and the way back to where it was. */

import { gatewayNow } from "./api.js";
import { ask } from "./dialogs.js";
import { byId, parts } from "./dom.js";

const LASTS = 4.5 * 60 * 1000; // the gateway asks for five minutes; leave time to read and type

const me = JSON.parse(byId("me").textContent);

/** Whether the last sign-in is recent enough, as far as this page knows. */
export const isFresh = () => gatewayNow() - Date.parse(me.signed_in_at) < LASTS;

/** Where to sign in again, and come back to exactly here. */
function address() {
  const next = `/${location.hash}`;
  return `/signin?${new URLSearchParams({ fresh: "1", school: me.school.id, next })}`;
}

async function lead() {
  const part = parts(byId("dialog-fresh"));
  part.signin.href = address();
  const answer = ask("dialog-fresh");
  part.signin.focus();
  await answer;
}

/** Do what needs a fresh sign-in, or lead the person through one first: undefined then. Throws what ``act`` throws. */
export async function freshly(act) {
  if (!isFresh()) return lead();
  try {
    return await act();
  } catch (error) {
    if (error.code !== "fresh_sign_in_required") throw error;
    return lead();
  }
}
