// One room that this tab has joined: its members, its messages and how far
// back its history has been read.
import { el, nameOf } from "./dom.js";
import { insert, message, note, setStatus } from "./message.js";
import { oneLine } from "./payload.js";

const pageSize = 30;

export class Room {
  #connection;
  #people;
  #ids = new Set();
  #oldest = null;
  list = el("ol", { class: "messages" });
  members = new Map();
  unread = 0;
  loading = false;

  constructor(name, connection, people) {
    this.name = name;
    this.#connection = connection;
    this.#people = people;
  }

  /** Whether there is older history to load. */
  get more() {
    return this.#oldest !== null;
  }

  async join() {
    const answer = await this.#connection.request("join-room", this.name);
    this.members = new Map((answer.members ?? []).map(({ id, user }) => [id, user]));
    if (!answer.members) await this.#readMembers();
  }

  // The members of a large room come by pages; who joins or leaves meanwhile is added and removed as always.
  async #readMembers() {
    for (let after; after !== null;) {
      const { members, next } = await this.#connection.request("room-members", { room: this.name, ...(after ? { after } : {}) });
      for (const { id, user } of members) this.members.set(id, user);
      after = next;
    }
  }

  leave() {
    return this.#connection.request("leave-room", this.name);
  }

  /**
   * Reads the newest page, after joining and after each reconnection. When
   * nothing of it is known although something was read before, more than a
   * page was missed: the list starts again, so that it has no hole.
   */
  async loadNewest() {
    const { messages, next } = await this.#history();
    const missed = this.#ids.size > 0 && next !== null && !messages.some(({ id }) => this.#ids.has(id));
    if (this.#ids.size === 0 || missed) {
      if (missed) {
        this.list.replaceChildren();
        this.#ids.clear();
      }
      this.#oldest = next;
    }
    for (const saved of messages.reverse()) this.addSaved(saved);
  }

  async loadOlder() {
    const { messages, next } = await this.#history(this.#oldest);
    this.#oldest = next;
    for (const saved of messages) this.addSaved(saved);
  }

  /** Sends a message that is kept. It is shown at once and marked when it is saved. */
  async send(text) {
    const clientMessageId = randomID();
    const node = message({ user: this.#people.me, socket: this.#connection.state.id, body: text, kind: "pending", mine: true });
    insert(this.list, node);
    const attempt = async () => {
      setStatus(node, "pending");
      try {
        this.#settle(node, await this.#connection.request("chat-message", { roomId: this.name, text, clientMessageId }));
      } catch (err) {
        setStatus(node, "failed", { reason: err.message, retry: attempt });
      }
    };
    await attempt();
  }

  /** Sends a message that is passed on and forgotten; it comes back as room-broadcast. */
  broadcast(text) {
    return this.#connection.request("room-message", { room: this.name, message: text });
  }

  addSaved(saved) {
    if (this.#ids.has(saved.id)) return;
    this.#ids.add(saved.id);
    insert(this.list, message({
      id: saved.id, user: saved.user, body: saved.text, at: saved.createdAt, kind: "saved",
      mine: saved.user !== null && saved.user === this.#people.me,
    }));
  }

  addBroadcast({ id, user, message: body, timestamp }) {
    insert(this.list, message({ user, socket: id, body: oneLine(body, 4096), at: timestamp, kind: "broadcast", mine: id === this.#connection.state.id }));
  }

  addMember({ id, user, timestamp }) {
    this.members.set(id, user);
    insert(this.list, note(`${nameOf({ id, user })} joined`, timestamp));
  }

  removeMember({ id, user, timestamp }) {
    this.members.delete(id);
    insert(this.list, note(`${nameOf({ id, user })} left`, timestamp));
  }

  // The pending line gives way to the saved message, which has the server's time.
  #settle(node, saved) {
    if (this.#ids.has(saved.id)) {
      node.remove();
      return;
    }
    this.#ids.add(saved.id);
    const settled = message({ id: saved.id, user: saved.user, socket: this.#connection.state.id, body: saved.text, at: saved.createdAt, kind: "saved", mine: true });
    node.remove();
    insert(this.list, settled);
  }

  #history(before) {
    return this.#connection.request("chat-history", { roomId: this.name, limit: pageSize, ...(before ? { before } : {}) });
  }
}

// crypto.randomUUID exists only on secure origins; a page opened by address is none.
function randomID() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
