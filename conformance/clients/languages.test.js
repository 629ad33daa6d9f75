// Clients of other languages, each over every way to connect.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { modes, within } from "./client.js";
import { Driver, languages, missing } from "./languages.js";
import { Profile } from "./profile.js";
import { connected, versions } from "./versions.js";

const bytes = (...values) => Buffer.from(values);

/** Lists of arguments that come back as they are. */
const lists = {
  "none": [],
  "text": ["", "hello", "é€😀 \u2028 <b>&amp;</b> \\ \" \u0001"],
  "numbers": [0, 1, -1, 127, 128, 65536, -2147483649, 4294967296, 1.5, -0.1],
  "constants": [true, false, null],
  "objects and arrays": [[], {}, [[[1], []]], { a: { b: [null, { "": "x" }] }, é: "ü" }],
  "900 kB": ["x".repeat(900_000)],
};

/** The same with bytes. */
const binary = {
  "bytes": [bytes(0, 1, 2, 255)],
  "no bytes": [bytes()],
  "bytes at several depths": [{ a: bytes(1), b: [bytes(2), { c: bytes(3) }], e: "text" }, bytes(5, 6)],
  "bytes that make several lines of base64": [randomBytes(57), randomBytes(58), randomBytes(1000)],
  "ten times bytes": Array.from({ length: 10 }, (_, n) => bytes(n, n)),
  "650 kB": [randomBytes(650_000)], // which are 900 kB of base64 with line breaks
};

let server;
before(async () => { server = await Profile.start("clients"); });
after(() => server.stop());

for (const [name, language] of Object.entries(languages)) {
  describe(name, { skip: missing(language) }, () => {
    let driver;
    before(async () => { driver = await Driver.start(language); });
    after(() => driver.stop());

    for (const [mode, transports] of Object.entries(modes)) {
      describe(`over ${mode}`, () => {
        const open = (t, { url = server.url, ...options } = {}) => driver.connect(t, url, { transports, ...options });

        /** Waits until a socket is connected, and the upgrade has ended. */
        async function ready(socket) {
          await socket.next("connect");
          for (;;) {
            const [who] = await socket.ask("who");
            if (who.transport === transports.at(-1)) return who;
          }
        }

        async function connect(t, options) {
          const socket = open(t, options);
          await ready(socket);
          return socket;
        }

        test("connects", async (t) => {
          const { query } = await ready(open(t));
          assert.deepEqual([query.EIO, query.transport], [language.eio, transports[0]]);
        });

        for (const [kind, values] of Object.entries({ "values of every kind": lists, "bytes": binary })) {
          test(`${kind}, in events and acknowledgements`, async (t) => {
            const socket = await connect(t);
            for (const [which, list] of Object.entries(values)) {
              socket.emit("echo", ...list);
              assert.deepEqual(await socket.next("echo"), list, `${which}, event`);
              assert.deepEqual(await socket.ask("ack", ...list), list, `${which}, acknowledgement`);
            }
          });

          test(`${kind}, in answers of the client`, async (t) => {
            const socket = await connect(t);
            for (const [which, list] of Object.entries(values)) {
              socket.emit("ask", ...list);
              assert.deepEqual(await socket.next("question"), list, `${which}, question`);
              assert.deepEqual(await socket.next("answer"), ["answered", ...list], `${which}, answer`);
            }
          });
        }

        test("3 MB from the server", async (t) => {
          const socket = await connect(t);
          socket.emit("text", 3_000_000);
          assert.equal((await socket.next("text"))[0].length, 3_000_000);
        });

        test("a payload reaches a namespace", async (t) => {
          const socket = await connect(t, { namespace: "/other", auth: { token: "abc é" } });
          const [{ auth }] = await socket.ask("who");
          assert.equal(auth.token, "abc é");
        });

        for (const [what, [options, refusal]] of Object.entries({
          "an unknown namespace is refused": [{ namespace: "/unknown" }, { message: "Invalid namespace" }],
          "a middleware refuses": [{ namespace: "/refusing", auth: { quietly: "yes" } }, { message: "refused" }],
          "a middleware refuses with its data": [{ namespace: "/refusing", auth: { code: "7" } }, { message: "refused", data: { code: "7" } }],
        })) {
          test(what, { skip: language.deaf?.(refusal) }, async (t) => {
            const [reason] = await open(t, options).next("refused");
            assert.deepEqual(reason, language.eio === "3" ? refusal.message : refusal);
          });
        }

        test("200 messages each way keep their order, from the first moment on", async (t) => {
          const socket = open(t);
          await socket.next("connect");
          socket.emit("many", 200);
          for (let n = 0; n < 200; n++) socket.emit("echo", n);
          for (const name of ["many", "echo"]) {
            for (let n = 0; n < 200; n++) assert.deepEqual(await socket.next(name), [n], name);
          }
        });

        for (const [what, [end, here, there]] of Object.entries({
          "the client leaves": [(socket) => socket.leave(), language.reasons.left, language.told],
          "the server makes it leave": [(socket) => socket.emit("leave"), language.reasons.dismissed, ["server namespace disconnect"]],
          "the server closes the connection": [(socket) => socket.emit("close"), language.reasons.closed, ["server namespace disconnect"]],
        })) {
          test(`tells both sides why a socket is gone: ${what}`, async (t) => {
            const watcher = await connected(t, versions["4.8.4"], server.url, { transports: ["websocket"] });
            const socket = open(t);
            const { id } = await ready(socket);
            const told = within(new Promise((resolve) => {
              watcher.on("gone", (who, reason) => { if (who === id) resolve(reason); });
            }), "word of the end");
            end(socket);
            const [[reason], remote] = [await socket.next("disconnect"), await told];
            assert.ok(here.includes(reason), `the client says ${reason}`);
            assert.ok(there.includes(remote), `the server says ${remote}`);
          });
        }

        /** Ends the server, and waits for a socket that has lost it and is back. */
        async function restarts(t, end) {
          const server = await Profile.start("clients");
          t.after(() => server.stop());
          const socket = await connect(t, { url: server.url });
          await end(server);
          const [reason] = await socket.next("disconnect");
          assert.match(reason, /^(transport (close|error)|server disconnect)$/);
          await server.start();
          await ready(socket);
          assert.deepEqual(await socket.ask("ack", "back"), ["back"]);
        }

        test("comes back when the server was killed", (t) => restarts(t, (server) => server.kill()));

        test("comes back when the server was stopped", { skip: language.stays[transports.at(-1)] }, (t) => restarts(t, (server) => server.stop()));
      });
    }
  });
}
