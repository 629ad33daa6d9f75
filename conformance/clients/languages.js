// Clients of other languages. Each language has a program that does what lines of JSON on its standard input say, and
// says in such lines what happens; bytes are {"$bytes": "base64"} there. Here is its other end.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { within } from "./client.js";

const folder = (name) => fileURLToPath(new URL(name, import.meta.url));

function python(client) {
  return {
    needs: "python/lib",
    command: ["python3", "python/client.py", client],
    path: folder("python/lib"),
    eio: "4",
    // It may notice the end of its websocket before it has handled the server's last packet, and ends it itself without
    // sending what was to be sent before.
    reasons: { left: ["client disconnect"], dismissed: ["server disconnect"], closed: ["server disconnect", "transport error"] },
    told: ["client namespace disconnect", "transport close"],
    stays: { polling: "the client takes the close packet of a server that stops for its wish: Node's sends one, too" },
  };
}

function java(version, eio) {
  return {
    needs: `java/lib/${version}`,
    command: ["java", "-cp", `java/lib/${version}/*`, "java/Client.java"],
    eio,
    reasons: { left: ["io client disconnect"], dismissed: ["io server disconnect"], closed: ["io server disconnect"] },
    told: ["client namespace disconnect"],
    stays: { websocket: "the client ignores a close frame, Node's too, and notices only that no ping comes any more" },
  };
}

/**
 * Each client: the folder that `make languages` fills for it, how its program is started, and with which modules; the
 * revision of Engine.IO that it speaks; what it may say when it has left, when it was made to, and when the
 * server has closed the connection; what the server may be told when it leaves; why, on a transport, it does not come back
 * when a server was stopped; and why it does not hear a refusal.
 */
export const languages = {
  "python-socketio with threads": python("threads"),
  "python-socketio with asyncio": python("asyncio"),
  "socket.io-client-java 2.1": java("2.1.2", "4"),
  "socket.io-client-java 1.0": {
    ...java("1.0.2", "3"),
    deaf: ({ message, data }) => (data || message !== "refused") && "its parser takes text alone, and Node sends it an object, too",
  },
};

/** Why a language cannot be tested, or false. In CI that is no reason to skip it. */
export function missing({ needs }) {
  if (process.env.CI || existsSync(folder(needs))) return false;
  return `there is no ${needs}, which make languages fetches`;
}

function pack(value) {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(pack);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, pack(part)]));
}

function unpack(name, value) {
  return typeof value?.$bytes === "string" ? Buffer.from(value.$bytes, "base64") : value;
}

// A program may have to be compiled first.
const startWithin = 60_000;

/** The running program of a language. */
export class Driver {
  #process;
  #sockets = [];
  #log = "";
  #started;

  constructor({ command: [name, ...args], path }) {
    const env = { ...process.env, ...(path && { PYTHONPATH: path }) };
    this.#process = spawn(name, args, { cwd: folder("."), env, stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stderr.on("data", (chunk) => { this.#log += chunk; });
    const end = new Promise((_, reject) => {
      this.#process.once("error", reject);
      this.#process.once("close", (code, signal) => reject(new Error(`the client ended with ${signal ?? code}:\n${this.#log}`)));
    });
    end.catch(() => {}); // it matters to those who wait
    this.end = end;
    const lines = createInterface({ input: this.#process.stdout });
    this.#started = new Promise((resolve) => {
      lines.once("line", () => {
        lines.on("line", (line) => {
          const { socket, ...what } = JSON.parse(line, unpack);
          this.#sockets[socket].note(what);
        });
        resolve();
      });
    });
  }

  /** Starts the program of a language, and waits for its first line, which says that it reads. */
  static async start(language) {
    const driver = new Driver(language);
    await within(Promise.race([driver.#started, driver.end]), "start", startWithin);
    return driver;
  }

  /** What the program has complained of. */
  get log() {
    return this.#log;
  }

  /** Makes a socket for a URL. It leaves when the test `t` ends. */
  connect(t, url, { transports, namespace = "/", auth = null }) {
    const socket = new RemoteSocket(this, this.#sockets.length, namespace);
    this.#sockets.push(socket);
    socket.do({ do: "connect", url, transports, auth, events: ["echo", "question", "answer", "many", "text"] });
    t.after(() => socket.leave());
    return socket;
  }

  write(line) {
    this.#process.stdin.write(JSON.stringify(line) + "\n");
  }

  /** Ends the program. */
  async stop() {
    this.#process.kill();
    await this.end.catch(() => {});
  }
}

/** A socket in the program. */
class RemoteSocket {
  #driver;
  #number;
  #namespace;
  #happened = [];
  #waiting = [];
  #asked = 0;

  constructor(driver, number, namespace) {
    this.#driver = driver;
    this.#number = number;
    this.#namespace = namespace;
  }

  do(what) {
    this.#driver.write({ socket: this.#number, namespace: this.#namespace, ...what });
  }

  note(what) {
    const at = this.#waiting.findIndex(({ matches }) => matches(what));
    if (at < 0) this.#happened.push(what);
    else this.#waiting.splice(at, 1)[0].resolve(what);
  }

  #await(matches, description) {
    const at = this.#happened.findIndex(matches);
    if (at >= 0) return this.#happened.splice(at, 1)[0];
    const found = new Promise((resolve) => { this.#waiting.push({ matches, resolve }); });
    return within(Promise.race([found, this.#driver.end]), description)
      .catch((err) => { throw new Error(`${err.message}\n${this.#driver.log}`); });
  }

  /** Waits for an event that nobody has waited for yet, and returns its arguments. */
  async next(name) {
    return (await this.#await((what) => what.name === name, `event ${name}`)).args;
  }

  emit(name, ...args) {
    this.do({ do: "emit", name, args: pack(args) });
  }

  /** Emits an event and returns the arguments of its acknowledgement. */
  async ask(name, ...args) {
    const id = this.#asked++;
    this.do({ do: "ask", id, name, args: pack(args) });
    return (await this.#await((what) => what.answer === id, `acknowledgement of ${name}`)).args;
  }

  leave() {
    this.do({ do: "leave" });
  }
}
