/** The activity panel: one card for each upload and job, with a bar, words, and what can be done about it. */

import { isReached, watch } from "./connection.js";
import { byId, h, icon, say } from "./dom.js";
import { _ } from "./i18n.js";

const QUIET = 10000; // between spoken reports of the same panel
const LINES = 50; // names listed on one card
const running = new Set();
const ended = new Set();

export class Task {
  /** ``removed()``: the card was put away. */
  constructor(title, removed = () => {}) {
    this.title = title;
    this.removed = removed;
    this.bar = h("progress", { max: "1000", "aria-label": title });
    this.heading = h("h3", { title }, title);
    this.badge = h("span", { class: "state" });
    this.words = h("p", {});
    this.foot = h("div", { class: "actions" });
    this.card = h("li", { class: "task" }, h("div", { class: "task-head" }, this.heading, this.badge), this.bar, this.words, this.foot);
    this.spoken = 0;
    running.add(this);
    byId("tasks").prepend(this.card);
    count();
  }

  /** ``part`` 0..1, or null where it is not known. Spoken at each quarter, and never in a rush. */
  progress(part, words) {
    if (part === null) this.bar.removeAttribute("value");
    else this.bar.value = Math.round(part * 1000);
    this.words.textContent = words;
    const quarter = Math.floor((part ?? 0) * 4);
    if (quarter > this.spoken && quarter < 4) {
      this.spoken = quarter;
      say(`${this.title}. ${words}`, QUIET);
    }
  }

  /** How it stands, in a word. ``tone``: '', good, part or bad. */
  state(word, tone = "") {
    this.stands = [word, tone];
    this.draw();
  }

  /** What runs waits while the gateway cannot be reached, whatever was last known of it. */
  draw() {
    const waits = running.has(this) && !isReached();
    const [word, tone] = waits ? [_("Waiting for the connection"), "part"] : (this.stands ?? ["", ""]);
    this.badge.className = `state ${tone}`;
    this.badge.replaceChildren(...(tone === "good" ? [icon("check")] : tone ? [icon("warning")] : []), word);
  }

  actions(...choices) {
    const had = this.foot.contains(document.activeElement);
    this.foot.replaceChildren(...choices.map(([label, run]) => h("button", { type: "button", class: "button", onclick: run }, label)));
    if (had) this.foot.querySelector("button")?.focus();
  }

  /** It is over: no bar, the outcome said aloud unless it is an old one, and the card can be put away. */
  end(word, tone, words, choices = [], { lines = [], old = false } = {}) {
    running.delete(this);
    ended.add(this);
    this.bar.hidden = true;
    this.state(word, tone);
    this.words.textContent = words;
    if (lines.length) this.words.after(h("ul", {}, lines.slice(0, LINES).map((line) => h("li", {}, line))));
    this.actions(...choices, [_("Remove from list"), () => this.remove()]);
    count();
    if (old) return;
    say(`${this.title}: ${word}. ${words}`);
    announce(word, this.title);
  }

  /** Take the card away; the focus goes on to the next one. */
  remove() {
    const next = this.card.nextElementSibling?.querySelector("button");
    this.drop();
    focus(next);
  }

  drop() {
    running.delete(this);
    ended.delete(this);
    this.card.remove();
    this.removed();
    count();
  }
}

const titled = document.title;

/** Who looks at another tab reads in this one's title that something is over. */
function announce(word, title) {
  if (document.hidden) document.title = `${word}: ${title}`;
}

function count() {
  byId("activity-none").hidden = byId("tasks").children.length > 0;
  byId("tasks-clear").hidden = ended.size === 0;
}

function focus(target) {
  const title = byId("activity-title");
  if (!target) title.tabIndex = -1;
  (target ?? title).focus();
}

/** Wire the button that clears what is over, and what tells that the connection is gone or back. */
export function wireTasks() {
  byId("tasks-clear").addEventListener("click", () => {
    for (const task of [...ended]) task.drop();
    focus(null);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.title = titled;
  });
  watch((reached) => {
    for (const task of running) task.draw();
    if (running.size) say(reached ? _("The connection is back.") : _("Waiting for the connection"));
  });
}
