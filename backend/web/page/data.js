// Live data: the stored values, kept up to date by data-updated.
import { call } from "./api.js";
import { $, el, onSubmit, time } from "./dom.js";
import { guess, kind, oneLine } from "./payload.js";
import { currentView, news } from "./views.js";

// About how many stored values are read.
const limit = 1000;

export function data(connection, log) {
  const rows = new Map();

  const put = ({ key, value, updatedAt }, fresh) => {
    const known = rows.get(key);
    if (known && known.at > Date.parse(updatedAt)) return;
    const row = el("tr", { class: fresh ? "fresh" : "" },
      el("th", { scope: "row" }, key),
      el("td", {}, el("code", {}, oneLine(value, 500))),
      el("td", {}, time(updatedAt, { seconds: true })));
    row.at = Date.parse(updatedAt);
    if (known) known.replaceWith(row);
    else $("data-rows").insertBefore(row, [...$("data-rows").children].find((other) => other.cells[0].textContent > key) ?? null);
    rows.set(key, row);
    $("data-table").hidden = false;
    $("data-empty").hidden = true;
  };

  const load = async () => {
    try {
      for (let next = ""; next !== null;) {
        const page = await call(log, "GET", `/api/data${next && `?after=${encodeURIComponent(next)}`}`);
        for (const item of page.items) put(item, false);
        next = rows.size < limit ? page.next : null;
      }
      $("data-empty-text").textContent = "No value stored yet.";
    } catch (err) {
      $("data-empty-text").textContent = err.message;
    }
  };

  connection.on("data-updated", (item) => {
    put(item, currentView() === "data");
    news("data");
  });
  connection.addEventListener("online", load);
  load();

  onSubmit($("data-form"), async () => {
    const item = { key: $("data-key").value.trim(), value: guess($("data-value").value) };
    put(await call(log, "POST", "/api/data", item), true);
  });
  $("data-value").addEventListener("input", () => {
    const written = $("data-value").value;
    $("data-kind").textContent = written ? `Will be stored as ${article(kind(guess(written)))}.` : "JSON where it reads as JSON, otherwise text.";
  });
}

function article(word) {
  if (word === "null") return word;
  return `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}
