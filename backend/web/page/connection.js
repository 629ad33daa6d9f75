// The connection to the server: one socket of the official client at a time,
// with what the page wants to know about it gathered in `state`.

const transports = {
  upgrade: ["polling", "websocket"],
  websocket: ["websocket"],
  polling: ["polling"],
};

const answerWithin = 10_000;

// The server's names of inputs that the page has under another one.
const wireNames = { roomId: "room" };

// The path of the Socket.IO server: it is below the page's own folder, also
// behind a proxy that adds a prefix.
const path = new URL("socket.io/", new URL(".", location.href)).pathname;

/** An error answer of the server. */
export class RequestError extends Error {
  constructor({ code, message }) {
    // A message about wrong input begins with the input's name, and needs no code.
    super(code === "invalid" && message ? message : message ? `${message} (${code})` : String(code));
    this.code = code;
    const [, field] = (code === "invalid" && /^(\w+) /.exec(message)) || [];
    this.inputs = field ? [{ field: wireNames[field] ?? field, message: message.slice(field.length + 1) }] : [];
  }
}

export class Connection extends EventTarget {
  #socket = null;
  #handlers = [];
  #log;

  constructor(log) {
    super();
    this.#log = log;
    this.state = initial();
  }

  get connected() {
    return this.#socket?.connected === true;
  }

  /** Registers a handler for an event, on this and every later socket. */
  on(event, handler) {
    this.#handlers.push([event, handler]);
  }

  open({ mode, token }) {
    this.close();
    const auth = token ? { token } : undefined;
    const socket = globalThis.io({ path, transports: transports[mode], auth, forceNew: true });
    this.#socket = socket;
    this.#change({ ...initial(), phase: "connecting", mode });
    this.#watchSocket(socket);
    this.#watchManager(socket, socket.io);
    for (const [event, handler] of this.#handlers) socket.on(event, handler);
  }

  close() {
    const socket = this.#socket;
    if (!socket) return;
    const wasConnected = socket.connected;
    this.#socket = null;
    socket.disconnect();
    if (!wasConnected) this.#log.system("disconnect", "given up by the user");
    this.#change({ ...initial(), mode: this.state.mode });
  }

  /** Shows why there is no connection, as long as none is opened. */
  explain(error) {
    this.#change({ error });
  }

  /** Emits an event and returns the server's answer; an error answer is thrown. */
  async request(name, payload) {
    if (!this.connected) throw new Error("Not connected.");
    const started = performance.now();
    let answer;
    try {
      answer = await this.#socket.timeout(answerWithin).emitWithAck(name, payload);
    } catch {
      this.#log.system("no answer", name);
      throw new Error(this.connected ? "The server did not answer in time." : "The connection was lost before the answer came.");
    }
    this.#log.add("in", name, answer, `answer, ${Math.round(performance.now() - started)} ms`);
    if (answer?.error) throw new RequestError(answer.error);
    return answer;
  }

  #watchSocket(socket) {
    const current = (handler) => (...args) => {
      if (socket === this.#socket) handler(...args);
    };
    socket.onAny((name, ...args) => this.#log.add("in", name, unwrap(args)));
    socket.onAnyOutgoing((name, ...args) => this.#log.add("out", name, unwrap(args)));
    socket.on("connect", current(() => {
      this.#log.system("connect", { id: socket.id });
      this.#change({ phase: "online", id: socket.id, since: new Date(), error: "", attempt: 0 });
      this.dispatchEvent(new Event("online"));
    }));
    socket.on("disconnect", (reason) => {
      this.#log.system("disconnect", reason);
      if (socket !== this.#socket) return;
      const error = socket.active ? "" : `The server closed the connection (${reason}).`;
      this.#change({ phase: socket.active ? "waiting" : "offline", id: "", since: null, transport: "", upgrade: "", error });
    });
    socket.on("connect_error", current((err) => {
      this.#log.system("connect_error", err.data === undefined ? err.message : { message: err.message, data: err.data });
      if (socket.active) this.#change({ phase: this.state.reconnects || this.state.attempt ? "waiting" : this.state.phase, error: `Cannot reach the server (${err.message}).` });
      else this.#change({ phase: "offline", error: `The server refused the connection: ${err.message}` });
    }));
  }

  #watchManager(socket, manager) {
    const current = (handler) => (...args) => {
      if (socket === this.#socket) handler(...args);
    };
    manager.on("open", current(() => this.#watchEngine(socket, manager.engine)));
    manager.on("reconnect_attempt", current((attempt) => {
      this.#log.system("reconnect attempt", attempt);
      this.#change({ phase: "waiting", attempt });
    }));
    manager.on("reconnect", current(() => this.#change({ reconnects: this.state.reconnects + 1 })));
  }

  #watchEngine(socket, engine) {
    const manager = socket.io;
    const started = performance.now();
    const current = (handler) => (...args) => {
      if (socket === this.#socket && manager.engine === engine) handler(...args);
    };
    this.#log.system("open", { transport: engine.transport.name });
    this.#change({ transport: engine.transport.name, upgrade: "", upgradeTime: 0 });
    engine.on("upgrading", current(() => this.#change({ upgrade: "probing" })));
    engine.on("upgrade", current((transport) => {
      const upgradeTime = Math.round(performance.now() - started);
      this.#log.system("upgrade", { transport: transport.name, after: `${upgradeTime} ms` });
      this.#change({ transport: transport.name, upgrade: "done", upgradeTime });
    }));
    engine.on("upgradeError", current((err) => {
      this.#log.system("upgrade error", err.message);
      this.#change({ upgrade: "failed" });
    }));
  }

  #change(part) {
    this.state = { ...this.state, ...part };
    this.dispatchEvent(new Event("change"));
  }
}

// phase: offline, connecting, online, or waiting for a reconnection.
// upgrade: "", probing, done or failed.
function initial() {
  return {
    phase: "offline", mode: "upgrade", id: "", since: null, error: "",
    transport: "", upgrade: "", upgradeTime: 0, attempt: 0, reconnects: 0,
  };
}

function unwrap(args) {
  return args.length > 1 ? args : args[0];
}
