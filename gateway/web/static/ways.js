/** The way from a drive down to a folder, for an address that was opened afresh. Kept in memory only, as it holds names. */

import { api } from "./api.js";
import { listStep } from "./placebar.js";

const known = new Map(); // drive/folder → its path

/** Keep the path that led to a folder. */
export const remember = (drive, path) => known.set(`${drive}/${path.at(-1).id}`, path);

/** The path to a folder: from the drive's own files, from another space, or from what others shared. */
export async function stepsTo(drive, item, house) {
  const kept = known.get(`${drive.id}/${item}`);
  if (kept) return kept;
  const root = await api.item(drive.id, "root");
  const spaces = await house.spaces(drive);
  const steps = [];
  let top = null;
  for (let id = item; id && !top; ) {
    const space = spaces.find((one) => one.root === id);
    if (id === root.id) top = { id: "root", name: house.kind(drive) };
    else if (space) top = { id, name: space.name, space: true };
    else id = await climbed(drive, id, steps);
  }
  top ??= drive.views.includes("shared") ? listStep("shared") : { id: "root", name: house.kind(drive) };
  const path = [top, ...steps];
  known.set(`${drive.id}/${item}`, path);
  return path;
}

/** One step up: the parent's id, null where it is not to be seen. What was asked for itself must be there. */
async function climbed(drive, id, steps) {
  const found = await api.item(drive.id, id).catch((error) => {
    if (!steps.length || ![403, 404].includes(error.status)) throw error;
    return null;
  });
  if (found) steps.unshift({ id: found.id, name: found.name });
  return found?.parent ?? null;
}
