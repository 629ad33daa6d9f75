// Short messages at the edge of the page. They stay while the pointer or the
// focus is on them.
import { $, el, icon } from "./dom.js";

const stay = 6000;
const limit = 3;

export function toast(text, tone = "info") {
  let timer = 0;
  const node = el("div", { class: "toast", data: { tone } },
    icon(tone === "success" ? "check" : tone === "info" ? "bell" : "warn"),
    el("p", {}, text),
    el("button", { class: "button quiet icon-button small", type: "button", aria: { label: "Dismiss" }, onclick: () => node.remove() }, icon("close")));
  const arm = () => { timer = setTimeout(() => node.remove(), stay); };
  const hold = () => clearTimeout(timer);
  for (const [event, handler] of [["pointerenter", hold], ["focusin", hold], ["pointerleave", arm], ["focusout", arm]]) node.addEventListener(event, handler);
  arm();
  const toasts = $("toasts");
  toasts.append(node);
  while (toasts.childElementCount > limit) toasts.firstElementChild.remove();
}
