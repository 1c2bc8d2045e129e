/** The page of who only looks after children: their rooms, and being forgotten. */

import { wireOpeners } from "./dialogs.js";
import { byId } from "./dom.js";
import { openForget, wireForget } from "./forget.js";
import * as places from "./places.js";
import { show } from "./rights/data.js";
import { showWaiting } from "./rights/waiting.js";

const me = JSON.parse(byId("me").textContent);
const asked = () => places.read([]).part;

async function go(part) {
  places.write({ view: "data", part, sides: {} });
  await show(part, true);
}

wireOpeners();
wireForget(me);
addEventListener("popstate", () => show(asked(), true));
document.addEventListener("go", (event) => go(event.detail));
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-part-of], .skip, .languages a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.hreflang) return void (link.hash = location.hash); // the same room in the other language
  event.preventDefault();
  if (link.dataset.partOf) go(link.dataset.partOf);
  else byId("main").focus();
});
const forget = location.pathname === "/forget";
await show(forget ? "forget" : asked(), false);
places.write({ view: "data", part: forget ? "forget" : asked(), sides: {} }, { replace: true });
if (forget) await openForget(me);
showWaiting();
document.documentElement.dataset.ready = "true";
