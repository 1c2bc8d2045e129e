/** The gateway's API as the extension uses it: always by bearer token, never by the browser's cookies. */

import { token } from "./auth.js";
import { gateway } from "./settings.js";

/** An answer that is an error, with words for a person. */
export class ApiProblem extends Error {
  constructor(status, body) {
    super(body.code || `http_${status}`);
    this.status = status;
    this.words = [body.detail || body.title, body.advice !== body.detail && body.advice].filter(Boolean).join(" ");
  }
}

/** Send a request; the Response of a success. A refused token is renewed once. */
export async function send(method, path, { headers = {}, body, signal } = {}) {
  const { origin } = await gateway();
  const url = new URL(path, origin);
  if (url.origin !== origin) throw new Error("another origin");
  const once = (access) =>
    fetch(url, { method, headers: { ...headers, Authorization: `Bearer ${access}` }, body, signal, credentials: "omit", cache: "no-store", redirect: "error" });
  const access = await token();
  let response = await once(access);
  if (response.status === 401) response = await once(await token(access));
  if (response.ok) return response;
  throw new ApiProblem(response.status, await response.json().catch(() => ({})));
}

const json = async (...request) => (await send(...request)).json();
const itemPath = (drive, item) => `/v1/drives/${encodeURIComponent(drive)}/items/${encodeURIComponent(item)}`;

export const drives = async () => (await json("GET", "/v1/drives")).items.filter((drive) => drive.state === "ready");
export const upload = (path) => json("GET", path);
export const me = () => json("GET", "/v1/me");

/** One page of a folder. */
export const children = (drive, folder, cursor) =>
  json("GET", `${itemPath(drive, folder)}/children${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);

/** A file's bytes as a stream; a document in the first format it offers. */
export const content = (entry, signal) => {
  const format = entry.exports[0]?.id;
  return send("GET", `${itemPath(entry.drive, entry.id)}/content${format ? `?export=${encodeURIComponent(format)}` : ""}`, { signal });
};
