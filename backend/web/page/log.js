// The log of every event in and out: bounded, newest first, filtered by
// hiding. Rows are made in batches, so that a flood of events stays cheap.
import { $, el, icon, time } from "./dom.js";
import { indented, oneLine } from "./payload.js";

const limit = 500;
const batchEvery = 30;

export class Log {
  #list = $("log-entries");
  #waiting = [];
  #timer = 0;
  #paused = false;
  #missed = 0;
  #total = 0;

  constructor() {
    $("log-pause").addEventListener("click", () => this.#pause(!this.#paused));
    $("log-clear").addEventListener("click", () => this.clear());
    $("log-filter").addEventListener("input", () => this.#filter());
    $("log-direction").addEventListener("change", () => this.#filter());
    this.#foot();
  }

  /** Adds an event; direction is "in", "out" or "system", note a word on it. */
  add(direction, name, payload, note = "") {
    this.#total++;
    if (this.#paused) {
      this.#missed++;
      this.#foot();
      return;
    }
    this.#waiting.push({ direction, name, payload, note, at: new Date() });
    if (this.#waiting.length > limit) this.#waiting.shift();
    this.#timer ||= setTimeout(() => this.#flush(), batchEvery);
  }

  system(name, payload) {
    this.add("system", name, payload);
  }

  clear() {
    this.#waiting = [];
    this.#missed = 0;
    this.#total = 0;
    this.#list.replaceChildren();
    this.#foot();
  }

  #flush() {
    this.#timer = 0;
    const matches = this.#matcher();
    const rows = this.#waiting.map((entry) => {
      const made = row(entry);
      made.hidden = !matches(made);
      return made;
    });
    this.#waiting = [];
    this.#list.prepend(...rows.reverse());
    while (this.#list.childElementCount > limit) this.#list.lastElementChild.remove();
    this.#foot();
  }

  #pause(paused) {
    this.#paused = paused;
    this.#missed = 0;
    const button = $("log-pause");
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Resume" : "Pause";
    this.#foot();
  }

  #matcher() {
    const words = $("log-filter").value.trim().toLowerCase();
    const direction = $("log-direction").value;
    return ({ dataset }) => (!direction || dataset.direction === direction) && (!words || dataset.words.includes(words));
  }

  #filter() {
    const matches = this.#matcher();
    for (const item of this.#list.children) item.hidden = !matches(item);
    this.#foot();
  }

  #foot() {
    const kept = this.#list.childElementCount;
    const shown = this.#list.querySelectorAll(":scope > :not([hidden])").length;
    const parts = [shown === kept ? count(this.#total, "event") : `${shown} of ${kept} shown`];
    if (this.#total > kept && kept === limit) parts.push(`the last ${limit} are kept`);
    if (this.#paused) parts.push(`paused, ${this.#missed} passed by`);
    $("log-foot").textContent = parts.join(" · ");
    $("log-empty").hidden = shown > 0;
  }
}

function row({ direction, name, payload, note, at }) {
  const preview = oneLine(payload);
  const details = el("details", {},
    el("summary", {},
      time(at, { seconds: true }),
      el("span", { class: "arrow", title: direction }, icon(direction), el("span", { class: "sr-only" }, direction)),
      el("span", { class: "log-name" }, name),
      note ? el("span", { class: "log-note" }, note) : null,
      el("code", { class: "log-preview" }, preview)));
  // The whole payload is only written out for the rows that somebody opens.
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(el("pre", { tabIndex: 0 }, indented(payload)));
  });
  const words = `${name} ${note} ${oneLine(payload, 2000)}`.toLowerCase();
  return el("li", { data: { direction, words } }, details);
}

function count(n, noun) {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
