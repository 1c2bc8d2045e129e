/** The activity panel: one card for each upload and job, with a bar, words, and what can be done about it. */

import { byId, h, icon, say } from "./dom.js";
import { _ } from "./i18n.js";

const QUIET = 10000; // between spoken reports of the same panel

export class Task {
  constructor(title) {
    this.title = title;
    this.bar = h("progress", { max: "1000", "aria-label": title });
    this.heading = h("h3", {}, title);
    this.badge = h("span", { class: "state" });
    this.words = h("p", {});
    this.foot = h("div", { class: "actions" });
    this.card = h("li", { class: "task" }, h("div", { class: "task-head" }, this.heading, this.badge), this.bar, this.words, this.foot);
    this.spoken = 0;
    byId("tasks").prepend(this.card);
    byId("activity-none").hidden = true;
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
    this.badge.className = `state ${tone}`;
    this.badge.replaceChildren(...(tone === "good" ? [icon("check")] : tone ? [icon("warning")] : []), word);
  }

  actions(...choices) {
    const had = this.foot.contains(document.activeElement);
    this.foot.replaceChildren(...choices.map(([label, run]) => h("button", { type: "button", class: "button", onclick: run }, label)));
    if (had) this.foot.querySelector("button")?.focus();
  }

  /** It is over: no bar, the outcome said aloud, and the card can be put away. */
  end(word, tone, words, ...choices) {
    this.bar.hidden = true;
    this.state(word, tone);
    this.words.textContent = words;
    this.actions(...choices, [_("Remove from list"), () => this.remove()]);
    say(`${this.title}: ${word}. ${words}`);
  }

  remove() {
    const next = this.card.nextElementSibling?.querySelector("button") ?? byId("activity-title");
    this.card.remove();
    byId("activity-none").hidden = byId("tasks").children.length > 0;
    if (next === byId("activity-title")) next.tabIndex = -1;
    next.focus();
  }
}
