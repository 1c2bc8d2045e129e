/** Whether the gateway can be reached, as far as this page knows: told by the browser and by requests that fail. */

let reached = true;
const listeners = new Set();

export const isReached = () => reached;

/** A request got through, or none did. Listeners hear of changes only. */
export function tell(now) {
  if (now === reached) return;
  reached = now;
  for (const listener of listeners) listener(now);
}

/** ``listener(reached)`` at each change. */
export const watch = (listener) => listeners.add(listener);

addEventListener("offline", () => tell(false));
addEventListener("online", () => tell(true)); // where that was too early, the next request says so
