// The change from polling to websocket while traffic flows in both directions.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, unique, within } from "./client.js";
import { Parley } from "./parley.js";
import { io } from "socket.io-client";

let parley;
before(async () => { parley = await Parley.start(); });
after(() => parley.stop());

test("nothing is lost, doubled or reordered", async (t) => {
  const watcher = await Client.connect(t, parley.url);
  const count = 300;
  const client = new Client(io(parley.url, { forceNew: true }));
  t.after(() => client.close());
  const name = unique("upgrade");
  const answers = [];
  const upgraded = () => client.socket.io.engine?.transport.name === "websocket";
  // Several bursts, one after another, so that some are sent before, some
  // during and some after the upgrade.
  const flood = async () => {
    for (let n = 0; n < count || !upgraded(); n++) {
      answers.push(client.request("message", { name, n }));
      if (n % 5 === 0) await answers.at(-1);
    }
  };
  await within(flood(), "end of the upgrade", 60_000);
  const acknowledged = await Promise.all(answers);
  const expected = acknowledged.map((_, n) => n);
  assert.deepEqual(acknowledged.map(({ message }) => message.n), expected);
  const last = expected.at(-1);
  for (const receiver of [client, watcher]) {
    await receiver.event("new-message", ({ message }) => message.name === name && message.n === last);
    const received = receiver.all("new-message").filter(({ message }) => message.name === name).map(({ message }) => message.n);
    assert.deepEqual(received, expected);
  }
  assert.equal(client.transport, "websocket");
});

test("many clients upgrade at once", async (t) => {
  const transports = ["polling", "websocket"];
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.connect(t, parley.url, { transports })));
  const text = unique("to all");
  clients[0].socket.emit("message", text);
  for (const client of clients) await client.event("new-message", ({ message }) => message === text);
});

test("events emitted before the connection are sent in order after it", async (t) => {
  const client = new Client(io(parley.url, { forceNew: true }));
  t.after(() => client.close());
  const name = unique("early");
  for (let n = 0; n < 10; n++) client.socket.emit("message", { name, n });
  await client.event("new-message", ({ message }) => message.name === name && message.n === 9);
  assert.deepEqual(client.all("new-message").filter(({ message }) => message.name === name).map(({ message }) => message.n), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
