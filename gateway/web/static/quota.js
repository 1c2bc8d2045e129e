/** How full a drive is, in a line of words with a bar. Near its end it says so in words, not by colour alone. */

import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { _, bytes } from "./i18n.js";

const NEAR = 0.9;

function words({ used, limit }) {
  if (limit === null) return _("%(used)s used", { used: bytes(used) });
  const left = Math.max(0, limit - used);
  if (!left) return _("Full: %(used)s of %(limit)s used. Delete something, or empty the trash.", { used: bytes(used), limit: bytes(limit) });
  if (used / limit >= NEAR) return _("Nearly full: %(left)s of %(limit)s left", { left: bytes(left), limit: bytes(limit) });
  return _("%(used)s of %(limit)s used", { used: bytes(used), limit: bytes(limit) });
}

/** Show it in ``box``. ``still()``: whether the drive is still the one that is shown. What fails is left out. */
export async function drawQuota(box, drive, still) {
  const asked = drive.state === "ready" && drive.can.includes("quota");
  const told = asked ? await api.quota(drive.id).catch(() => null) : null;
  if (!still()) return;
  box.hidden = !told;
  if (!told) return void box.replaceChildren();
  const near = told.limit !== null && told.used >= told.limit * NEAR;
  const bar = told.limit ? h("progress", { max: "1000", value: String(Math.min(1000, Math.round((told.used / told.limit) * 1000))), "aria-hidden": "true" }) : null;
  box.classList.toggle("near", near);
  box.replaceChildren(...[near ? icon("warning") : null, h("span", {}, words(told)), bar].filter(Boolean));
}
