/** The menu of one row: a popover with menu roles, arrow keys, and the focus back where it was. */

import { h, byId } from "./dom.js";

let open = null;

function close(refocus) {
  if (!open) return;
  const { menu, button } = open;
  open = null;
  button.setAttribute("aria-expanded", "false");
  menu.remove();
  if (refocus) button.focus();
}

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const width = menu.offsetWidth;
  const height = menu.offsetHeight;
  const start = document.documentElement.dir === "rtl" ? at.left : at.right - width;
  menu.style.left = `${Math.max(8, Math.min(start, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, at.bottom + height + 8 > innerHeight ? at.top - height : at.bottom)}px`;
}

function step(menu, by, from) {
  const items = [...menu.querySelectorAll('[role="menuitem"]')];
  const index = from === undefined ? items.indexOf(document.activeElement) + by : from;
  items.at(((index % items.length) + items.length) % items.length).focus();
}

function onKey(event) {
  const menu = event.currentTarget;
  const moves = { ArrowDown: () => step(menu, 1), ArrowUp: () => step(menu, -1), Home: () => step(menu, 0, 0), End: () => step(menu, 0, -1) };
  if (event.key === "Escape" || event.key === "Tab") close(true);
  else if (moves[event.key]) moves[event.key]();
  else return;
  event.stopPropagation();
  if (event.key !== "Tab") event.preventDefault();
}

/** Show ``choices`` [{label, run, off}] beside a button; an entry that is off says so and does nothing. */
export function showMenu(button, label, choices) {
  close(false);
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "manual", onkeydown: onKey });
  for (const choice of choices) {
    const run = () => {
      if (choice.off) return;
      close(true);
      choice.run();
    };
    menu.append(h("button", { type: "button", role: "menuitem", tabindex: "-1", "aria-disabled": choice.off ? "true" : null, onclick: run }, choice.label));
  }
  byId("main").append(menu);
  open = { menu, button };
  button.setAttribute("aria-expanded", "true");
  menu.showPopover();
  place(menu, button);
  step(menu, 0, 0);
}

document.addEventListener("pointerdown", (event) => {
  if (open && !open.menu.contains(event.target) && !open.button.contains(event.target)) close(false);
});
addEventListener("resize", () => close(false));
document.addEventListener("scroll", () => close(false), { capture: true, passive: true });
