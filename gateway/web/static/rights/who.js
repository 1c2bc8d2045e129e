/** Whose rights are used: one's own, a child's as the guardian, or a person's by the school. Same address, same answers. */

import { json, query } from "../api.js";

const page = (path) => (cursor) => json("GET", `${path}${query({ cursor })}`);

/** Entries about acts: that an act was allowed is left out, since the act itself has an entry of its own. */
async function acts(path, cursor) {
  const found = await json("GET", `${path}${query({ cursor, limit: "200" })}`);
  return { ...found, items: found.items.filter((one) => !one.action.startsWith("policy.")) };
}

/** ``base``: where the rights are; ``mine``: one's own; ``name``: of whom, where not. */
export function rightsOf(base, { mine = false, name = "" } = {}) {
  return {
    base,
    mine,
    name,
    review: async () => (await json("GET", `${base}/review`)).stores,
    records: (store) => page(`${base}/review/${encodeURIComponent(store)}`),
    deeds: (cursor) => acts(`${base}/deeds`, cursor),
    corrections: page(`${base}/corrections`),
    correct: (body) => json("POST", `${base}/corrections`, { body }),
    withdraw: (id) => json("DELETE", `${base}/corrections/${id}`),
    copies: page(`${base}/exports`),
    copy: (part) => json("POST", `${base}/exports`, { body: { part } }),
    plan: () => json("GET", `${base}/erasure/plan`),
    forget: () => json("POST", `${base}/erasures`, { body: { confirm: "FORGET" } }),
  };
}

export const mine = rightsOf("/v1/me", { mine: true });
export const childOf = (link) => rightsOf(`/v1/children/${link.child.id}`, { name: link.child.name });
export const personOf = (person) => rightsOf(`/v1/school/people/${person.id}`, { name: person.name });

/** What only the person themselves sees. */
export const own = {
  accesses: page("/v1/me/accesses"),
  told: page("/v1/me/notifications"),
  dismiss: (id) => json("DELETE", `/v1/me/notifications/${id}`),
  guardians: async () => (await json("GET", "/v1/me/guardians")).items,
  children: async () => (await json("GET", "/v1/children")).items,
  notices: async () => (await json("GET", "/v1/notices")).items,
};
