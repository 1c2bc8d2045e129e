/** Where the gateway is: what the school's administrator set, else what the person set, else this computer. */

export const DEFAULT = "http://127.0.0.1:8080";

/** The origin of an address that may be a gateway: https, or this computer. Null for anything else. */
export function originOf(text) {
  let url;
  try {
    url = new URL(text.trim());
  } catch {
    return null;
  }
  const here = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  const plain = url.username || url.password || (url.pathname !== "/" && url.pathname !== "");
  return !plain && (url.protocol === "https:" || (url.protocol === "http:" && here)) ? url.origin : null;
}

/** {origin, fixed}: the gateway's address, and whether the administrator fixed it. */
export async function gateway() {
  const managed = await chrome.storage.managed.get("gateway").catch(() => ({}));
  const fixed = managed.gateway ? originOf(managed.gateway) : null;
  if (fixed) return { origin: fixed, fixed: true };
  const { gateway: own } = await chrome.storage.local.get("gateway");
  return { origin: own ?? DEFAULT, fixed: false };
}

export const setGateway = (origin) => chrome.storage.local.set({ gateway: origin });

const pattern = (address) => {
  const url = new URL(address);
  return `${url.protocol}//${url.hostname}/*`;
};

/** May we talk to the server of this address? */
export const allowed = (address) => chrome.permissions.contains({ origins: [pattern(address)] });

/** Ask the person to let us talk to it. Only inside a click or key press. */
export const ask = (address) => chrome.permissions.request({ origins: [pattern(address)] });
