/** Small helpers over the DOM. Text always enters as text: there is no way to pass HTML. */

/** h("p", {class: "quiet", onclick: f}, "text", node): an element. Null and false children are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && typeof value === "boolean") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const icon = (name) => h("span", { class: `icon icon-${name}`, "aria-hidden": "true" });
export const hidden = (text) => h("span", { class: "hidden" }, text);
export const byId = (id) => document.getElementById(id);

/** The parts of a component: elements below ``root`` that carry data-part, by that name. */
export function parts(root) {
  return Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
}

let spoken = 0;

/** Tell screen readers something without moving the focus. ``gap``: keep quiet if something was said just before. */
export function say(text, gap = 0) {
  if (Date.now() - spoken < gap) return;
  spoken = Date.now();
  const region = byId("polite");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

/** A line of a list of facts (`dl.facts`). */
export const line = (term, value) => h("div", {}, h("dt", {}, term), h("dd", {}, value));

const place = (column) => (column.end ? "end" : column.tight ? "tight" : null);

/** A table of facts with a heading row: columns [{title, cell(row), header?, end?, tight?}]; tight: never broken. */
export function table(label, columns, rows) {
  const head = columns.map((column) => h("th", { scope: "col", class: place(column) }, column.title));
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      columns.map((column) =>
        h(column.header ? "th" : "td", { scope: column.header ? "row" : null, class: place(column) }, column.cell(row)),
      ),
    ),
  );
  return h("table", { class: "plain", "aria-label": label }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
}
