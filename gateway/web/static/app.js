/** The signed-in page: puts the parts together, and holds what concerns both sides. */

import { api } from "./api.js";
import { attempt, toast, wireOpeners } from "./dialogs.js";
import { confirm, kindName, pick, reconnect, title, wireDrives } from "./drives.js";
import { byId } from "./dom.js";
import { openForget, wireForget } from "./forget.js";
import { _ } from "./i18n.js";
import { showJob, toShow } from "./jobs.js";
import { showKept, wireKept } from "./kept.js";
import { Pane } from "./pane.js";
import * as places from "./places.js";
import { wireTasks } from "./tasks.js";
import { transfer } from "./transfers.js";
import { askConvert, uploadAll } from "./uploads.js";

const me = JSON.parse(byId("me").textContent);
const PAST = 10; // moves and copies that are over and still listed after a reload
const spaces = new Map(); // a drive's id → what else it reaches, asked for once
const loads = { data: () => import("./rights/data.js"), school: () => import("./school/school.js") }; // when first looked at
const hints = () => [import("./rights/waiting.js"), me.role === "administrator" && import("./school/waiting.js")];
let drives = [];

const house = {
  title,
  kind: kindName,
  reconnect,
  pick,
  drives: () => drives,
  drive: (id) => drives.find((drive) => drive.id === id),
  refresh: () => refresh(),
  confirm: async (drive) => {
    await confirm(drive);
    await refresh();
  },
  /** A side shows another folder, as its person wished. */
  went: () => places.write(here()),
  /** Something in this drive changed: whoever shows it reads anew. */
  changed: (drive) => Promise.all(panes.filter((pane) => pane.drive?.id === drive).map((pane) => pane.load({ keep: true }))),
  upload: async (pane, files) => {
    const place = { drive: pane.drive.id, parent: pane.folder.id };
    const name = pane.place;
    const convert = await askConvert(pane.drive, files);
    if (convert !== null) uploadAll(files, { ...place, convert }, name, house.changed);
  },
  transfer: (pane, mode, entries) => transfer(pane, panes.find((other) => other !== pane), mode, entries, house.changed),
  /** The other trees that a drive reaches, none where it tells none. */
  spaces: (drive) => {
    if (drive.state !== "ready" || !drive.can.includes("spaces")) return Promise.resolve([]);
    if (!spaces.has(drive.id)) spaces.set(drive.id, api.spaces(drive.id).catch(() => (spaces.delete(drive.id), [])));
    return spaces.get(drive.id);
  },
};

const panes = [...document.querySelectorAll(".pane")].map((root) => new Pane(root, house));
const sides = panes.map((pane) => pane.side);
let shown = { view: "files", part: "" };

/** Where the person is, for the address. */
function here() {
  const open = panes.filter((pane) => pane.drive).map((pane) => [pane.side, { drive: pane.drive.id, item: pane.address }]);
  return { ...shown, sides: Object.fromEntries(open) };
}

/** Back or Forward: go where the address says. */
async function returned() {
  const asked = places.read(sides);
  if (asked.view && (asked.view !== shown.view || asked.part !== shown.part)) await view(asked.view, true, asked.part);
  await Promise.all(panes.map((pane) => asked.sides[pane.side] && pane.visit(asked.sides[pane.side])));
}

async function refresh() {
  const found = await attempt(api.drives);
  if (!found) return;
  drives = found;
  spaces.clear();
  const ready = drives.filter((drive) => drive.state === "ready");
  const wanted = [ready[0]?.id, ready[1]?.id ?? ready[0]?.id];
  // At first connected accounts come to the left, where people look first, and the school's drive to the right.
  const order = [...ready].sort((a, b) => (a.kind === "native") - (b.kind === "native"));
  if (order.length > 1) wanted.splice(0, 2, order[0].id, order[1].id);
  const asked = places.read(sides).sides;
  await Promise.all(panes.map((pane, index) => pane.offer(drives, wanted[index], asked[pane.side])));
  if (document.documentElement.dataset.ready) places.write(here(), { replace: true });
}

/** Show a view, and in it ``part``. ``focus``: to its title, or where the view stays, to the heading of the part. */
async function view(name, focus, part = "") {
  if (!document.querySelector(`[data-panel="${name}"]`)) return view("files", focus); // somebody else's page
  const stays = shown.view === name && part;
  const now = { view: name, part };
  shown = now;
  for (const panel of document.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
  for (const link of document.querySelectorAll(".sections [data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "kept") showKept(house);
  if (focus && !stays) byId(`${name}-title`)?.focus();
  const rooms = loads[name] && (await attempt(loads[name]));
  return shown === now ? rooms?.show(part, focus && stays) : undefined; // else they went on in the meantime
}

/** Go where a link leads: a view, or a part of the one that is shown. */
function go(name, part) {
  const showing = view(name, true, part);
  house.went();
  return showing;
}

/** Jobs that run or ended lately, from this page before it was reloaded or from elsewhere. */
async function resumeJobs() {
  const jobs = toShow((await attempt(api.jobs)) ?? [], PAST);
  for (const job of jobs.reverse()) showJob(job, null, () => panes.forEach((pane) => pane.drive && pane.load({ keep: true })));
}

async function arrived() {
  const query = new URLSearchParams(location.search);
  const id = query.get("connected");
  const problem = query.get("problem");
  const forget = location.pathname === "/forget";
  if (location.pathname === "/school") history.replaceState(null, "", "/#view=school");
  if (id || problem || forget) history.replaceState(null, "", forget ? "/#view=kept" : `/${location.hash}`);
  const drive = id && house.drive(id);
  if (drive?.state === "unconfirmed") await house.confirm(drive);
  if (drive) await showConnected(house.drive(id));
  if (problem) toast(_("The account was not connected. Try again, or ask your school's administrator."));
  if (forget) await openForget(me);
}

/** A new account is shown where the least is lost: beside the other one. */
async function showConnected(drive) {
  if (drive?.state !== "ready" || panes.some((pane) => pane.drive?.id === drive.id)) return;
  const spare = panes.find((pane) => pane.drive?.kind === "native") ?? panes[1];
  await spare.use(drive);
}

wireOpeners();
wireTasks();
wireDrives(() => drives, refresh);
wireKept(house);
wireForget(me);
addEventListener("popstate", returned);
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-view], [data-part-of], .skip, .languages a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.hreflang) return void (link.hash = location.hash); // the same folders in the other language
  event.preventDefault();
  if (link.dataset.partOf) return void go(shown.view, link.dataset.partOf);
  if (!link.dataset.view) return void byId("main").focus(); // the address stays the one of the folders
  if (link.dataset.view !== shown.view) go(link.dataset.view, "");
});
document.addEventListener("go", (event) => go(shown.view, event.detail));
await refresh();
await arrived();
await view(places.read(sides).view ?? "files", false, places.read(sides).part);
places.write(here(), { replace: true });
await resumeJobs();
document.documentElement.dataset.ready = "true";
for (const hint of await Promise.all(hints())) hint && hint.showWaiting();
