/** Boxes beside what can be chosen; what is chosen stays chosen while something else is looked for. */

import { h } from "../dom.js";
import { _ } from "../i18n.js";
import { finder } from "./people.js";

const SHOWN = 50; // rows of the list at once: whatever is looked for is found by name

/** {nodes, chosen}: to be put into the page, and what is chosen by its id.
 *
 * ``all``: [{id, name}]; ``about(one)``: a quieter line below the name; ``label``: of the field that finds by name;
 * ``none``: said while nothing is chosen, ``nothing`` where nothing is found; ``changed(count)``: called at each choice. */
export function picking(all, { about, none, label, nothing = _("Nobody was found."), changed = () => undefined }) {
  const chosen = new Map();
  const shown = h("div", {});
  const count = h("p", { role: "status", class: "quiet" });
  const tell = () => {
    count.textContent = chosen.size ? `${_("Chosen:")} ${[...chosen.values()].map((one) => one.name).join(", ")}` : none;
    changed(chosen.size);
  };
  const toggle = (one, on) => {
    if (on) chosen.set(one.id, one);
    else chosen.delete(one.id);
    tell();
  };
  const row = (one) => h("li", {}, h("label", { class: "choice" }, h("input", { type: "checkbox", checked: chosen.has(one.id), onchange: (event) => toggle(one, event.target.checked) }), h("span", { class: "grow" }, h("bdi", {}, one.name || "–"), h("span", { class: "quiet" }, about(one)))));
  const draw = (found) => {
    const more = found.length > SHOWN ? h("p", { class: "quiet" }, _("These are the first %(count)s. Type more of the name.", { count: SHOWN })) : "";
    shown.replaceChildren(found.length ? h("ul", { class: "people" }, found.slice(0, SHOWN).map(row)) : h("p", { class: "quiet" }, nothing), more);
  };
  const find = finder(all, draw, label);
  find.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault()); // it sends no form around it
  tell();
  return { nodes: [find, shown, count], chosen };
}
