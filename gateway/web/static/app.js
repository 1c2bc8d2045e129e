/** The signed-in page: puts the parts together, and holds what concerns both sides. */

import { api, once } from "./api.js";
import { askTransfer, attempt, toast, wireOpeners } from "./dialogs.js";
import { confirm, kindName, reconnect, title, wireDrives } from "./drives.js";
import { byId, say } from "./dom.js";
import { openForget, wireForget } from "./forget.js";
import { _, ngettext } from "./i18n.js";
import { showJob, toShow } from "./jobs.js";
import { showKept, wireKept } from "./kept.js";
import { Pane } from "./pane.js";
import * as places from "./places.js";
import { wireTasks } from "./tasks.js";
import { uploadAll } from "./uploads.js";

const me = JSON.parse(byId("me").textContent);
const PAST = 10; // moves and copies that are over and still listed after a reload
let drives = [];

const house = {
  title,
  kind: kindName,
  reconnect,
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
  upload: (pane, files) => uploadAll(files, { drive: pane.drive.id, parent: pane.folder.id }, pane.place, house.changed),
  transfer: (pane, mode, entries) => transfer(pane, mode, entries),
};

const panes = [...document.querySelectorAll(".pane")].map((root) => new Pane(root, house));
const sides = panes.map((pane) => pane.side);
let shown = "files";

/** Where the person is, for the address. */
function here() {
  const open = panes.filter((pane) => pane.drive).map((pane) => [pane.side, { drive: pane.drive.id, item: pane.folder.id }]);
  return { view: shown, sides: Object.fromEntries(open) };
}

/** Back or Forward: go where the address says. */
async function returned() {
  const asked = places.read(sides);
  if (asked.view && asked.view !== shown) view(asked.view, true);
  await Promise.all(panes.map((pane) => asked.sides[pane.side] && pane.visit(asked.sides[pane.side])));
}

async function refresh() {
  const found = await attempt(api.drives);
  if (!found) return;
  drives = found;
  const ready = drives.filter((drive) => drive.state === "ready");
  const wanted = [ready[0]?.id, ready[1]?.id ?? ready[0]?.id];
  // At first connected accounts come to the left, where people look first, and the school's drive to the right.
  const order = [...ready].sort((a, b) => (a.kind === "native") - (b.kind === "native"));
  if (order.length > 1) wanted.splice(0, 2, order[0].id, order[1].id);
  const asked = places.read(sides).sides;
  await Promise.all(panes.map((pane, index) => pane.offer(drives, wanted[index], asked[pane.side])));
  if (document.documentElement.dataset.ready) places.write(here(), { replace: true });
}

function names(entries) {
  return entries.length === 1 ? entries[0].name : ngettext("%(count)s item", "%(count)s items", entries.length);
}

async function transfer(from, mode, entries) {
  const to = panes.find((pane) => pane !== from);
  if (to.drive?.state !== "ready") return toast(_("Choose a drive on the other side first."));
  if (to.drive.id === from.drive.id && to.folder.id === from.folder.id) return toast(_("Both sides show the same folder. Choose another one on the other side."));
  const values = { names: names(entries), place: to.place };
  const words = mode === "move" ? [_("Move"), _("Move %(names)s to %(place)s", values)] : [_("Copy"), _("Copy %(names)s to %(place)s", values)];
  const converts = entries.some((entry) => entry.kind === "document" || entry.kind === "folder") && from.drive.kind === "google" && to.drive.kind !== "google";
  const hint = [
    converts ? _("Google Docs, Sheets and Slides become Word, Excel and PowerPoint files.") : "",
    mode === "move" ? _("Each original goes to the trash only after its copy has been checked.") : "",
  ];
  const conflict = await askTransfer(words[0], words[1], words[0], hint.filter(Boolean).join(" "));
  if (!conflict) return undefined;
  const order = {
    mode,
    sources: entries.map((entry) => ({ drive: entry.drive, item: entry.id })),
    destination: { drive: to.drive.id, item: to.folder.id },
    on_conflict: conflict,
  };
  const key = once();
  const job = await attempt(() => api.transfer(order, key));
  if (!job) return undefined;
  from.grid.clear();
  from.grid.focus();
  say(words[1]);
  const touched = mode === "move" ? new Set([from.drive.id, to.drive.id]) : new Set([to.drive.id]);
  return showJob(job, words[1], () => touched.forEach((drive) => house.changed(drive)));
}

function view(name, focus) {
  shown = name;
  for (const panel of document.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name !== "kept") return;
  showKept(house);
  if (focus) byId("kept-title").focus();
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
  const link = event.target.closest("[data-view], .skip, .languages a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.hreflang) return void (link.hash = location.hash); // the same folders in the other language
  event.preventDefault();
  if (!link.dataset.view) return byId("main").focus(); // the address stays the one of the folders
  if (link.dataset.view !== shown) view(link.dataset.view, true);
  house.went();
});
await refresh();
await arrived();
view(places.read(sides).view ?? "files", false);
places.write(here(), { replace: true });
await resumeJobs();
document.documentElement.dataset.ready = "true";
