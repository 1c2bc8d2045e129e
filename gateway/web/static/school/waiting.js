/** What waits for a school's administrators: shown on the way to it, so that nothing is found only by looking everywhere. */

import { count, mark } from "../waiting.js";
import { school } from "./api.js";

const open = async (cursor) => {
  const found = await school.incidents(cursor);
  return { ...found, items: found.items.filter((one) => one.state === "open") };
};
const acceptable = async () => ({ items: (await school.notices()).filter((one) => one.acceptable), next: null });
const proposed = async (cursor) => {
  const found = await school.approvals(cursor);
  return { ...found, items: found.items.filter((one) => one.state === "proposed"), next: null };
};
const ROOMS = { corrections: school.corrections, notices: acceptable, incidents: open, erasing: proposed };

/** Count it all and show it. */
export async function showWaiting() {
  const rooms = await Promise.all(Object.entries(ROOMS).map(async ([room, load]) => [room, ...(await count(load))]));
  for (const [room, some, more] of rooms) mark(document.querySelector(`#school [data-room="${room}"]`), some, more);
  const sum = rooms.reduce((before, [, some]) => before + some, 0);
  mark(document.querySelector('.sections [data-view="school"]'), sum, rooms.some(([, , more]) => more));
}
