/** The person's drives: their names, connecting an account, confirming it, taking it away. */

import { api, words } from "./api.js";
import { askSure, attempt } from "./dialogs.js";
import { byId, h, parts, say } from "./dom.js";
import { _ } from "./i18n.js";

const PROVIDERS = { google: "google", onedrive: "microsoft" };

/** What kind of drive it is, by the name people know. */
export function kindName(drive) {
  return { google: "Google Drive", onedrive: "OneDrive" }[drive.kind] ?? _("School drive");
}

/** A drive's name in a list: kind and account. */
export function title(drive) {
  const name = drive.kind === "native" ? kindName(drive) : `${kindName(drive)} – ${drive.label}`;
  if (drive.state === "unconfirmed") return _("%(drive)s (to be confirmed)", { drive: name });
  if (drive.state === "reconnect") return _("%(drive)s (connect again)", { drive: name });
  if (drive.state === "contained") return _("%(drive)s (suspended)", { drive: name });
  return name;
}

/** Go to Google or Microsoft to connect an account; the person comes back to this page. */
export async function connect(provider) {
  leave(await api.connect(provider));
}

function leave({ authorize_url: target }) {
  const url = new URL(target, location.href);
  if (!["https:", "http:"].includes(url.protocol)) throw new Error("not a web address");
  location.assign(url);
}

/** Go to the provider's own page where a person chooses which files are seen here; they come back to this page. */
export const pick = (drive) => attempt(async () => leave(await api.pick(drive.id)));

export const reconnect = (drive) => attempt(() => connect(PROVIDERS[drive.kind]));

/** Show whose account was connected, before it is used for the first time. True where it was confirmed. */
export async function confirm(drive) {
  const lines = [h("p", {}, h("b", {}, drive.label)), _("Use this account only if it is yours. If somebody else is signed in to %(kind)s on this computer, disconnect it.", { kind: kindName(drive) })];
  const yes = await askSure(_("Is this your %(kind)s account?", { kind: kindName(drive) }), lines, _("Yes, it is mine"), { no: _("No, disconnect it") });
  const done = await attempt(async () => {
    await (yes ? api.confirm(drive.id) : api.disconnect(drive.id));
    return true;
  });
  if (done) say(yes ? _("%(drive)s is connected.", { drive: title({ ...drive, state: "ready" }) }) : _("The account was disconnected."));
  return Boolean(done && yes);
}

/** Ask, then disconnect. */
export async function disconnect(drive) {
  const text = _("Its temporary copies here are deleted and the connection is ended. The files in %(kind)s stay as they are.", { kind: kindName(drive) });
  if (!(await askSure(_("Disconnect %(drive)s?", { drive: title(drive) }), text, _("Disconnect"), { danger: true }))) return false;
  return Boolean(await attempt(() => api.disconnect(drive.id)));
}

/** The list of drives as elements; ``changed()`` after anything was done. */
export function driveList(drives, changed) {
  return drives.map((drive) => {
    const actions = [];
    if (drive.state === "unconfirmed") actions.push([_("Confirm"), () => confirm(drive)]);
    if (drive.state === "reconnect") actions.push([_("Connect again"), () => reconnect(drive)]);
    if (drive.kind !== "native") actions.push([_("Disconnect"), () => disconnect(drive)]);
    const buttons = actions.map(([label, run]) =>
      h("button", { type: "button", class: "button", "aria-label": `${label}: ${title(drive)}`, onclick: async () => { await run(); changed(); } }, label),
    );
    return h("li", {}, h("span", { class: `kind kind-${drive.kind}`, "aria-hidden": "true" }), h("span", { class: "grow" }, title(drive)), buttons);
  });
}

/** Wire the dialog that lists drives and connects accounts. */
export function wireDrives(current, changed) {
  const dialog = byId("dialog-drives");
  const part = parts(dialog);
  const draw = () => part.list.replaceChildren(...driveList(current(), () => changed().then(draw)));
  dialog.addEventListener("opening", () => {
    part.problem.textContent = "";
    draw();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-connect]");
    if (button) attempt(() => connect(button.dataset.connect));
  });
  dialog.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-provider]");
    if (!button) return;
    try {
      await connect(button.dataset.provider);
    } catch (error) {
      part.problem.textContent = words(error);
    }
  });
}
