/** Where a person is, in the page's address: the folder of each side and the view. Opaque ids only, never a name.

Each folder that is opened is a step of the browser's history, so that Back and Forward lead through folders and a
reload comes back to the same ones. Knows no drive and no request: it reads and writes the part after '#'.
*/

const VIEWS = ["files", "kept", "data", "school"];

/** What the address asks for: {view, part, sides: {name: {drive, item}}}; view is null where it says nothing about it.
 * ``part``: which room of a view, and of what, such as "incidents/ID"; '' for the first. */
export function read(sides) {
  const text = location.hash.slice(1);
  const query = new URLSearchParams(text);
  const found = {};
  for (const side of sides) {
    const [drive, item] = (query.get(side) ?? "").split("/");
    if (drive && item) found[side] = { drive, item };
  }
  const view = VIEWS.includes(text) ? text : query.get("view");
  const known = VIEWS.includes(view) ? view : Object.keys(found).length ? "files" : null;
  return { view: known, part: query.get("part") ?? "", sides: found };
}

/** Put it into the address: as a new step of the history, or in place of the present one. Says nothing twice. */
export function write({ view, part = "", sides }, { replace = false } = {}) {
  const steps = Object.entries(sides).map(([side, { drive, item }]) => `${side}=${encodeURIComponent(drive)}/${encodeURIComponent(item)}`);
  if (view !== "files") steps.push(`view=${view}`);
  if (part) steps.push(`part=${part}`);
  const address = `${["/forget", "/school"].includes(location.pathname) ? "/" : location.pathname}${steps.length ? `#${steps.join("&")}` : ""}`;
  if (address === location.pathname + location.search + location.hash) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}
