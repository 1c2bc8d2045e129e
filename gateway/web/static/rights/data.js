/** "Your data": what is held, corrected, copied and used, what one is told, and children of whom one is the guardian. */

import { byId } from "../dom.js";
import { Rooms } from "../rooms.js";
import { showAccesses } from "./accesses.js";
import { showChildren } from "./children.js";
import { showCopies } from "./copies.js";
import { showCorrections } from "./corrections.js";
import { showHeld } from "./held.js";
import { showTold } from "./told.js";
import { mine, own } from "./who.js";

const me = JSON.parse(byId("me").textContent);

const rooms = new Rooms(byId("data"), {
  children: showChildren,
  held: (box) => showHeld(box, mine),
  corrections: (box) => showCorrections(box, mine, me),
  copies: (box) => showCopies(box, mine),
  accesses: (box) => showAccesses(box, mine),
  told: showTold,
  ...(me.role === "guardian" ? { forget: () => undefined } : {}),
});

/** Who works here and is nobody's guardian has no room for children. */
async function hideChildren() {
  if (me.role === "guardian") return;
  const link = byId("data").querySelector('[data-room="children"]').parentElement;
  link.hidden = !(await own.children().catch(() => [])).length;
}

/** Show a room. */
export async function show(part, focus) {
  if (!rooms.shown) await hideChildren();
  await rooms.show(part, focus);
  return rooms.shown;
}
