/** What waits for a school's administrators: shown on the way to it, so that nothing is found only by looking everywhere. */

import { count, mark } from "../waiting.js";
import { school } from "./api.js";

const open = async (cursor) => {
  const found = await school.incidents(cursor);
  return { ...found, items: found.items.filter((one) => one.state === "open") };
};
const acceptable = async () => ({ items: (await school.notices()).filter((one) => one.acceptable), next: null });
const proposed = (kind) => async (cursor) => {
  const found = await school.approvals(cursor);
  return { items: found.items.filter((one) => one.state === "proposed" && one.kind.startsWith(kind)), next: null };
};
const asked = async (cursor) => {
  const found = await school.lawful(cursor);
  return { ...found, items: found.items.filter((one) => ["open", "approved"].includes(one.state)) };
};
const ROOMS = { corrections: school.corrections, notices: acceptable, incidents: open, holds: proposed("hold"), lawful: asked, erasing: proposed("erase_") };

/** Count it all and show it. */
export async function showWaiting() {
  const rooms = await Promise.all(Object.entries(ROOMS).map(async ([room, load]) => [room, ...(await count(load))]));
  for (const [room, some, more] of rooms) mark(document.querySelector(`#school [data-room="${room}"]`), some, more);
  const sum = rooms.reduce((before, [, some]) => before + some, 0);
  mark(document.querySelector('.sections [data-view="school"]'), sum, rooms.some(([, , more]) => more));
}
