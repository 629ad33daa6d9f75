// One line of a conversation: a message, or a quiet note such as "alice joined".
import { avatar, el, icon, nameOf, time } from "./dom.js";

const groupWithin = 5 * 60_000;
const status = {
  saved: "saved",
  broadcast: "not kept",
  pending: "sending…",
};

/**
 * Makes a message. kind is saved, broadcast or pending; body is text; only
 * what I sent, or what is not kept, gets a status line.
 */
export function message({ id = "", user, socket, body, at, kind, mine }) {
  const author = nameOf({ user, id: socket });
  const node = el("li", { class: `message ${mine ? "mine" : "theirs"}`, data: { author, kind, id } },
    avatar(author),
    el("div", { class: "message-main" },
      el("div", { class: "message-head" }, el("strong", {}, mine ? "You" : author), at ? time(at) : null),
      el("div", { class: "bubble" }, body),
      el("div", { class: "message-foot" })));
  node.at = at ? Date.parse(at) : Infinity;
  setStatus(node, kind);
  return node;
}

/** Changes the state of a message of mine; retry is offered when it failed. */
export function setStatus(node, kind, { reason, retry } = {}) {
  node.dataset.kind = kind;
  const foot = node.querySelector(".message-foot");
  if (kind === "failed") {
    foot.replaceChildren(el("span", { class: "error" }, reason), el("button", { class: "button small", type: "button", onclick: retry }, "Try again"));
    return;
  }
  const shown = kind === "broadcast" || node.classList.contains("mine");
  foot.replaceChildren(...(shown && status[kind] ? [kind === "saved" ? icon("check") : "", status[kind]] : []));
}

/** Makes a quiet note. */
export function note(text, at) {
  const node = el("li", { class: "note" }, text);
  node.at = Date.parse(at) || Date.now();
  return node;
}

/** Puts a line where its time belongs, which is nearly always the end. */
export function insert(list, node) {
  let before = null;
  let previous = list.lastElementChild;
  while (previous && isLater(previous, node)) {
    before = previous;
    previous = previous.previousElementSibling;
  }
  list.insertBefore(node, before);
  group(node);
  group(node.nextElementSibling);
}

// The ids of saved messages sort as they were saved, also within a millisecond.
function isLater(a, b) {
  return a.dataset.id && b.dataset.id ? a.dataset.id > b.dataset.id : a.at > b.at;
}

// Consecutive messages of one author share a head.
function group(node) {
  if (!node?.dataset.author) return;
  const previous = node.previousElementSibling;
  const same = previous?.dataset.author === node.dataset.author && previous.className.includes("mine") === node.classList.contains("mine");
  node.classList.toggle("follows", same && Math.min(node.at, Date.now()) - previous.at < groupWithin);
}
