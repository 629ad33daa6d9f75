// Connection state recovery with the official client, through a proxy that loses its connections.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { modes } from "./client.js";
import { Profile } from "./profile.js";
import { Proxy } from "./proxy.js";
import { ask, connected, next, settled, versions } from "./versions.js";

const version = versions["4.8.4"];

let server;
before(async () => { server = await Profile.start("recovery"); });
after(() => server.stop());

/** Ways to lose a connection: the server notices, or does not. */
const losses = {
  "that both sides see": (proxy, socket) => proxy.cutOff(socket),
  "that the server has not noticed": (proxy, socket) => proxy.loseOff(socket),
};

for (const [mode, transports] of Object.entries(modes)) {
  describe(`recovery over ${mode}`, () => {
    /** A client behind a proxy that records the broadcasts it receives, and another client that makes them. */
    async function setup(t) {
      const proxy = await Proxy.start(t, server);
      const socket = await connected(t, version, proxy.url, { transports });
      const heard = [];
      // An offset may follow the arguments.
      socket.on("bc", (n) => heard.push(n));
      socket.on("room", (n) => heard.push(n));
      const other = await connected(t, version, server.url, { transports: ["websocket"] });
      return { proxy, socket, heard, other };
    }

    /** Loses the connection, lets `meanwhile` happen, and waits for the next one. */
    async function away({ proxy, socket }, lose, meanwhile) {
      const [lost, back] = [next(socket, "disconnect"), next(socket, "connect")];
      proxy.down = true;
      lose(proxy, socket);
      await lost;
      await meanwhile();
      proxy.down = false;
      await back;
      await settled(socket, transports);
    }

    /** Broadcasts numbers, and waits until the server has done so. */
    async function broadcast(other, ...numbers) {
      for (const n of numbers) other.emit("bc", n);
      await ask(other, "ack");
    }

    for (const [name, lose] of Object.entries(losses)) {
      test(`a loss ${name}: the same id, and missed events once and in order`, async (t) => {
        const all = await setup(t);
        const { socket, heard, other } = all;
        const { id } = socket;
        assert.equal(socket.recovered, false);
        await broadcast(other, 1, 2);
        await ask(socket, "ack");
        await away(all, lose, () => broadcast(other, 3, 4, 5));
        assert.equal(socket.recovered, true);
        assert.equal(socket.id, id);
        await broadcast(other, 6);
        await ask(socket, "ack");
        assert.deepEqual(heard, [1, 2, 3, 4, 5, 6]);
      });

      test(`a loss ${name}, before any event had been received`, async (t) => {
        const all = await setup(t);
        const { socket, heard, other } = all;
        const { id } = socket;
        await away(all, lose, () => broadcast(other, 1, 2, 3));
        assert.equal(socket.recovered, true);
        assert.equal(socket.id, id);
        await ask(socket, "ack");
        assert.deepEqual(heard, [1, 2, 3]);
      });

      test(`a loss ${name}, again and again`, async (t) => {
        const all = await setup(t);
        const { socket, heard, other } = all;
        const { id } = socket;
        await broadcast(other, 0);
        for (let n = 1; n <= 3; n++) {
          await away(all, lose, () => broadcast(other, n));
          assert.equal(socket.recovered, true);
        }
        await ask(socket, "ack");
        assert.equal(socket.id, id);
        assert.deepEqual(heard, [0, 1, 2, 3]);
      });

      test(`a loss ${name}: rooms, and what the client emitted meanwhile`, async (t) => {
        const all = await setup(t);
        const { socket, heard, other } = all;
        await ask(socket, "join", "r");
        let echo;
        await away(all, lose, async () => {
          echo = next(socket, "echo");
          socket.emit("echo", "meanwhile", Buffer.from([1]));
          other.emit("room", "r", 1);
          other.emit("room", "elsewhere", 2);
          await ask(other, "ack");
        });
        assert.deepEqual((await echo).slice(0, 2), ["meanwhile", Buffer.from([1])]);
        other.emit("room", "r", 3);
        await ask(other, "ack");
        await ask(socket, "ack");
        assert.equal(socket.recovered, true);
        assert.deepEqual(heard, [1, 3]);
      });
    }

    test("a client that has left on purpose is not recovered", async (t) => {
      const { socket, heard, other } = await setup(t);
      const { id } = socket;
      await broadcast(other, 1);
      await ask(socket, "ack");
      socket.disconnect();
      await broadcast(other, 2);
      await next(socket.connect(), "connect");
      await ask(socket, "ack");
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
      assert.deepEqual(heard, [1]);
    });
  });
}

test("a restarted server recovers no client", async (t) => {
  const fresh = await Profile.start("recovery");
  t.after(() => fresh.stop());
  const socket = await connected(t, version, fresh.url, { transports: ["websocket"] });
  const { id } = socket;
  const back = next(socket, "connect");
  await fresh.restart();
  await back;
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
});
