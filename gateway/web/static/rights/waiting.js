/** How many messages wait for a person, on the way to them. */

import { byId } from "../dom.js";
import { count, mark } from "../waiting.js";
import { own } from "./who.js";

/** Count them and show it. */
export async function showWaiting() {
  const [some, more] = await count(own.told);
  const ways = [document.querySelector('.sections [data-view="data"]'), byId("data").querySelector('[data-room="told"]')];
  for (const link of ways) if (link) mark(link, some, more);
}
