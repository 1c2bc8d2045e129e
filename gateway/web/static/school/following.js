/** Records of what takes a moment after two administrators approved: each is drawn anew, in its place, until it is done. */

import { say } from "../dom.js";

const LOOKS = 1000; // ms between two looks
const PATIENCE = 60; // looks

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Look at ``now`` anew until ``moves(found)`` says that it does not move any more. ``load()``: it anew; ``draw(found)``: its node;
 * ``told(found)``: how it stands, in words. Gives up without a word: the room can be opened again. */
export async function follow(node, { now, load, draw, moves, told }) {
  let shown = node;
  let before = told(now);
  for (let look = 0; look < PATIENCE; look += 1) {
    await sleep(LOOKS);
    if (!shown.isConnected || !shown.checkVisibility()) return;
    const found = await load().catch(() => null);
    if (!found) continue;
    if (told(found) !== before) {
      const focused = shown.contains(document.activeElement);
      const next = draw(found);
      shown.replaceWith(next);
      shown = next;
      if (focused) next.querySelector("h4").focus();
      before = told(found);
      say(before);
    }
    if (!moves(found)) return;
  }
}
