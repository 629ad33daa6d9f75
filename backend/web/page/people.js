// Who I am and who is online.
import { $, avatar, el, onSubmit } from "./dom.js";

export class People extends EventTarget {
  #connection;
  #session;
  online = [];
  me = "";

  constructor(connection, session) {
    super();
    this.#connection = connection;
    this.#session = session;
    this.me = session.get().user ?? "";
    $("user").value = this.me;
    onSubmit($("user-form"), () => this.#become($("user").value.trim()));
    connection.on("users-online", (users) => this.#show(users));
    connection.addEventListener("change", () => this.#show(connection.connected ? this.online : []));
    this.#show([]);
  }

  /** Takes my name again on a new connection. */
  async restore() {
    if (this.me) this.#show(await this.#connection.request("user-online", this.me));
  }

  async #become(user) {
    const online = await this.#connection.request("user-online", user);
    this.me = user;
    this.#session.set({ user });
    this.dispatchEvent(new Event("me"));
    this.#show(online);
  }

  #show(users) {
    if (!Array.isArray(users)) return;
    this.online = users;
    document.body.toggleAttribute("data-named", this.me !== "");
    $("online").replaceChildren(...users.map((user) =>
      el("li", {}, avatar(user), el("span", { class: "person" }, user), user === this.me ? el("span", { class: "tag" }, "you") : null)));
    // The server tells the list when it changes: who has not given a name yet may have missed the last change.
    const known = users.length > 0 || this.me !== "";
    $("online-count").textContent = known ? String(users.length) : "";
    $("user-button").textContent = this.me ? "Change" : "Go online";
    $("online-empty").hidden = users.length > 0;
    $("online-empty").textContent = this.#connection.connected ? "Give a name to see who is online." : "Connect to see who is online.";
    this.dispatchEvent(new Event("online"));
  }
}
