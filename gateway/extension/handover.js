/** What a menu or a popup asks the save page to do: passed once through session storage (memory), never in an address,
 * so that no history keeps which page was saved. */

/** Keep ``wanted`` {kind: "image"|"link", url, title} until it is taken; its id. */
export async function handOver(wanted) {
  const id = crypto.randomUUID();
  await chrome.storage.session.set({ [`save:${id}`]: wanted });
  return id;
}

/** Take it; null where it is gone. */
export async function takeOver(id) {
  const key = `save:${id}`;
  const found = (await chrome.storage.session.get(key))[key] ?? null;
  await chrome.storage.session.remove(key);
  return found;
}
