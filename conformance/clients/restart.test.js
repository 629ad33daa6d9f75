// The server stops and starts again with the same database: clients reconnect by
// themselves, and no saved message is lost.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, modes, unique } from "./client.js";
import { Parley } from "./parley.js";

for (const [mode, transports] of Object.entries(modes)) {
  describe(`restart over ${mode}`, () => {
    let parley;
    before(async () => { parley = await Parley.start(); });
    after(() => parley.stop());

    test("clients reconnect and find the history", async (t) => {
      const clients = [await Client.connect(t, parley.url, { transports }), await Client.connect(t, parley.url, { transports })];
      const [writer, reader] = clients;
      const room = unique("room");
      const user = unique("user");
      await writer.request("user-online", user);
      for (const client of clients) await client.request("join-room", room);
      const saved = [];
      for (const text of ["before", "the", "restart"]) {
        saved.push(await writer.request("chat-message", { roomId: room, text, clientMessageId: text }));
      }
      const key = unique("key");
      await fetch(`${parley.url}/api/data`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key, value: { n: 1 } }) });
      for (const client of clients) client.forget();

      await parley.stop();
      for (const client of clients) {
        const [reason] = await client.event("disconnect");
        assert.equal(reason, "transport close");
        assert.equal(client.socket.active, true, "the client tries to reconnect");
      }
      await parley.start();
      for (const client of clients) await client.event("connect");

      // A new connection has no room and no user until the client sends them.
      assert.equal((await reader.request("chat-history", { roomId: room })).error?.code, "forbidden");
      await writer.request("user-online", user);
      for (const client of clients) await client.request("join-room", room);
      assert.deepEqual((await reader.request("chat-history", { roomId: room })).messages, [...saved].reverse());
      const { value } = await (await fetch(`${parley.url}/api/data/${key}`)).json();
      assert.deepEqual(value, { n: 1 });

      // A message that is sent again after the restart is not saved again.
      assert.deepEqual(await writer.request("chat-message", { roomId: room, text: "before", clientMessageId: "before" }), saved[0]);
      const next = await writer.request("chat-message", { roomId: room, text: "after" });
      assert.ok(next.id > saved.at(-1).id);
      assert.deepEqual(await reader.payload("new-chat-message"), next);
    });
  });
}

test("events emitted while the server is down arrive after it has restarted", async (t) => {
  const parley = await Parley.start();
  t.after(() => parley.stop());
  const client = await Client.connect(t, parley.url);
  await parley.stop();
  await client.event("disconnect");
  const text = unique("buffered");
  const answer = client.socket.emitWithAck("message", text);
  await parley.start();
  assert.equal((await answer).message, text);
});

test("a shutdown with many clients is quick and clean", async (t) => {
  const parley = await Parley.start();
  const clients = await Promise.all(Object.values(modes).flatMap((transports) =>
    Array.from({ length: 5 }, () => Client.connect(t, parley.url, { transports, reconnection: false }))));
  const started = performance.now();
  await parley.stop(); // throws unless the exit code is 0
  const took = performance.now() - started;
  assert.ok(took < 10_000, `took ${took} ms`);
  for (const client of clients) {
    const [reason] = await client.event("disconnect");
    assert.equal(reason, "transport close");
  }
});
