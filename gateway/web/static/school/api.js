/** The part of the API that is for a school's administrators. */

import { ApiProblem, json, once, query, send } from "../api.js";
import { _ } from "../i18n.js";

const S = "/v1/school";
const page = (path, more = {}) => (cursor) => json("GET", `${path}${query({ cursor, ...more })}`);
const key = () => ({ "Idempotency-Key": once() });
const post = (path, body) => json("POST", path, { body, headers: key() });

/** Everything of a list, page by page. */
export async function all(load) {
  const items = [];
  let cursor = null;
  do {
    const found = await load(cursor);
    items.push(...found.items);
    cursor = found.next ?? null;
  } while (cursor);
  return items;
}

/** An answer with the ETag under which it may be changed. */
async function tagged(path) {
  const answer = await send("GET", path);
  return { ...(await answer.json()), etag: answer.headers.get("ETag") };
}

const matched = (method, path, etag, body) => json(method, path, { body, headers: { "If-Match": etag } });

/** A file that is made while it is sent, saved as the answer names it. Browsers keep a large one on disk until then. */
async function saved(path, body) {
  const answer = await send("POST", path, { body, headers: { Accept: "*/*" } });
  const file = await answer.blob().catch(() => {
    throw new ApiProblem(0, { detail: `${_("The download broke off")}.`, advice: `${_("Try again")}.` });
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

const incident = (id) => `${S}/incidents/${id}`;

export const school = {
  settings: () => tagged(`${S}/settings`),
  change: (etag, body) => matched("PATCH", `${S}/settings`, etag, body),
  people: page(`${S}/people`, { limit: "200" }),
  away: page(`${S}/inactive`),
  guardians: page(`${S}/guardians`),
  link: (body) => json("POST", `${S}/guardians`, { body }),
  unlink: (id) => json("DELETE", `${S}/guardians/${id}`),
  corrections: page(`${S}/corrections`),
  decideCorrection: (id, body) => json("POST", `${S}/corrections/${id}/decision`, { body }),
  notices: async () => (await json("GET", `${S}/notices`)).items,
  accept: (one) => json("POST", `${S}/notices/${one.kind}/${one.version}/acceptance`),
  incidents: page(`${S}/incidents`),
  incident: (id) => tagged(incident(id)),
  openIncident: (body) => post(`${S}/incidents`, body),
  amend: (one, body) => matched("PATCH", incident(one.id), one.etag, body),
  acts: (id) => page(`${incident(id)}/acts`),
  aware: (id, at) => post(`${incident(id)}/awareness`, { at }),
  note: (id, body) => post(`${incident(id)}/notes`, body),
  touched: (since, until) => page(`${S}/affected/people`, { since, until }),
  touch: (id, people) => json("POST", `${incident(id)}/affected`, { body: { items: people.map((one) => ({ kind: "person", id: one })) } }),
  decide: (id, body) => post(`${incident(id)}/decisions`, body),
  notified: (id, body) => post(`${incident(id)}/notified`, body),
  sign: (one) => matched("POST", `${incident(one.id)}/signature`, one.etag),
  close: (id) => post(`${incident(id)}/close`),
  reopen: (id, body) => post(`${incident(id)}/reopen`, body),
  draftOf: (id, audience, language, format) => `${incident(id)}/notices/${audience}${query({ language, format })}`,
  suspensions: page(`${S}/containment`),
  active: page(`${S}/containment`, { state: "active" }),
  suspend: (body) => post(`${S}/containment`, body),
  lift: (id, body) => post(`${S}/containment/${id}/lift`, body),
  planErasure: (body) => json("POST", `${S}/erasures/plan`, { body }),
  erase: (body, word) => json("POST", `${S}/erasures`, { body: { ...body, confirm: "FORGET" }, headers: { "Idempotency-Key": word } }),
  erasures: page(`${S}/erasures`),
  approvals: page(`${S}/approvals`),
  concerned: (id) => page(`${S}/approvals/${id}/people`, { limit: "200" }),
  approve: (id) => json("POST", `${S}/approvals/${id}/approve`),
  cancel: (id) => json("POST", `${S}/approvals/${id}/cancel`),
  holds: page(`${S}/holds`),
  hold: (id) => json("GET", `${S}/holds/${id}`),
  openHold: (body) => json("POST", `${S}/holds`, { body }),
  heldContents: (id) => page(`${S}/holds/${id}/contents`),
  takeHeld: (id, part) => saved(`${S}/holds/${id}/content`, { part }),
  release: (id) => json("POST", `${S}/holds/${id}/release`),
  driveOf: (person) => page(`${S}/people/${person}/review/native`, { limit: "200" }),
  lawful: page(`${S}/lawful-requests`),
  lawfulOne: (id) => json("GET", `${S}/lawful-requests/${id}`),
  openLawful: (body) => json("POST", `${S}/lawful-requests`, { body }),
  approveLawful: (id) => json("POST", `${S}/lawful-requests/${id}/approve`),
  refuseLawful: (id, body) => json("POST", `${S}/lawful-requests/${id}/refuse`, { body }),
  takeLawful: (id) => saved(`${S}/lawful-requests/${id}/export`),
  keys: async (person) => (await json("GET", `${S}/keys${query({ person })}`)).items,
};
