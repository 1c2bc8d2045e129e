/** Asking for a legal hold: of whom, of what, on which ground; and what is in a person's drive, to be chosen from. */

import { ApiProblem } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { askForm, local } from "../forms.js";
import { freshly } from "../fresh.js";
import { _ } from "../i18n.js";
import { school } from "./api.js";
import { choices, everybody } from "./people.js";
import { picking } from "./picking.js";

const MOST = 5000; // files and folders to choose from: of a drive that has more, all is held or what is found among these
const NODES = "native_nodes";
const DAY = 24 * 60 * 60 * 1000;

/** An item's address in the API: its place, none for the person's own drive, and its number. */
const address = (id) => btoa(`\0${id}`).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** A name as the review tells it, which reads what looks like JSON. */
const name = (value) => (typeof value === "string" ? value : value?.unreadable ? _("Cannot be read any more") : JSON.stringify(value));

/** Files and folders in somebody's drive: {id, name, where}. */
async function inDrive(person) {
  const load = school.driveOf(person);
  const nodes = new Map();
  let cursor = null;
  do {
    const page = await load(cursor);
    for (const one of page.items) if (one.table === NODES) nodes.set(one.values.id, one.values);
    cursor = nodes.size && page.items.at(-1)?.table !== NODES ? null : page.next; // those come one after the other
  } while (cursor && nodes.size < MOST);
  const path = (node) => (nodes.has(node.parent) ? [...path(nodes.get(node.parent)), name(nodes.get(node.parent).name)] : []);
  const where = (node) => [node.trashed ? _("Trash") : "", ...path(node)].filter(Boolean).join(" / ");
  return [...nodes.values()].map((node) => ({ id: node.id, name: name(node.name), where: where(node), folder: node.kind === "folder" }));
}

/** The fields that say on which ground something is asked for. */
export const grounds = () => [
  { name: "authority", label: _("Who asks for it"), kind: "text", most: 500, needed: true, hint: _("A court, an authority, or your school itself.") },
  { name: "reference", label: _("Reference, such as a file number"), kind: "text", most: 500, needed: true },
  { name: "basis", label: _("The law or order it rests on"), kind: "area", most: 2000, needed: true },
];

function chooser(items) {
  const about = (one) => [one.folder ? _("Folder") : "", one.where].filter(Boolean).join(" · ");
  const { nodes, chosen } = picking(items, { about, none: _("Nothing is chosen yet."), label: _("Find by name"), nothing: _("Nothing was found.") });
  const some = items.length >= MOST ? h("p", { class: "note" }, _("Not everything in this drive can be chosen from here. Hold all of it instead.")) : "";
  return { node: h("fieldset", {}, h("legend", {}, _("Files and folders")), some, nodes), chosen };
}

/** The second step. ``items``: to be chosen from; null for all that is in the drive. */
async function ask(person, items) {
  const picked = items && chooser(items);
  const fields = [
    ...grounds(),
    { name: "review", label: _("Look at it again on"), kind: "date", least: local(new Date(Date.now() + DAY).toISOString()).slice(0, 10), needed: true },
    { name: "untold", label: _("The law that forbids to tell the person"), kind: "area", rows: 2, most: 2000, hint: _("Empty: the person is told.") },
  ];
  const run = ({ review, ...kept }) => {
    if (picked && !picked.chosen.size) throw new ApiProblem(422, { detail: _("Choose at least one file or folder.") });
    const held = picked ? [...picked.chosen.keys()].map(address) : null;
    return school.openHold({ ...kept, person: person.id, items: held, review: new Date(`${review}T12:00:00`).toISOString() });
  };
  const intro = [_("It keeps what is there when it begins, older versions and the trash included. A second administrator must approve it first."), ...(picked ? [picked.node] : [])];
  return askForm({ title: _("Legal hold: %(name)s", { name: person.name || "–" }), intro, fields, ok: _("Ask for it"), run });
}

/** The first step: of whom and of what; what is in a drive is read only where somebody chooses from it. */
async function whose(people) {
  const fields = [
    { name: "id", label: _("Whose files"), kind: "select", options: choices(people), needed: true },
    { name: "what", label: _("What is held"), kind: "select", options: [["all", _("Everything in their school drive")], ["some", _("Files and folders that you choose")]], value: "all", needed: true, hint: _("To choose, you look at what is in their drive. That is written down, and the person sees it.") },
  ];
  const run = async ({ id, what }) => ({ person: people.find((one) => one.id === id), items: what === "some" ? await inDrive(id) : null });
  return askForm({ title: _("Legal hold"), fields, ok: _("Go on"), run });
}

/** Ask for one. ``done()``: afterwards. */
export async function orderHold(done) {
  const made = await attempt(() => freshly(async () => {
    const found = await whose(await everybody());
    return found && ask(found.person, found.items);
  }));
  if (!made) return;
  say(_("Asked for. A second administrator must approve it."));
  await done();
}
