/** Small pictures in the list: loaded when they come into view, decoration only, and never waited for.

Where a drive has none, the icon of the kind stays. What has no picture is not asked for again until it changes.
*/

import { h } from "./dom.js";

const none = new Set(); // drive, item and version of what has no picture
const DRAWN = /^(image|video)\/|pdf|officedocument|opendocument|ms-(excel|powerpoint)|msword|google-apps/;

/** The icon of a kind, and over it the picture of ``entry`` at the address ``src``, if there may be one. */
export function pictured(entry, kind, src) {
  const key = `${entry.drive}/${entry.id}/${entry.version}`;
  const icon = h("span", { class: `kind kind-${kind}`, "aria-hidden": "true" });
  const wanted = src && ["file", "document"].includes(entry.kind) && DRAWN.test(entry.media_type) && entry.flags.every((flag) => flag === "shared") && !none.has(key);
  if (!wanted) return icon;
  const image = h("img", { class: "picture", alt: "", loading: "lazy", decoding: "async", fetchpriority: "low", draggable: "false", src });
  const drop = () => {
    none.add(key);
    image.remove();
  };
  image.addEventListener("error", drop);
  image.addEventListener("load", () => icon.classList.add("pictured"));
  icon.append(image);
  return icon;
}
