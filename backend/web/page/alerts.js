// Notifications: sent over HTTP, received over Socket.IO, shown as a toast
// and kept in a list.
import { call } from "./api.js";
import { $, el, icon, onSubmit, time } from "./dom.js";
import { oneLine } from "./payload.js";
import { toast } from "./toast.js";
import { currentView, news } from "./views.js";

const limit = 100;
const icons = { success: "check", warning: "warn", error: "warn" };

export function alerts(connection, log) {
  connection.on("notification", (notification) => {
    const { type, message, timestamp } = notification ?? {};
    const tone = type in icons ? type : "info";
    const text = oneLine(message, 10_000);
    $("alerts").prepend(el("li", { class: "alert", data: { tone } },
      el("span", { class: "alert-icon" }, icon(icons[tone] ?? "info")),
      el("div", {}, el("p", {}, text), el("p", { class: "hint" }, `${oneLine(type, 40)} · `, time(timestamp, { seconds: true })))));
    while ($("alerts").childElementCount > limit) $("alerts").lastElementChild.remove();
    $("alerts-empty").hidden = true;
    if (currentView() !== "alerts" || document.hidden) toast(text, tone);
    news("alerts");
  });

  onSubmit($("notify-form"), () => call(log, "GET", "/notify"));

  onSubmit($("alert-form"), async () => {
    const notification = { type: $("alert-type").value, message: $("alert-message").value };
    const target = $("alert-target").value;
    if (target) notification[target] = $("alert-name").value.trim();
    await call(log, "POST", "/api/notifications", notification);
    $("alert-message").value = "";
  });

  $("alert-target").addEventListener("change", () => {
    const target = $("alert-target").value;
    $("alert-name-field").hidden = !target;
    $("alert-name").required = Boolean(target);
    $("alert-name").dataset.field = target;
    $("alert-name-label").textContent = target === "room" ? "Room" : "User";
    $("alert-name").placeholder = target === "room" ? "general" : "alice";
  });
}
