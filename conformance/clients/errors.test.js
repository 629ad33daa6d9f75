// Requests that the server refuses: the error is the acknowledgement, or the
// event `exception` if the client asked for no acknowledgement.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, modes, settled, unique } from "./client.js";
import { Parley } from "./parley.js";

let parley;
before(async () => { parley = await Parley.start(); });
after(() => parley.stop());

const joined = "joined room";
const refused = [
  ["join-room", "", "invalid"],
  ["join-room", 7, "invalid"],
  ["join-room", null, "invalid"],
  ["join-room", { room: "x" }, "invalid"],
  ["join-room", "x".repeat(129), "invalid"],
  ["join-room", "ü".repeat(65), "invalid"],
  ["leave-room", "", "invalid"],
  ["leave-room", ["x"], "invalid"],
  ["room-message", { room: "some other room", message: "x" }, "forbidden"],
  ["room-message", { room: 1, message: "x" }, "invalid"],
  ["room-message", "text", "invalid"],
  ["chat-message", { roomId: "some other room", text: "x" }, "forbidden"],
  ["chat-message", { roomId: joined, text: "" }, "invalid"],
  ["chat-message", { roomId: joined, text: "x".repeat(4097) }, "invalid"],
  ["chat-message", { roomId: joined, text: 5 }, "invalid"],
  ["chat-message", { roomId: joined }, "invalid"],
  ["chat-message", null, "invalid"],
  ["chat-history", { roomId: "some other room" }, "forbidden"],
  ["chat-history", { roomId: joined, limit: -1 }, "invalid"],
  ["chat-history", { roomId: joined, limit: 101 }, "invalid"],
  ["chat-history", { roomId: joined, limit: "many" }, "invalid"],
  ["chat-history", { roomId: joined, before: "not an id" }, "invalid"],
  ["user-online", "", "invalid"],
  ["user-online", 5, "invalid"],
  ["user-online", { id: "x" }, "invalid"],
];

for (const [mode, transports] of Object.entries(modes)) {
  describe(`errors over ${mode}`, () => {
    const connect = (t) => Client.connect(t, parley.url, { transports });

    test("with an acknowledgement", async (t) => {
      const client = await connect(t);
      await client.request("join-room", joined);
      for (const [event, payload, code] of refused) {
        const answer = await client.request(event, payload);
        const said = `${event} ${JSON.stringify(payload)?.slice(0, 60)} answered ${JSON.stringify(answer)}`;
        assert.deepEqual(Object.keys(answer), ["error"], said);
        assert.equal(answer.error.code, code, said);
        assert.ok(typeof answer.error.message === "string" && answer.error.message.length > 0, said);
      }
      await settled(client);
      assert.deepEqual(client.all("exception"), []);
    });

    test("without an acknowledgement, to the sender only", async (t) => {
      const [client, other] = [await connect(t), await connect(t)];
      await client.request("join-room", joined);
      await other.request("join-room", joined);
      for (const [event, payload, code] of refused) {
        client.socket.emit(event, payload);
        const exception = await client.payload("exception");
        assert.equal(exception.event, event);
        assert.equal(exception.code, code, `${event} ${JSON.stringify(payload)?.slice(0, 60)}`);
        assert.ok(exception.message.length > 0);
      }
      await settled(other);
      assert.deepEqual(other.all("exception"), []);
    });

    test("no payload at all", async (t) => {
      const client = await connect(t);
      for (const event of ["join-room", "leave-room", "room-message", "chat-message", "chat-history", "user-online"]) {
        assert.equal((await client.request(event)).error?.code, "invalid", event);
      }
    });

    test("the connection stays open, and nothing is saved in part", async (t) => {
      const client = await connect(t);
      const room = unique("room");
      await client.request("join-room", room);
      await client.request("chat-message", { roomId: room, text: "" });
      assert.deepEqual((await client.request("chat-history", { roomId: room })).messages, []);
      assert.equal(client.all("disconnect").length, 0);
    });

    test("the longest names and texts are accepted", async (t) => {
      const client = await connect(t);
      const room = unique("r").padEnd(128, "r");
      assert.equal((await client.request("join-room", room)).room, room);
      for (const text of ["x".repeat(4096), "ü".repeat(4096), "👍".repeat(4096)]) {
        assert.equal((await client.request("chat-message", { roomId: room, text })).text, text);
      }
    });

    test("leaving a room ends the right to write and to read", async (t) => {
      const client = await connect(t);
      const room = unique("room");
      await client.request("join-room", room);
      await client.request("leave-room", room);
      assert.equal((await client.request("room-message", { room, message: "x" })).error?.code, "forbidden");
      assert.equal((await client.request("chat-message", { roomId: room, text: "x" })).error?.code, "forbidden");
      assert.equal((await client.request("chat-history", { roomId: room })).error?.code, "forbidden");
    });

    test("a client cannot join the room of a socket or of a user by its name", async (t) => {
      const [bob, spy] = [await connect(t), await connect(t)];
      const user = unique("bob");
      await bob.request("user-online", user);
      for (const room of [bob.id, `user:${user}`, `room:${bob.id}`, user]) await spy.request("join-room", room);
      const post = await fetch(`${parley.url}/api/notifications`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ type: "info", message: "for bob", user }),
      });
      assert.equal(post.status, 202);
      await bob.event("notification", ({ message }) => message === "for bob");
      await settled(spy);
      assert.deepEqual(spy.all("notification"), []);
    });
  });
}
