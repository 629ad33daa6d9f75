// Every event of the backend's contract, with the official client, over each
// transport.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, modes, settled, timestamp, unique } from "./client.js";
import { Parley } from "./parley.js";

let parley;
before(async () => { parley = await Parley.start(); });
after(() => parley.stop());

for (const [mode, transports] of Object.entries(modes)) {
  describe(`events over ${mode}`, () => {
    const connect = (t) => Client.connect(t, parley.url, { transports });

    /** Connects clients that are all in a new room. */
    async function together(t, ...users) {
      const room = unique("room");
      const clients = [];
      for (const user of users) {
        const client = await connect(t);
        if (user) await client.request("user-online", user);
        await client.request("join-room", room);
        clients.push(client);
      }
      for (const client of clients) {
        await settled(client);
        client.forget();
      }
      return [room, ...clients];
    }

    test("the transport is the requested one", async (t) => {
      const client = await connect(t);
      assert.equal(client.transport, transports.at(-1));
    });

    describe("message", () => {
      test("reaches every client and the sender, and is acknowledged with the same object", async (t) => {
        const [sender, other] = [await connect(t), await connect(t)];
        const text = unique("hello, wörld 👋");
        const answer = await sender.request("message", text);
        assert.deepEqual(Object.keys(answer).sort(), ["id", "message", "timestamp", "user"]);
        assert.equal(answer.id, sender.id);
        assert.equal(answer.user, null);
        assert.equal(answer.message, text);
        assert.match(answer.timestamp, timestamp);
        const mine = ({ message }) => message === text;
        assert.deepEqual(await sender.payload("new-message", mine), answer);
        assert.deepEqual(await other.payload("new-message", mine), answer);
      });

      test("carries any JSON value as it is", async (t) => {
        const [sender, other] = [await connect(t), await connect(t)];
        const values = ["", 0, -1.5, 12345678901234, true, false, null, [], {}, [[[1]]], { a: { b: [null, "x"] } }, "\u2028 <b>&amp;</b> \\ \" \u0001"];
        for (const value of values) {
          assert.deepEqual((await sender.request("message", value)).message, value);
          const from = ({ id }) => id === sender.id;
          assert.deepEqual((await other.payload("new-message", from)).message, value);
        }
      });

      test("needs no acknowledgement", async (t) => {
        const client = await connect(t);
        const text = unique("no ack");
        client.socket.emit("message", text);
        const { id } = await client.payload("new-message", ({ message }) => message === text);
        assert.equal(id, client.id);
      });

      test("names the user of the sender", async (t) => {
        const client = await connect(t);
        const user = unique("user");
        await client.request("user-online", user);
        assert.equal((await client.request("message", "x")).user, user);
      });
    });

    describe("join-room and leave-room", () => {
      test("answer with the room and its members, and notify the other members", async (t) => {
        const room = unique("room");
        const [first, second, outsider] = [await connect(t), await connect(t), await connect(t)];
        const user = unique("user");
        await second.request("user-online", user);

        assert.deepEqual(await first.request("join-room", room), { room, members: [{ id: first.id, user: null }] });
        const answer = await second.request("join-room", room);
        assert.equal(answer.room, room);
        const byID = (a, b) => (a.id < b.id ? -1 : 1);
        assert.deepEqual(answer.members.sort(byID), [{ id: first.id, user: null }, { id: second.id, user }].sort(byID));

        const joined = await first.payload("user-joined");
        assert.match(joined.timestamp, timestamp);
        assert.deepEqual(joined, { id: second.id, user, room, timestamp: joined.timestamp });

        assert.deepEqual(await second.request("leave-room", room), { room });
        const left = await first.payload("user-left");
        assert.match(left.timestamp, timestamp);
        assert.deepEqual(left, { id: second.id, user, room, timestamp: left.timestamp });

        await Promise.all([settled(second), settled(outsider)]);
        for (const client of [second, outsider]) {
          assert.deepEqual(client.all("user-joined"), []);
          assert.deepEqual(client.all("user-left"), []);
        }
      });

      test("a disconnect leaves the rooms", async (t) => {
        const [room, stays, goes] = await together(t, null, null);
        const { id } = goes;
        goes.close();
        const left = await stays.payload("user-left");
        assert.deepEqual([left.id, left.room], [id, room]);
        assert.deepEqual((await stays.request("join-room", room)).members, [{ id: stays.id, user: null }]);
      });

      test("joining twice and leaving a room that was not joined succeed and emit nothing", async (t) => {
        const [room, first, second] = await together(t, null, null);
        assert.equal((await second.request("join-room", room)).members.length, 2);
        const other = unique("other");
        assert.deepEqual(await second.request("leave-room", other), { room: other });
        await second.request("leave-room", room);
        assert.deepEqual(await second.request("leave-room", room), { room });
        await settled(first);
        assert.deepEqual(first.all("user-joined"), []);
        assert.equal(first.all("user-left").length, 1);
      });
    });

    describe("room-message", () => {
      test("reaches the room and the sender, and no other client", async (t) => {
        const user = unique("user");
        const [room, sender, member] = await together(t, user, null);
        const outsider = await connect(t);
        const message = { text: "hi", n: [1, 2] };
        const answer = await sender.request("room-message", { room, message });
        assert.match(answer.timestamp, timestamp);
        assert.deepEqual(answer, { id: sender.id, user, room, message, timestamp: answer.timestamp });
        assert.deepEqual(await sender.payload("room-broadcast"), answer);
        assert.deepEqual(await member.payload("room-broadcast"), answer);
        await settled(outsider);
        assert.deepEqual(outsider.all("room-broadcast"), []);
      });

      test("keeps the order of the sender", async (t) => {
        const [room, sender, member] = await together(t, null, null);
        const sent = Array.from({ length: 50 }, (_, n) => n);
        for (const message of sent) sender.socket.emit("room-message", { room, message });
        await member.event("room-broadcast", ({ message }) => message === sent.at(-1));
        assert.deepEqual(member.all("room-broadcast").map(({ message }) => message), sent);
      });
    });

    describe("chat-message", () => {
      test("is saved, answered, and emitted to the others of the room", async (t) => {
        const user = unique("user");
        const [room, sender, member] = await together(t, user, null);
        const outsider = await connect(t);
        const text = "a ünicode text 👍 <script>alert(1)</script>";
        const answer = await sender.request("chat-message", { roomId: room, text, clientMessageId: "c1" });
        assert.equal(typeof answer.id, "string");
        assert.match(answer.createdAt, timestamp);
        assert.deepEqual(answer, { id: answer.id, roomId: room, user, text, clientMessageId: "c1", createdAt: answer.createdAt });
        assert.deepEqual(await member.payload("new-chat-message"), answer);
        await Promise.all([settled(sender), settled(outsider)]);
        assert.deepEqual(sender.all("new-chat-message"), []);
        assert.deepEqual(outsider.all("new-chat-message"), []);
        assert.deepEqual(await member.request("chat-history", { roomId: room }), { messages: [answer], next: null });
      });

      test("works without user, clientMessageId and acknowledgement", async (t) => {
        const [room, sender, member] = await together(t, null, null);
        sender.socket.emit("chat-message", { roomId: room, text: "x" });
        const saved = await member.payload("new-chat-message");
        assert.equal(saved.user, null);
        assert.equal(saved.clientMessageId, null);
      });

      test("the same clientMessageId is saved once and emitted once", async (t) => {
        const [room, sender, member] = await together(t, unique("user"), null);
        const first = await sender.request("chat-message", { roomId: room, text: "first", clientMessageId: "same" });
        const repeats = await Promise.all([
          sender.request("chat-message", { roomId: room, text: "first", clientMessageId: "same" }),
          sender.request("chat-message", { roomId: room, text: "changed", clientMessageId: "same" }),
        ]);
        assert.deepEqual(repeats, [first, first]);
        await settled(member);
        assert.deepEqual(member.all("new-chat-message"), [first]);
        assert.deepEqual((await sender.request("chat-history", { roomId: room })).messages, [first]);
      });

      test("a clientMessageId counts per user and room", async (t) => {
        const user = unique("user");
        const [room, first, again, other, guest, guest2] = await together(t, user, user, unique("other"), null, null);
        const elsewhere = unique("elsewhere");
        await first.request("join-room", elsewhere);
        const send = async (client, roomId) => (await client.request("chat-message", { roomId, text: "x", clientMessageId: "k" })).id;
        const id = await send(first, room);
        assert.equal(await send(again, room), id, "another connection of the same user");
        const ids = [id, await send(other, room), await send(guest, room), await send(guest2, room), await send(first, elsewhere)];
        assert.equal(new Set(ids).size, ids.length);
      });
    });

    describe("chat-history", () => {
      test("pages through everything, newest first", async (t) => {
        const [room, client] = await together(t, null);
        const saved = [];
        for (let n = 0; n < 7; n++) saved.push(await client.request("chat-message", { roomId: room, text: String(n) }));
        assert.deepEqual(saved.map(({ id }) => id).sort(), saved.map(({ id }) => id), "ids sort by time");

        const read = [];
        const sizes = [];
        let before;
        do {
          const page = await client.request("chat-history", { roomId: room, limit: 3, ...(before && { before }) });
          read.push(...page.messages);
          sizes.push(page.messages.length);
          before = page.next;
        } while (before !== null);
        assert.deepEqual(read, saved.reverse());
        assert.deepEqual(sizes, [3, 3, 1]);
      });

      test("a page that takes exactly the rest has no next", async (t) => {
        const [room, client] = await together(t, null);
        for (const text of ["1", "2"]) await client.request("chat-message", { roomId: room, text });
        const { messages, next } = await client.request("chat-history", { roomId: room, limit: 2 });
        assert.deepEqual([messages.length, next], [2, null]);
      });

      test("is empty for a new room, and holds 100 messages at most", async (t) => {
        const [room, client] = await together(t, null);
        assert.deepEqual(await client.request("chat-history", { roomId: room }), { messages: [], next: null });
        const sends = Array.from({ length: 101 }, (_, n) => client.request("chat-message", { roomId: room, text: String(n) }));
        await Promise.all(sends);
        const { messages, next } = await client.request("chat-history", { roomId: room, limit: 100 });
        assert.deepEqual([messages.length, messages[0].text, typeof next], [100, "100", "string"]);
      });
    });

    describe("user-online", () => {
      test("answers with the sorted users and tells every client", async (t) => {
        const [a, b, watcher] = [await connect(t), await connect(t), await connect(t)];
        const [ann, zoe] = [unique("ann"), unique("zoe")];
        const online = (client, ...users) => client.payload("users-online", (list) => users.every((user) => list.includes(user)));

        const first = await b.request("user-online", zoe);
        assert.ok(first.includes(zoe));
        await online(watcher, zoe); // users of other tests may have left after the answer
        const second = await a.request("user-online", ann);
        assert.ok(second.includes(ann) && second.includes(zoe));
        assert.deepEqual(second, [...second].sort());
        const told = await Promise.all([a, b, watcher].map((client) => online(client, ann, zoe)));
        for (const list of told) assert.deepEqual(list, told[0]);
        assert.deepEqual(told[0], [...told[0]].sort());
      });

      test("a user with two connections is listed once", async (t) => {
        const [a, b] = [await connect(t), await connect(t)];
        const user = unique("user");
        await a.request("user-online", user);
        const list = await b.request("user-online", user);
        assert.equal(list.filter((each) => each === user).length, 1);
      });

      test("a second one replaces the first", async (t) => {
        const client = await connect(t);
        const [before, later] = [unique("before"), unique("later")];
        await client.request("user-online", before);
        await client.request("user-online", later);
        assert.equal((await client.request("message", "x")).user, later);
        await client.event("users-online", (list) => list.includes(later) && !list.includes(before));
      });
    });
  });
}
