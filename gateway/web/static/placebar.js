/** The places of a drive as a small list: the own files, what others share, the trash. Only what the drive offers. */

import { h } from "./dom.js";
import { _ } from "./i18n.js";
import { showMenu } from "./menu.js";

const FEW = 3; // spaces that stand in the list themselves; more are in a menu

/** The name of a list that lies across folders. */
export function listName(kind) {
  return { shared: _("Shared with me"), starred: _("Starred"), recent: _("Recent"), trash: _("Trash") }[kind];
}

/** The first step of a list's path. */
export const listStep = (kind) => ({ id: `~${kind}`, name: listName(kind), list: { kind } });

/** Whether an address names a list of this drive: its step, or null. */
export function stepOf(drive, id) {
  const kind = id.startsWith("~") ? id.slice(1) : "";
  return offered(drive).includes(kind) ? listStep(kind) : null;
}

const offered = (drive) => [...drive.views, ...(drive.can.includes("trash") ? ["trash"] : [])];

/** Show the places. ``top``: the first step of where the person is; ``go(step)`` leads there, null is the own files. */
export function drawPlaces(box, drive, spaces, top, go) {
  if (drive.state !== "ready") return box.replaceChildren();
  const kinds = offered(drive);
  const trash = kinds.includes("trash") ? [listStep("trash")] : [];
  const views = kinds.filter((kind) => kind !== "trash").map(listStep);
  const steps = [{ id: "root", name: _("My files") }, ...(spaces.length > FEW ? [] : spaces), ...views, ...trash];
  const items = steps.map((step) => h("li", {}, button(step, top, go)));
  if (spaces.length > FEW) items.splice(1, 0, h("li", {}, chooser(spaces, top, go)));
  const focused = [...box.querySelectorAll("button")].indexOf(document.activeElement);
  box.replaceChildren(...(items.length > 1 ? items : []));
  if (focused >= 0) box.querySelectorAll("button")[focused]?.focus();
  return undefined;
}

function button(step, top, go) {
  const current = step.id === top.id || (step.id === "root" && !top.list && !top.space);
  return h("button", { type: "button", "aria-current": current ? "true" : null, onclick: () => go(step.id === "root" ? null : step) }, h("bdi", {}, step.name));
}

/** Many spaces: one button that opens a menu of them, and says which one is shown. */
function chooser(spaces, top, go) {
  const current = spaces.find((space) => space.id === top.id);
  const name = current?.name ?? _("Shared drives");
  const open = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-current": current ? "true" : null }, h("bdi", {}, name), " ▾");
  open.addEventListener("click", () => showMenu(open, _("Shared drives"), spaces.map((space) => ({ label: space.name, run: () => go(space) }))));
  return open;
}
