/** The gateway's HTTP API as the page uses it. Every failure is an ApiProblem with words that a person understands. */

import { tell } from "./connection.js";
import { _ } from "./i18n.js";

/** What an answer that is an error says: ``detail`` what happened, ``advice`` what the person can do now. */
export class ApiProblem extends Error {
  constructor(status, body = {}) {
    super(body.code || `http_${status}`);
    this.status = status;
    this.code = body.code || "";
    this.body = body;
    this.detail = body.detail || body.title || "";
    this.advice = body.advice && body.advice !== body.detail ? body.advice : "";
  }

  /** Both in one, for a line of text. */
  get words() {
    return [this.detail, this.advice].filter(Boolean).join(" ") || _("Something went wrong. Try again.");
  }
}

/** A problem in plain words, whatever was thrown. */
export function words(error) {
  if (error instanceof ApiProblem) return error.words;
  console.error(error);
  return _("Something went wrong. Try again.");
}

let asking = 0; // acts that ask for a sign-in themselves

/** Do something that asks for a new sign-in itself where there is none any more: nobody else is to ask. */
export async function asksItself(act) {
  asking += 1;
  try {
    return await act();
  } finally {
    asking -= 1;
  }
}

async function problem(response) {
  const kind = response.headers.get("Content-Type") || "";
  const body = kind.includes("json") ? await response.json().catch(() => ({})) : {};
  if (response.status === 401 && !asking) document.dispatchEvent(new CustomEvent("signed-out"));
  return new ApiProblem(response.status, body);
}

let ahead = 0; // of the gateway's clock before this machine's, which may be wrong by hours, ms

/** The time by the gateway's clock, epoch ms, to the second. */
export const gatewayNow = () => Date.now() + ahead;

function compare(response) {
  const theirs = Date.parse(response.headers.get("Date") ?? "");
  if (theirs) ahead = theirs - Date.now();
}

/** Send a request; the Response of a success. Throws ApiProblem, with status 0 where nothing answers. */
export async function send(method, path, { body, headers = {}, ...options } = {}) {
  const json = body !== undefined && !(body instanceof Blob);
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: "application/json", "Accept-Language": document.documentElement.lang || "en", ...(json ? { "Content-Type": "application/json" } : {}), ...headers },
      body: json ? JSON.stringify(body) : body,
      credentials: "same-origin",
      redirect: "error",
      cache: "no-store",
      ...options,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tell(false);
    throw new ApiProblem(0, { code: "no_network", detail: _("The gateway cannot be reached. Check your connection and try again.") });
  }
  compare(response);
  if (response.status < 500) tell(true);
  if (!response.ok) throw await problem(response);
  return response;
}

/** Send a request and read its JSON; null where the answer is empty. */
export async function json(method, path, options) {
  const response = await send(method, path, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** A key for Idempotency-Key: the same for every repeat of one intention. */
export const once = () => crypto.randomUUID();

const at = (drive) => `/v1/drives/${encodeURIComponent(drive)}`;
const item = (drive, id) => `${at(drive)}/items/${encodeURIComponent(id)}`;

/** The part of an address after "?", of what has a value; nothing where nothing has. */
export function query(values) {
  const found = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  return found.size ? `?${found}` : "";
}

export const api = {
  drives: async () => (await json("GET", "/v1/drives")).items,
  item: (drive, id) => json("GET", item(drive, id)),
  children: (drive, id, cursor, signal) => json("GET", `${item(drive, id)}/children${query({ cursor })}`, { signal }),
  view: (drive, name, cursor, signal) => json("GET", `${at(drive)}/views/${name}${query({ cursor })}`, { signal }),
  trashed: (drive, cursor, signal) => json("GET", `${at(drive)}/trash${query({ cursor })}`, { signal }),
  search: (drive, q, cursor, signal) => json("GET", `${at(drive)}/search${query({ q, cursor })}`, { signal }),
  spaces: async (drive) => (await json("GET", `${at(drive)}/spaces`)).items,
  quota: (drive) => json("GET", `${at(drive)}/quota`),
  changes: (drive, cursor, space) => json("GET", `${at(drive)}/changes${query({ cursor, space })}`),
  versions: async (entry) => (await json("GET", `${item(entry.drive, entry.id)}/versions`)).items,
  picture: (entry) => `${item(entry.drive, entry.id)}/thumbnail?edge=64`,
  folder: (drive, parent, name) =>
    json("POST", `${item(drive, parent)}/children`, {
      body: { name, kind: "folder", on_conflict: "fail" },
      headers: { "Idempotency-Key": once() },
    }),
  change: (entry, body) => json("PATCH", item(entry.drive, entry.id), { body, headers: { "If-Match": entry.etag } }),
  trash: (entry) => send("DELETE", item(entry.drive, entry.id), { headers: { "If-Match": entry.etag } }),
  purge: (entry) => send("DELETE", `${item(entry.drive, entry.id)}?permanent=true`, { headers: { "If-Match": entry.etag } }),
  restore: (entry) => json("POST", `${item(entry.drive, entry.id)}/restore`, { headers: { "Idempotency-Key": once() } }),
  content: (entry, { format, version, download } = {}) =>
    `${item(entry.drive, entry.id)}/content${query({ export: format, version, download: download && "1" })}`,
  transfer: (body, key) => json("POST", "/v1/transfers", { body, headers: { "Idempotency-Key": key } }),
  order: (body) => json("POST", "/v1/transfers/preflight", { body, headers: { "Idempotency-Key": once() } }),
  planned: (id) => json("GET", `/v1/transfers/preflight/${id}`),
  findings: (id, cursor) => json("GET", `/v1/transfers/preflight/${id}/findings${query({ cursor })}`),
  jobs: async () => (await json("GET", "/v1/jobs?limit=20")).items,
  job: (id) => json("GET", `/v1/jobs/${id}`),
  jobItems: (id, cursor) => json("GET", `/v1/jobs/${id}/items${query({ cursor })}`),
  cancel: (id) => json("POST", `/v1/jobs/${id}/cancel`),
  pause: (id) => json("POST", `/v1/jobs/${id}/pause`),
  confirmJob: (id) => json("POST", `/v1/jobs/${id}/confirm`),
  resume: (id) => json("POST", `/v1/jobs/${id}/resume`),
  retry: (id) => json("POST", `/v1/jobs/${id}/retry`),
  reportFile: (id) => `/v1/jobs/${id}/report?format=csv`,
  connect: (provider) => json("POST", "/v1/connections", { body: { provider } }),
  confirm: (id) => send("POST", `/v1/connections/${id}/confirm`),
  pick: (id) => json("POST", `/v1/connections/${id}/pick`),
  disconnect: (id) => send("DELETE", `/v1/connections/${id}`),
  cached: async () => (await json("GET", "/v1/cache")).items,
  dropCached: (id) => send("DELETE", `/v1/cache/${id}`),
  emptyCache: () => json("DELETE", "/v1/cache"),
  tokens: async () => (await json("GET", "/v1/tokens")).items,
  revoke: (id) => send("DELETE", `/v1/tokens/${id}`),
  plan: () => json("GET", "/v1/erasure/plan"),
  forget: () => json("POST", "/v1/erasures", { body: { scope: "me", confirm: "FORGET" } }),
};
