// The official client in versions 2.5.0 (Engine.IO 3), 3.1.3 and 4.8.4, also with its MessagePack parser and with a server in
// a Fiber program, each with every way to connect.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { modes, within } from "./client.js";
import { Profile } from "./profile.js";
import { Proxy } from "./proxy.js";
import { ask, connected, next, open, settled, versions } from "./versions.js";

const bytes = (...values) => Buffer.from(values);

/** Lists of arguments: the sent ones, the returned ones if they differ, and a version that cannot send them. */
const lists = {
  "none": [[]],
  "text": [["", "hello", "é€😀 \u2028 <b>&amp;</b> \\ \" \u0001"]],
  "numbers": [[0, 1, -1, 127, 128, -129, 65536, -2147483649, 4294967296, Number.MAX_SAFE_INTEGER, 1.5, -0.1, 5e-324]],
  "a number beyond 64 bits": [[1e21], [1e21], "4.8.4 with MessagePack"], // its encoder cuts the number
  "constants": [[true, false, null]],
  "objects and arrays": [[[], {}, [[[1], []]], { a: { b: [null, { "": "x" }] } }]],
  "what JSON has no word for": [[{ a: undefined, b: 1 }, new Date(1500)], [{ b: 1 }, "1970-01-01T00:00:01.500Z"]],
  "a buffer": [[bytes(0, 1, 2, 255)]],
  "an empty buffer": [[bytes()]],
  "views of bytes": [[new Uint8Array([1, 2]), new Uint8Array([3]).buffer], [bytes(1, 2), bytes(3)]],
  "buffers at several depths": [[{ a: bytes(1), b: [bytes(2), { c: bytes(3) }], d: [[bytes(4)]], e: "text" }, bytes(5)]],
  "ten buffers": [Array.from({ length: 10 }, (_, n) => bytes(n, n))],
  "text that looks like packets": [["451-[\"x\"]", "4", "b4AQ==", "2probe", { _placeholder: false, num: 0 }]],
};

const servers = {};
before(async () => {
  for (const name of ["clients", "msgpack"]) servers[name] = await Profile.start(name);
  servers.fiber = await Profile.startFiber("clients");
});
after(() => Promise.all(Object.values(servers).map((server) => server.stop())));

