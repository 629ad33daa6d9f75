// The official client in every version that a server can meet, and functions that use all versions in the same way.
import v2 from "client-v2";
import v3 from "client-v3";
import { io as v4 } from "socket.io-client";
import parser from "socket.io-msgpack-parser";
import { within } from "./client.js";

/**
 * Each version: `io` connects, `auth` makes the options with a payload for the server, and `refusal` is the event for
 * a refused namespace.
 */
export const versions = {
  "2.5.0": { io: v2, auth: (payload) => ({ query: payload }), refusal: "error", profile: "clients" },
  "3.1.3": { io: v3.io, auth: (payload) => ({ auth: payload }), refusal: "connect_error", profile: "clients" },
  "4.8.4": { io: v4, auth: (payload) => ({ auth: payload }), refusal: "connect_error", profile: "clients" },
  "4.8.4 with MessagePack": {
    io: (url, options) => v4(url, { ...options, parser }),
    auth: (payload) => ({ auth: payload }), refusal: "connect_error", profile: "msgpack",
  },
  "4.8.4 with a Fiber program": { io: v4, auth: (payload) => ({ auth: payload }), refusal: "connect_error", profile: "fiber" },
};

/** Makes a socket that is closed when the test `t` ends. It may be connected or not. */
export function open(t, { io }, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options });
  t.after(() => {
    socket.io.reconnection(false);
    socket.disconnect();
    socket.io.engine?.close();
  });
  return socket;
}

/** Waits for an event and returns its arguments. */
export function next(socket, name) {
  return within(new Promise((resolve) => socket.once(name, (...args) => resolve(args))), `event ${name}`);
}

/** Makes a socket and waits until it is connected, over the last of its transports. */
export async function connected(t, version, url, options = {}) {
  const socket = open(t, version, url, options);
  await next(socket, "connect");
  await settled(socket, options.transports);
  return socket;
}

/** Waits for the end of the upgrade. */
export async function settled(socket, transports) {
  const { engine } = socket.io;
  if (engine.transport.name !== transports.at(-1)) {
    await within(new Promise((resolve) => engine.once("upgrade", resolve)), "upgrade");
  }
}

/** Emits an event and returns the arguments of its acknowledgement. */
export function ask(socket, name, ...args) {
  return within(new Promise((resolve) => socket.emit(name, ...args, (...answer) => resolve(answer))), `acknowledgement of ${name}`);
}
