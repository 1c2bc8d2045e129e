/** The search field of a pane: asks when a person pauses or presses Enter, and clears. Knows no drive. */

const PAUSE = 600; // after the last key; less than that is somebody who still types
const SHORT = 3; // letters below which only Enter asks

/** ``find(words)`` when something is to be looked for, ``cleared()`` when no longer. */
export class Finding {
  constructor(part, { find, cleared }) {
    Object.assign(this, { part, find, cleared, asked: "", timer: 0 });
    part.words.addEventListener("input", () => this.#typed());
    part.words.addEventListener("keydown", (event) => event.key === "Escape" && part.words.value && (event.preventDefault(), this.#clear()));
    part.unfind.addEventListener("click", () => this.#clear());
    part.find.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
  }

  /** Show the field for a drive that can search, empty or with what is looked for. */
  show(offered, words = "") {
    clearTimeout(this.timer);
    this.part.find.hidden = !offered;
    if (words !== this.#words || !words) this.part.words.value = words;
    this.asked = words;
    this.part.unfind.hidden = !words;
  }

  get #words() {
    return this.part.words.value.trim().replace(/\s+/g, " ");
  }

  #typed() {
    clearTimeout(this.timer);
    this.part.unfind.hidden = !this.part.words.value;
    if (!this.#words && this.asked) this.#clear();
    else if (this.#words.length >= SHORT) this.timer = setTimeout(() => this.#ask(), PAUSE);
  }

  #ask() {
    clearTimeout(this.timer);
    const words = this.#words;
    if (!words) return this.asked ? this.#clear() : undefined;
    if (words === this.asked) return undefined;
    this.asked = words;
    return this.find(words);
  }

  #clear() {
    clearTimeout(this.timer);
    const had = this.asked;
    this.show(true);
    this.part.words.focus();
    if (had) this.cleared();
  }
}
