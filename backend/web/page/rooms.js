// The view of the rooms: tabs, members, messages and the composer.
import { $, avatar, composer, el, followEnd, nameOf, onSubmit, say } from "./dom.js";
import { Room } from "./room.js";
import { currentView, news, showView } from "./views.js";

// How many members are shown, and up to how many are read again when somebody takes another name.
const shown = 50;
const refreshable = 100;

export class Rooms {
  #rooms = new Map(); // those that were joined, by name
  #wanted; // the names of those to be in, as soon as there is a connection
  #tabs = new Map(); // button -> room
  #active = null;
  #restoring = true;
  #connection;
  #people;
  #session;

  constructor(connection, people, session) {
    this.#connection = connection;
    this.#people = people;
    this.#session = session;
    this.#wanted = new Set(session.get().rooms);
    this.#listen();
    onSubmit($("join-form"), async () => {
      await this.join($("room").value.trim());
      $("room").value = "";
    });
    onSubmit($("chat-form"), () => this.#send());
    this.composer = composer($("chat-text"));
    this.scroll = followEnd($("stream"));
    $("leave").addEventListener("click", () => this.#guard(() => this.#leave()));
    $("older").addEventListener("click", () => this.#guard(() => this.#older()));
    $("step-user").addEventListener("click", () => {
      showView("connect");
      $("user").focus();
    });
    $("step-room").addEventListener("click", () => this.#guard(() => this.join("general")));
    connection.addEventListener("change", () => {
      if (!connection.connected) this.#restoring = true; // until restore: nothing joins before the name is given
      this.#steps();
    });
    people.addEventListener("me", () => this.#renamed());
    people.addEventListener("online", () => {
      this.#steps();
      this.#refresh();
    });
    this.#render();
  }

  async join(name) {
    let room = this.#rooms.get(name);
    if (!room) {
      room = new Room(name, this.#connection, this.#people);
      await room.join();
      this.#add(room);
      this.#activate(room);
      await this.#load(room);
    }
    this.#activate(room);
    $("chat-text").focus({ preventScroll: true });
  }

  /** Joins the rooms again on a new connection and reads what was missed. */
  async restore() {
    this.#restoring = true;
    try {
      await this.#restore();
    } finally {
      this.#restoring = false;
    }
  }

  async #restore() {
    const last = this.#session.get().room;
    const names = [...this.#wanted];
    for (const name of names) {
      const room = this.#rooms.get(name) ?? new Room(name, this.#connection, this.#people);
      await room.join();
      this.#add(room);
      if (!this.#active && (name === last || !names.includes(last))) this.#active = room;
      await this.#load(room);
    }
    this.#render();
  }

  #listen() {
    const inRoom = (event, nameIn, change, counts) => this.#connection.on(event, (payload) => {
      const room = this.#rooms.get(payload?.[nameIn]);
      if (!room) return;
      change(room, payload);
      if (counts && (room !== this.#active || currentView() !== "rooms")) {
        if (room !== this.#active) room.unread++;
        news("rooms");
      }
      this.#render();
    });
    inRoom("new-chat-message", "roomId", (room, saved) => room.addSaved(saved), true);
    inRoom("room-broadcast", "room", (room, sent) => room.addBroadcast(sent), true);
    inRoom("user-joined", "room", (room, who) => room.addMember(who));
    inRoom("user-left", "room", (room, who) => room.removeMember(who));
  }

  async #send() {
    const room = this.#active;
    if (!room || !$("chat-text").value.trim()) return;
    if (!$("chat-save").checked) {
      await room.broadcast($("chat-text").value);
      this.composer.take();
      return;
    }
    // Not awaited: the next message may be written while this one is saved.
    room.send(this.composer.take());
    this.scroll.toEnd();
  }

  async #leave() {
    const room = this.#active;
    await room.leave();
    this.#remove(room);
    this.#activate([...this.#rooms.values()].at(-1) ?? null);
    $("room").focus({ preventScroll: true });
  }

  async #older() {
    await this.scroll.hold(async () => {
      await this.#active.loadOlder();
      this.#render();
    });
  }

  async #load(room) {
    await room.loadNewest();
    this.#render();
  }

  #renamed() {
    for (const room of this.#rooms.values()) room.members.set(this.#connection.state.id, this.#people.me);
    this.#render();
  }

  // A member that takes another name is announced to everyone, but not to the
  // room. Joining again changes nothing and answers with the members of now.
  async #refresh() {
    const room = this.#active;
    if (!room || this.#restoring || !this.#connection.connected) return;
    const known = new Set(this.#people.online);
    if (room.members.size > refreshable) return;
    const stale = [...room.members].some(([id, user]) => id !== this.#connection.state.id && !known.has(user));
    if (!stale) return;
    await room.join().catch(() => {}); // the list stays as it was
    this.#render();
  }

  async #guard(action) {
    const line = this.#active ? $("room-error") : $("join-form").querySelector(".error");
    say(line, "");
    try {
      await action();
    } catch (err) {
      say(line, err.message);
    }
  }

  #activate(room) {
    this.#active = room;
    if (room) room.unread = 0;
    say($("room-error"), "");
    this.#remember();
    this.#render();
    this.scroll.toEnd();
  }

  #remember() {
    this.#session.set({ rooms: [...this.#wanted], room: this.#active?.name });
  }

  #render() {
    const room = this.#active;
    $("room-panel").hidden = !room;
    $("rooms-empty").hidden = Boolean(room);
    $("room-tabs").hidden = this.#rooms.size === 0;
    for (const [tab, each] of this.#tabs) this.#fill(tab, each);
    this.#steps();
    if (!room) return;
    $("room-title").textContent = room.name;
    $("chat-text").placeholder = `Message to ${room.name}`;
    if ($("messages-slot").firstChild !== room.list) $("messages-slot").replaceChildren(room.list);
    $("older").hidden = !room.more;
    $("beginning").hidden = room.more;
    $("alone").hidden = room.members.size > 1;
    const members = [...room.members].slice(0, shown).map(([id, user]) => this.#member(id, user));
    if (room.members.size > shown) members.push(el("li", {}, `and ${room.members.size - shown} more`));
    $("members").replaceChildren(...members);
  }

  #add(room) {
    if (this.#rooms.get(room.name) === room) return;
    this.#rooms.set(room.name, room);
    this.#wanted.add(room.name);
    const tab = el("button", { class: "room-tab", type: "button", onclick: () => this.#activate(room) });
    this.#tabs.set(tab, room);
    $("room-tabs").append(tab);
    this.#remember();
  }

  #remove(room) {
    this.#rooms.delete(room.name);
    this.#wanted.delete(room.name);
    for (const [tab, each] of this.#tabs) {
      if (each !== room) continue;
      this.#tabs.delete(tab);
      tab.remove();
    }
    this.#remember();
  }

  #fill(tab, room) {
    const active = String(room === this.#active);
    const count = room.unread ? el("span", { class: "count" }, String(room.unread), el("span", { class: "sr-only" }, " unread")) : "";
    tab.replaceChildren(el("span", { class: "tab-name" }, room.name), count);
    if (tab.getAttribute("aria-pressed") === active) return;
    tab.setAttribute("aria-pressed", active);
    if (active === "true") tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #member(id, user) {
    const name = nameOf({ user, id });
    const me = id === this.#connection.state.id;
    return el("li", { title: id }, avatar(name), el("span", {}, name), me ? el("span", { class: "tag" }, "you") : null);
  }

  #steps() {
    const done = { connect: this.#connection.connected, user: this.#people.me !== "", room: this.#rooms.size > 0 };
    for (const step of $("steps").children) step.toggleAttribute("data-done", done[step.dataset.step]);
    $("step-user").disabled = $("step-room").disabled = !done.connect;
  }
}
