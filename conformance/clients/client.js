// The official Socket.IO client for tests: it keeps every received event, so a
// test can wait for an event that has arrived already, and can check that an
// event has not arrived.
import { io } from "socket.io-client";

const eventWithin = 15_000;

/** The three ways to connect; every test runs with each. */
export const modes = {
  "polling only": ["polling"],
  "websocket only": ["websocket"],
  "polling that upgrades": ["polling", "websocket"],
};

/** Waits for a promise, but not forever. */
export function within(promise, what, ms = eventWithin) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Client {
  #received = [];
  #waiting = new Set();

  constructor(socket) {
    this.socket = socket;
    socket.onAny((name, ...args) => this.#note(name, args));
    socket.on("disconnect", (reason) => this.#note("disconnect", [reason]));
    socket.on("connect", () => this.#note("connect", []));
    socket.on("connect_error", (err) => this.#note("connect_error", [err]));
  }

  /**
   * Connects and waits until the transport is the final one. The client is
   * closed when the test, or the suite, `t` ends.
   */
  static async connect(t, url, { transports = ["websocket"], ...options } = {}) {
    const client = new Client(io(url, { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 250, ...options }));
    t.after(() => client.close());
    await client.ready(transports);
    return client;
  }

  async ready(transports) {
    const final = transports.at(-1);
    const engine = () => this.socket.io.engine;
    await within(new Promise((resolve, reject) => {
      const check = () => {
        if (this.socket.connected && engine().transport.name === final) resolve();
      };
      this.socket.on("connect", () => {
        engine().on("upgrade", check);
        check();
      });
      this.socket.on("connect_error", (err) => {
        if (!this.socket.active) reject(err);
      });
    }), `connection over ${final}`);
  }

  get id() {
    return this.socket.id;
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** Emits an event and returns the answer. */
  request(name, ...args) {
    return this.socket.timeout(eventWithin).emitWithAck(name, ...args);
  }

  /** Waits for an event that matches and returns its arguments. Each event is returned once. */
  async event(name, matches = () => true) {
    const found = this.#received.find((event) => !event.taken && event.name === name && matches(...event.args));
    if (found) {
      found.taken = true;
      return found.args;
    }
    const waiter = { name, matches };
    const arrival = new Promise((resolve) => { waiter.resolve = resolve; });
    this.#waiting.add(waiter);
    return within(arrival, `event ${name} (received: ${[...new Set(this.names())].join(", ") || "none"})`)
      .finally(() => this.#waiting.delete(waiter));
  }

  /** Like event, for events with one argument. */
  async payload(name, matches) {
    const [payload] = await this.event(name, matches);
    return payload;
  }

  /** The payloads of all events of this name that have arrived so far. */
  all(name) {
    return this.#received.filter((event) => event.name === name).map(({ args }) => args[0]);
  }

  /** The names of all events that have arrived so far, in order. */
  names() {
    return this.#received.map(({ name }) => name);
  }

  /** Forgets all events that have arrived so far. */
  forget() {
    this.#received = [];
  }

  close() {
    this.socket.disconnect();
  }

  #note(name, args) {
    const event = { name, args, taken: false };
    this.#received.push(event);
    for (const waiter of this.#waiting) {
      if (waiter.name !== name || !waiter.matches(...args)) continue;
      event.taken = true;
      this.#waiting.delete(waiter);
      waiter.resolve(args);
      return;
    }
  }
}

/**
 * Waits until the client has received everything that the server emitted to
 * it before: events reach a socket in order, so a message that the client sends
 * itself and gets back comes after them.
 */
export async function settled(client) {
  const mark = `settled ${Math.random()}`;
  await client.request("message", mark);
  await client.event("new-message", ({ message }) => message === mark);
}

let counter = 0;

/** A name that no other test uses, so that tests can share a server. */
export function unique(name) {
  counter++;
  return `${name}-${process.pid}-${counter}`;
}

/** RFC 3339 in UTC, as all timestamps are. */
export const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
