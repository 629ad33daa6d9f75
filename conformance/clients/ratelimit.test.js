// A client that sends too many events receives errors and is disconnected; other clients are not affected.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, modes } from "./client.js";
import { Parley } from "./parley.js";

const rate = 0.01; // the first event is allowed, and no other during the test

let parley;
before(async () => { parley = await Parley.start("--rate-limit", `${rate}`, "--rate-limit-disconnect", "4"); });
after(() => parley.stop());

const isWait = (ms) => assert.ok(Number.isInteger(ms) && ms > 0 && ms <= 1000 / rate, `retryAfter ${ms}`);

for (const [mode, transports] of Object.entries(modes)) {
  describe(`rate limits over ${mode}`, () => {
    test("refuse, and in the end disconnect", async (t) => {
      const client = await Client.connect(t, parley.url, { transports });
      const other = await Client.connect(t, parley.url, { transports });
      const room = `limited over ${mode}`;
      assert.equal((await client.request("join-room", room)).room, room);

      const { error, ...rest } = await client.request("join-room", room);
      assert.deepEqual(rest, {});
      assert.equal(error.code, "rate_limited");
      assert.equal(error.message, "too many events");
      isWait(error.data.retryAfter);

      for (const event of ["join-room", "of no handler"]) {
        client.socket.emit(event, room);
        const { retryAfter, ...said } = await client.payload("exception");
        assert.deepEqual(said, { event, code: "rate_limited", message: "too many events" });
        isWait(retryAfter);
      }

      client.socket.emit("of no handler");
      assert.equal(await client.payload("disconnect"), "io server disconnect");
      assert.equal(client.socket.active, false); // it does not reconnect by itself
      assert.equal((await other.request("join-room", room)).room, room);
    });
  });
}
