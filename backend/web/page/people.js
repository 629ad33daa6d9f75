// Who I am and who is online: a list as long as they are few, or else a list that is read once and then changed.
import { $, avatar, el, onSubmit } from "./dom.js";

// How many are shown.
const shown = 200;

export class People extends EventTarget {
  #connection;
  #session;
  #version = null; // of presence-changed; null while the list is not read by pages
  #reading = null; // a promise while it is
  #waiting = []; // changes that come meanwhile
  online = [];
  me = "";

  constructor(connection, session) {
    super();
    this.#connection = connection;
    this.#session = session;
    this.me = session.get().user ?? "";
    $("user").value = this.me;
    onSubmit($("user-form"), () => this.#become($("user").value.trim()));
    connection.on("users-online", (users) => this.#take(users));
    connection.on("presence-changed", (change) => this.#apply(change));
    connection.addEventListener("change", () => {
      if (connection.connected) return;
      this.#version = null;
      this.#show([]);
    });
    this.#show([]);
  }

  /** Takes my name again on a new connection. */
  async restore() {
    if (this.me) this.#take(await this.#connection.request("user-online", this.me));
    else await this.#read();
  }

  async #become(user) {
    const online = await this.#connection.request("user-online", user);
    this.me = user;
    this.#session.set({ user });
    this.dispatchEvent(new Event("me"));
    this.#take(online);
  }

  // A list is the truth. Its number alone says that they are many.
  #take(users) {
    if (Array.isArray(users)) {
      this.#version = null;
      this.#show(users);
    } else if (users && this.#version === null) {
      this.#read().catch(() => {}); // the next change tries again
    }
  }

  #apply(change) {
    if (this.#reading) {
      this.#waiting.push(change);
      return;
    }
    const { joined, left, version, epoch } = change;
    const [known, of] = this.#version ?? [];
    if (of !== epoch || known + 1 < version) {
      this.#read().catch(() => {});
      return;
    }
    if (version <= known) return;
    this.#version = [version, epoch];
    const gone = new Set(left);
    this.#show([...new Set([...this.online, ...joined])].filter((user) => !gone.has(user)).sort());
  }

  // Pages come in order with the changes. When presence has moved on between two of them, the list is read again.
  #read() {
    this.#reading ??= (async () => {
      for (let users = [], next = null, at = null; ;) {
        const page = await this.#connection.request("presence-list", next === null ? {} : { after: next });
        const moved = at !== null && (at[0] !== page.version || at[1] !== page.epoch);
        users = moved ? [] : [...users, ...page.users];
        next = moved ? null : page.next;
        at = moved ? null : [page.version, page.epoch];
        if (moved || next !== null) continue;
        this.#version = at;
        this.#show(users);
        return;
      }
    })().finally(() => {
      this.#reading = null;
      for (const change of this.#waiting.splice(0)) this.#apply(change);
    });
    return this.#reading;
  }

  #show(users) {
    this.online = users;
    document.body.toggleAttribute("data-named", this.me !== "");
    const items = users.slice(0, shown).map((user) =>
      el("li", {}, avatar(user), el("span", { class: "person" }, user), user === this.me ? el("span", { class: "tag" }, "you") : null));
    if (users.length > shown) items.push(el("li", { class: "hint" }, `and ${users.length - shown} more`));
    $("online").replaceChildren(...items);
    const known = users.length > 0 || this.me !== "";
    $("online-count").textContent = known ? String(users.length) : "";
    $("user-button").textContent = this.me ? "Change" : "Go online";
    $("online-empty").hidden = users.length > 0;
    $("online-empty").textContent = this.#connection.connected ? "Give a name to see who is online." : "Connect to see who is online.";
    this.dispatchEvent(new Event("online"));
  }
}
