// Binary values in both directions: the events that relay a value also relay
// bytes anywhere in it, in events and in acknowledgements.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Decoder } from "socket.io-parser";
import { Client, modes, unique } from "./client.js";
import { Parley } from "./parley.js";

let parley;
before(async () => { parley = await Parley.start(); });
after(() => parley.stop());

const bytes = (...values) => Buffer.from(values);

const values = {
  "a buffer alone": bytes(0, 1, 2, 255),
  "an empty buffer": bytes(),
  "a buffer inside an object": { name: "logo.png", data: bytes(137, 80, 78, 71), size: 4 },
  "buffers at several depths": { a: bytes(1), b: [bytes(2), { c: bytes(3) }], d: [[bytes(4)]], e: "text" },
  "ten buffers": Array.from({ length: 10 }, (_, n) => bytes(n, n)),
  "text that looks like a packet, and a buffer": ["451-[\"x\"]", { _placeholder: "no" }, bytes(30)],
  "300 kB": { data: randomBytes(300_000) },
  "two files of 600 kB": [randomBytes(600_000), randomBytes(600_000)],
};

for (const [mode, transports] of Object.entries(modes)) {
  describe(`binary over ${mode}`, () => {
    for (const [name, value] of Object.entries(values)) {
      test(`message: ${name}`, async (t) => {
        const sender = await Client.connect(t, parley.url, { transports });
        const other = await Client.connect(t, parley.url, { transports });
        const answer = await sender.request("message", value);
        assert.deepEqual(answer.message, value, "acknowledgement");
        const from = ({ id }) => id === sender.id;
        assert.deepEqual((await sender.payload("new-message", from)).message, value, "sender");
        assert.deepEqual((await other.payload("new-message", from)).message, value, "other client");
      });
    }

    test("room-message", async (t) => {
      const sender = await Client.connect(t, parley.url, { transports });
      const member = await Client.connect(t, parley.url, { transports });
      const room = unique("room");
      for (const client of [sender, member]) await client.request("join-room", room);
      const message = { file: bytes(9, 8, 7), parts: [bytes(6)] };
      assert.deepEqual((await sender.request("room-message", { room, message })).message, message);
      assert.deepEqual((await member.payload("room-broadcast")).message, message);
    });

    test("packets with and without binary keep their order", async (t) => {
      const sender = await Client.connect(t, parley.url, { transports });
      const other = await Client.connect(t, parley.url, { transports });
      const sent = Array.from({ length: 40 }, (_, n) => (n % 3 === 0 ? bytes(n) : { n }));
      for (const value of sent) sender.socket.emit("message", value);
      const end = unique("end");
      sender.socket.emit("message", end);
      await other.event("new-message", ({ message }) => message === end);
      const received = other.all("new-message").filter(({ id }) => id === sender.id).map(({ message }) => message);
      assert.deepEqual(received, [...sent, end]);
    });

    test("bytes are refused where text is required", async (t) => {
      const client = await Client.connect(t, parley.url, { transports });
      assert.equal((await client.request("join-room", bytes(1))).error?.code, "invalid");
      const room = unique("room");
      await client.request("join-room", room);
      assert.equal((await client.request("chat-message", { roomId: room, text: bytes(1) })).error?.code, "invalid");
    });
  });
}

test("the default of the official decoder is that of Options.MaxAttachments", () => {
  const placeholders = (n) => Array.from({ length: n }, (_, num) => ({ _placeholder: true, num }));
  const announce = (n) => new Decoder().add(`5${n}-${JSON.stringify(["e", ...placeholders(n)])}`);
  announce(10);
  assert.throws(() => announce(11), /too many attachments/);
});

test("the official decoder has no limit for depth and names: those of Options are Parley's own", () => {
  const decoder = new Decoder();
  const decoded = [];
  decoder.on("decoded", (packet) => decoded.push(packet));
  decoder.add(`2["${"n".repeat(100_000)}",${"[".repeat(1_000)}${"]".repeat(1_000)}]`);
  assert.equal(decoded.length, 1);
});

test("bytes pass between clients on different transports", async (t) => {
  const clients = {};
  for (const [mode, transports] of Object.entries(modes)) clients[mode] = await Client.connect(t, parley.url, { transports });
  for (const [mode, sender] of Object.entries(clients)) {
    const value = { mode, data: randomBytes(5000) };
    sender.socket.emit("message", value);
    for (const receiver of Object.values(clients)) {
      assert.deepEqual((await receiver.payload("new-message", ({ id }) => id === sender.id)).message, value);
    }
  }
});