for (const [number, version] of Object.entries(versions)) {
  for (const [mode, transports] of Object.entries(modes)) {
    describe(`client ${number} over ${mode}`, () => {
      const server = () => servers[version.profile];
      const connect = (t, path = "/", options = {}) => connected(t, version, server().url + path, { transports, ...options });

      test("connects, and server and client agree on the id", async (t) => {
        const socket = await connect(t);
        assert.equal(socket.io.engine.transport.name, transports.at(-1));
        const [{ id }] = await ask(socket, "who");
        assert.match(id, /^[A-Za-z0-9_-]{20}$/);
        assert.equal(socket.id, id);
      });

      test("arguments of every kind, in events and acknowledgements", async (t) => {
        const socket = await connect(t);
        for (const [name, [sent, expected = sent, not]] of Object.entries(lists)) {
          if (number === not) continue;
          const echo = next(socket, "echo");
          socket.emit("echo", ...sent);
          assert.deepEqual(await echo, expected, `${name}, event`);
          assert.deepEqual(await ask(socket, "ack", ...sent), expected, `${name}, acknowledgement`);
        }
      });

      test("the client answers the server", async (t) => {
        const socket = await connect(t);
        socket.on("question", (...args) => args.pop()("answered", ...args));
        for (const [name, [sent, expected = sent, not]] of Object.entries(lists)) {
          if (number === not) continue;
          const answer = next(socket, "answer");
          socket.emit("ask", ...sent);
          assert.deepEqual(await answer, ["answered", ...expected], name);
        }
      });

      test("namespaces share only the connection", async (t) => {
        const socket = await connect(t);
        const other = socket.io.socket("/other");
        if (!other.connected) await next(other, "connect");
        const [[{ id }], [{ id: otherID }]] = [await ask(socket, "who"), await ask(other, "who")];
        assert.notEqual(id, otherID);
        assert.equal(other.id, otherID);
        socket.on("echo", () => assert.fail("an event of another namespace"));
        const echo = next(other, "echo");
        other.emit("echo", 1, bytes(2));
        assert.deepEqual(await echo, [1, bytes(2)]);
        other.disconnect();
        assert.deepEqual(await ask(socket, "ack", "goes on"), ["goes on"]);
      });

      test("query and payload reach the server", async (t) => {
        const socket = await connect(t, "/", { query: { room: "a b", é: "ü" } });
        const [{ query }] = await ask(socket, "who");
        assert.deepEqual([query.room, query["é"], query.transport], ["a b", "ü", transports[0]]);
        assert.equal(query.EIO, number === "2.5.0" ? "3" : "4");
        const other = await connect(t, "/other", version.auth({ token: "abc" }));
        const [{ auth }] = await ask(other, "who");
        assert.equal(auth.token, "abc");
      });

      test("an unknown namespace is refused", async (t) => {
        const socket = open(t, version, server().url + "/unknown", { transports });
        const [reason] = await next(socket, version.refusal);
        assert.equal(reason.message, "Invalid namespace");
      });

      test("a middleware refuses with its data", async (t) => {
        const socket = open(t, version, server().url + "/refusing", { transports, ...version.auth({ code: "7" }) });
        const [reason] = await next(socket, version.refusal);
        if (number === "2.5.0") {
          assert.deepEqual(reason, { code: "7" });
          return;
        }
        assert.ok(reason instanceof Error);
        assert.equal(reason.message, "refused");
        assert.deepEqual(reason.data, { code: "7" });
      });

      describe("both sides know why a socket has disconnected:", () => {
        const cases = {
          "the client leaves": [(socket) => socket.disconnect(), ["io client disconnect"], ["client namespace disconnect"]],
          "the server makes it leave": [(socket) => socket.emit("leave"), ["io server disconnect"], ["server namespace disconnect"]],
          "the server closes the connection": [(socket) => socket.emit("close"), ["io server disconnect"], ["server namespace disconnect"]],
          "the connection is lost": [(socket, proxy) => proxy.cutOff(socket), ["transport close", "transport error"], ["transport close", "transport error"]],
        };
        for (const [name, [end, local, remote]] of Object.entries(cases)) {
          test(name, async (t) => {
            const watcher = await connect(t);
            const proxy = await Proxy.start(t, server());
            const socket = await connected(t, version, proxy.url, { transports, reconnection: false });
            const { id } = socket;
            await ask(socket, "ack"); // the upgrade has also ended on the server
            const told = within(new Promise((resolve) => {
              watcher.on("gone", (who, reason) => { if (who === id) resolve(reason); });
            }), "word of the end");
            const reason = next(socket, "disconnect");
            end(socket, proxy);
            const [[here], there] = [await reason, await told];
            assert.ok(local.includes(here), `the client says ${here}`);
            assert.ok(remote.includes(there), `the server says ${there}`);
          });
        }
      });

      test("reconnects after a lost connection, and sends the events emitted meanwhile", async (t) => {
        const proxy = await Proxy.start(t, server());
        const socket = await connected(t, version, proxy.url, { transports });
        const { id } = socket;
        for (let n = 0; n < 2; n++) {
          const [lost, back] = [next(socket, "disconnect"), next(socket, "connect")];
          proxy.cutOff(socket);
          await lost;
          const answer = ask(socket, "ack", "emitted meanwhile", bytes(n));
          await back;
          assert.deepEqual(await answer, ["emitted meanwhile", bytes(n)]);
          await settled(socket, transports);
        }
        assert.notEqual(socket.id, id);
        assert.deepEqual((await ask(socket, "who"))[0].id, socket.id);
      });

      test("large payloads", async (t) => {
        const socket = await connect(t);
        const text = "é".repeat(350_000); // as base64 still below the limit of 1,000,000 bytes
        assert.deepEqual(await ask(socket, "ack", text), [text]);
        const binary = randomBytes(700_000);
        assert.deepEqual(await ask(socket, "ack", { binary }), [{ binary }]);
        const long = next(socket, "text");
        socket.emit("text", 3_000_000);
        assert.equal((await long)[0].length, 3_000_000);
      });

      test("1,000 messages each way keep their order, from the first moment on", async (t) => {
        const socket = open(t, version, server().url, { transports });
        const expected = Array.from({ length: 1000 }, (_, n) => n);
        const received = { echo: [], many: [] };
        const whole = (name) => within(new Promise((resolve) => {
          socket.on(name, (n) => { if (received[name].push(n) === 1000) resolve(); });
        }), `all of ${name}`);
        const all = Promise.all([whole("echo"), whole("many")]);
        socket.on("connect", async () => {
          socket.emit("many", 1000);
          // In parts, so that some messages are sent at every step of the upgrade.
          for (const n of expected) {
            socket.emit("echo", n, bytes(n % 256));
            if (n % 50 === 0) await new Promise(setImmediate);
          }
        });
        await all;
        await settled(socket, transports);
        assert.deepEqual(received, { echo: expected, many: expected });
        assert.deepEqual(await ask(socket, "ack", "the end"), ["the end"]);
      });
    });
  }
}
