// Which view is shown. The address says it (#/rooms), so that links, the back
// button and reloads work. On a wide screen the connection and the log are
// always there and are no views of their own.
import { el } from "./dom.js";
import { session } from "./session.js";

const views = ["connect", "rooms", "everyone", "alerts", "data", "log"];
const links = [...document.querySelectorAll(".view-link")];
const hidesLog = matchMedia("(max-width: 1179px)");
const hidesRail = matchMedia("(max-width: 819px)");

export function startViews() {
  addEventListener("hashchange", show);
  hidesLog.addEventListener("change", show);
  hidesRail.addEventListener("change", show);
  show();
}

export function currentView() {
  return document.body.dataset.view;
}

/** Goes to a view; where it has its own column anyway, nothing changes. */
export function showView(view) {
  if ((view === "connect" && !hidesRail.matches) || (view === "log" && !hidesLog.matches)) return;
  location.hash = `#/${view}`;
  show();
}

/** Marks a view that is not shown as having news. */
export function news(view) {
  if (currentView() === view) return;
  const link = links.find(({ dataset }) => dataset.view === view);
  if (link.querySelector(".badge")) return;
  link.append(el("span", { class: "badge" }, el("span", { class: "sr-only" }, "new")));
}

function show() {
  // Somebody new on a phone begins where a name is given.
  const first = hidesRail.matches && !session.get().rooms?.length ? "connect" : "rooms";
  let view = location.hash.replace(/^#\//, "");
  if (!views.includes(view)) view = first;
  if (view === "connect" && !hidesRail.matches) view = "rooms";
  if (view === "log" && !hidesLog.matches) view = "rooms";
  document.body.dataset.view = view;
  for (const link of links) {
    const here = link.dataset.view === view;
    if (here) {
      link.setAttribute("aria-current", "page");
      link.querySelector(".badge")?.remove();
    } else {
      link.removeAttribute("aria-current");
    }
  }
}
