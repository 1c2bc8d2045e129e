/** Signing in by OAuth 2.0 code with PKCE, and the tokens that come of it.

Both tokens live in chrome.storage.session: in memory, gone when the browser closes, out of reach of pages. The refresh
token is deliberately not stored on disk, since classes share computers; the price is one sign-in per browser start,
which is a single click while the person is signed in to the gateway.
*/

import { gateway } from "./settings.js";

const CLIENT = "file-access-extension";
const EARLY = 60_000; // renew a token this long before it ends

/** There is no usable sign-in. */
export class SignedOut extends Error {}

function random(size) {
  return encode(crypto.getRandomValues(new Uint8Array(size)));
}

function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function challenge(verifier) {
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

async function exchange(origin, fields) {
  const response = await fetch(`${origin}/v1/token`, {
    method: "POST",
    body: new URLSearchParams({ client_id: CLIENT, ...fields }),
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
  });
  // 403: suspended for a while, and good again when that is lifted.
  if (response.status >= 500 || [403, 429].includes(response.status)) throw new Error("busy");
  if (!response.ok) throw new SignedOut();
  const pair = await response.json();
  const held = { origin, access: pair.access_token, refresh: pair.refresh_token, ends: Date.now() + pair.expires_in * 1000 };
  await chrome.storage.session.set({ held });
  return held;
}

/** The whole sign-in. Run it in the service worker: a popup would close under it. */
export async function signIn() {
  const { origin } = await gateway();
  const verifier = random(48);
  const state = random(24);
  const redirect = chrome.identity.getRedirectURL("signed-in");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT,
    redirect_uri: redirect,
    state,
    code_challenge: await challenge(verifier),
    code_challenge_method: "S256",
  });
  const answer = await chrome.identity.launchWebAuthFlow({ url: `${origin}/extension/authorize?${query}`, interactive: true });
  const back = new URL(answer);
  const code = back.searchParams.get("code");
  if (back.searchParams.get("state") !== state || !code) throw new SignedOut();
  await exchange(origin, { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirect });
}

/** Signed in, as far as is known here? */
export async function signedIn() {
  const { held } = await chrome.storage.session.get("held");
  return held?.origin === (await gateway()).origin;
}

/** An access token, renewed where it is old. One renewal at a time over all of the extension's pages, because a
 * refresh token that is shown twice counts as stolen. ``stale``: a token that was just refused. */
export function token(stale) {
  return navigator.locks.request("tokens", async () => {
    const { held } = await chrome.storage.session.get("held");
    const { origin } = await gateway();
    if (!held || held.origin !== origin) throw new SignedOut();
    if (held.access !== stale && Date.now() < held.ends - EARLY) return held.access;
    try {
      return (await exchange(origin, { grant_type: "refresh_token", refresh_token: held.refresh })).access;
    } catch (error) {
      if (error instanceof SignedOut) await chrome.storage.session.remove("held");
      throw error;
    }
  });
}

/** End the sign-in here and at the gateway. */
export async function signOut() {
  const { held } = await chrome.storage.session.get("held");
  await chrome.storage.session.remove("held");
  if (!held) return;
  const body = new URLSearchParams({ token: held.refresh, token_type_hint: "refresh_token" });
  await fetch(`${held.origin}/v1/token/revoke`, { method: "POST", body, credentials: "omit" }).catch(() => {});
}
