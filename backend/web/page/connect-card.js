// The connection card and the status in the header.
import { $, el, say, time } from "./dom.js";

const names = { polling: "polling", websocket: "WebSocket" };

export function connectCard(connection, session) {
  const form = $("connect-form");
  const token = $("token");

  const connect = () => {
    if (!globalThis.io) return;
    const mode = form.elements.mode.value;
    session.set({ connected: true, mode, withToken: token.value !== "" });
    connection.open({ mode, token: token.value });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (connection.state.phase === "offline") {
      connect();
      return;
    }
    session.set({ connected: false });
    connection.close();
  });
  $("step-connect").addEventListener("click", connect);
  connection.addEventListener("change", () => render(connection.state));

  // The page connects by itself, unless somebody has disconnected this tab.
  const { mode, connected = true, withToken } = session.get();
  if (mode) form.elements.mode.value = mode;
  render(connection.state);
  if (connected && !withToken) connect();
  else if (connected) connection.explain("The token is not kept over a reload: give it again.");
}

function render(state) {
  const { phase } = state;
  document.body.dataset.phase = phase;
  $("status-text").replaceChildren(...statusText(state));
  $("connect-button").textContent = { offline: "Connect", connecting: "Cancel", online: "Disconnect", waiting: "Stop trying" }[phase];
  $("connect-button").classList.toggle("primary", phase === "offline");
  $("connect-fields").disabled = phase !== "offline";
  $("step-connect").disabled = phase !== "offline" || !globalThis.io;
  $("connect-button").disabled = !globalThis.io;
  say($("connect-error"), state.error);
  for (const fields of document.querySelectorAll(".needs-connection")) fields.disabled = phase !== "online";

  $("transport").hidden = phase === "offline";
  $("hop-polling").hidden = state.mode === "websocket";
  $("hop-websocket").hidden = state.mode === "polling";
  $("wire").hidden = state.mode !== "upgrade";
  $("wire").dataset.state = state.upgrade;
  for (const name of ["polling", "websocket"]) {
    $(`hop-${name}`).dataset.state = state.transport === name ? "current" : state.upgrade === "done" ? "past" : "";
  }
  $("transport-text").textContent = transportText(state);
  $("fact-transport").textContent = state.transport || "–";
  $("fact-id").textContent = state.id || "–";
  $("fact-since").replaceChildren(state.since ? time(state.since, { seconds: true }) : "–");
  $("fact-reconnects").textContent = String(state.reconnects);
}

function statusText({ phase, transport, attempt }) {
  switch (phase) {
    case "online": return ["Connected", notNarrow(` over ${names[transport] ?? transport}`)];
    case "connecting": return ["Connecting…"];
    case "waiting": return attempt ? ["Reconnecting", notNarrow(`, attempt ${attempt}`)] : ["Reconnecting…"];
    default: return ["Not connected"];
  }
}

// What a phone leaves out.
function notNarrow(text) {
  return el("span", { class: "not-narrow" }, text);
}

function transportText({ phase, mode, transport, upgrade, upgradeTime }) {
  if (phase === "waiting") return "Waiting for the server. Rooms and name come back by themselves.";
  if (!transport) return "Opening a session…";
  if (upgrade === "probing") return "On polling, probing WebSocket…";
  if (upgrade === "done") return `Upgraded to WebSocket after ${upgradeTime} ms.`;
  if (upgrade === "failed") return "The upgrade failed, so the session stays on polling.";
  if (mode === "upgrade") return "On polling, about to upgrade.";
  return mode === "websocket" ? "Straight to WebSocket, without polling." : "Long polling, without an upgrade.";
}
