/** A question with several fields, in a dialog that stays open, with what was typed, until it works or is given up. */

import { words } from "./api.js";
import { ask, toast } from "./dialogs.js";
import { byId, h, parts } from "./dom.js";
import { keeping } from "./fresh.js";
import { _ } from "./i18n.js";

let count = 0;

const pad = (number) => String(number).padStart(2, "0");

/** A moment as a field for date and time shows it, in this machine's time zone. */
export function local(iso) {
  const at = iso ? new Date(iso) : new Date();
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

const option = (chosen) => ([value, text]) => h("option", { value, selected: value === chosen }, text);

const CONTROLS = {
  text: (field) => h("input", { type: "text", maxlength: field.most ?? 200, value: field.value, autocomplete: "off" }),
  number: (field) => h("input", { type: "number", min: field.least, max: field.most, value: field.value, inputmode: "numeric" }),
  area: (field) => {
    const area = h("textarea", { rows: field.rows ?? 3, maxlength: field.most ?? 2000 });
    area.value = field.value ?? "";
    return area;
  },
  select: (field) => h("select", {}, field.options.map(option(field.value))),
  date: (field) => h("input", { type: "date", value: field.value, min: field.least, max: field.most }),
  time: (field) => h("input", { type: "datetime-local", value: field.value, max: field.most }),
};

/** One field: {name, label, kind, value, options, needed, hint, least, most}; "checks" are several boxes. */
function draw(field) {
  if (field.kind === "checks") return checks(field);
  const id = `field-${(count += 1)}`;
  const control = CONTROLS[field.kind](field);
  const hint = field.hint ? h("span", { class: "quiet", id: `${id}-hint` }, field.hint) : null;
  for (const [key, value] of Object.entries({ id, name: field.name, "aria-required": field.needed ? "true" : null, "aria-describedby": hint?.id }))
    if (value) control.setAttribute(key, value);
  return h("div", { class: "field" }, h("label", { for: id }, field.label), control, hint);
}

function checks(field) {
  const box = ([value, text]) => h("label", { class: "choice" }, h("input", { type: "checkbox", name: field.name, value, checked: (field.value ?? []).includes(value) }), text);
  return h("fieldset", {}, h("legend", {}, field.label), field.options.map(box), field.hint ? h("p", { class: "quiet" }, field.hint) : null);
}

/** Fields as nodes, and what they hold. */
export const drawn = (fields) => fields.map(draw);

const READ = {
  number: (value) => (value === "" ? null : Number(value)),
  time: (value) => (value ? new Date(value).toISOString() : null),
  checks: (_value, data, name) => data.getAll(name),
};

/** What was typed, by name; texts without the spaces around them. */
export function values(form, fields) {
  const data = new FormData(form);
  const one = (field) => (READ[field.kind] ?? ((value) => value.trim()))(data.get(field.name) ?? "", data, field.name);
  return Object.fromEntries(fields.map((field) => [field.name, one(field)]));
}

const empty = (value) => value === null || value === "" || (Array.isArray(value) && !value.length);

/** The control of a field that is wrong gets the focus and says so. */
function point(form, name) {
  for (const control of form.querySelectorAll("[name]")) control.removeAttribute("aria-invalid");
  const control = name && form.elements[name];
  const node = control instanceof RadioNodeList ? control[0] : control;
  node?.setAttribute("aria-invalid", "true");
  node?.focus();
}

/** The first field that must be filled in and is not, or a number out of its bounds; '' where all is well. */
export function refused(form, fields) {
  const found = values(form, fields);
  for (const field of fields) {
    const wrong = form.elements[field.name]?.validity && !form.elements[field.name].validity.valid;
    if (!wrong && !(field.needed && empty(found[field.name]))) continue;
    point(form, field.name);
    return wrong ? _("Look at “%(field)s” again.", { field: field.label }) : _("Fill in “%(field)s”.", { field: field.label });
  }
  point(form, null);
  return "";
}

/** Ask; ``run(values)`` is tried until it works. Its result, or null where the person gave up.
 *
 * {title, intro: [lines or nodes], fields, ok, danger, wide, word: must be typed before anything happens, run} */
export async function askForm({ title, intro = [], fields, ok, danger = false, word = "", run }) {
  const dialog = byId("dialog-form");
  const part = parts(dialog);
  const form = dialog.querySelector("form");
  const typed = word ? { name: "word", kind: "text", label: _("This cannot be undone. To go on, type %(word)s in capital letters.", { word }) } : null;
  const all = typed ? [...fields, typed] : fields;
  form.noValidate = true; // what is missing is said here, in the page's language
  byId("dialog-form-title").textContent = title;
  part.intro.replaceChildren(...[intro].flat().map((line) => (typeof line === "string" ? h("p", {}, line) : line)));
  part.fields.replaceChildren(...drawn(all));
  part.ok.textContent = ok;
  part.ok.className = danger ? "button danger" : "button primary";
  part.problem.textContent = "";
  const stop = new AbortController();
  let result = null;
  let sending = null;
  const send = async () => {
    const found = values(form, all);
    part.problem.textContent = refused(form, all);
    if (part.problem.textContent) return;
    if (word && found.word !== word) {
      part.problem.textContent = _("Type %(word)s in capital letters.", { word });
      return point(form, "word");
    }
    form.setAttribute("aria-busy", "true");
    try {
      const { word: _word, ...kept } = found;
      result = (await keeping(() => run(kept))) ?? true;
      if (!stop.signal.aborted) dialog.close("ok");
    } catch (error) {
      if (stop.signal.aborted) return toast(words(error));
      part.problem.textContent = words(error);
      point(form, error.body?.field ?? error.body?.fields?.[0]?.field);
    } finally {
      form.removeAttribute("aria-busy");
    }
    return undefined;
  };
  let failed = null;
  const mending = (event) => {
    event.target.removeAttribute("aria-invalid");
    part.problem.textContent = "";
  };
  form.addEventListener("input", mending, { signal: stop.signal });
  form.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      if (form.hasAttribute("aria-busy")) return;
      sending = send().catch((error) => {
        failed = error;
        dialog.close("");
      });
    },
    { signal: stop.signal },
  );
  const answer = ask("dialog-form");
  (form.querySelector("input, select, textarea") ?? part.ok).focus();
  await answer;
  stop.abort();
  await sending;
  if (failed) throw failed;
  return result;
}
