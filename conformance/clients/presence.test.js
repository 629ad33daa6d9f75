// The list of online users when connections are opened and closed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, settled, unique } from "./client.js";
import { Parley } from "./parley.js";

describe("presence with a short grace", () => {
  const grace = 400;
  let parley;
  before(async () => { parley = await Parley.start("--presence-grace", `${grace}ms`); });
  after(() => parley.stop());

  test("a user goes offline when the grace is over, and not before", async (t) => {
    const [watcher, client] = [await Client.connect(t, parley.url), await Client.connect(t, parley.url)];
    const user = unique("user");
    await client.request("user-online", user);
    await watcher.event("users-online", (list) => list.includes(user));
    const closed = performance.now();
    client.close();
    await watcher.event("users-online", (list) => !list.includes(user));
    const took = performance.now() - closed;
    assert.ok(took >= grace - 20, `left after ${took} ms`);
  });

  test("only the last connection counts", async (t) => {
    const watcher = await Client.connect(t, parley.url);
    const [first, second] = [await Client.connect(t, parley.url), await Client.connect(t, parley.url)];
    const [user, other] = [unique("user"), unique("other")];
    for (const client of [first, second]) await client.request("user-online", user);
    const short = await Client.connect(t, parley.url);
    await short.request("user-online", other);
    const room = unique("room");
    for (const client of [watcher, first]) await client.request("join-room", room);

    // The other user leaves after the first connection of this one: when it has
    // left, the grace of that connection is over too.
    first.close();
    await watcher.event("user-left"); // the server has seen the disconnect
    short.close();
    const list = await watcher.payload("users-online", (users) => !users.includes(other) && users.includes(user));
    assert.ok(list.includes(user));
    second.close();
    await watcher.event("users-online", (users) => !users.includes(user));
  });

  test("a name that is no longer used leaves the list", async (t) => {
    const [watcher, client] = [await Client.connect(t, parley.url), await Client.connect(t, parley.url)];
    const [before, later] = [unique("before"), unique("later")];
    await client.request("user-online", before);
    await watcher.event("users-online", (list) => list.includes(before));
    await client.request("user-online", later);
    await watcher.event("users-online", (list) => list.includes(later) && !list.includes(before));
  });
});

describe("presence with a long grace", () => {
  let parley;
  before(async () => { parley = await Parley.start("--presence-grace", "1h"); });
  after(() => parley.stop());

  test("a user that returns within the grace stays online", async (t) => {
    const watcher = await Client.connect(t, parley.url);
    const user = unique("user");
    const first = await Client.connect(t, parley.url);
    await first.request("user-online", user);
    await watcher.event("users-online", (list) => list.includes(user));
    const room = unique("room");
    await watcher.request("join-room", room);
    await first.request("join-room", room);
    watcher.forget();

    first.close();
    await watcher.event("user-left"); // the server has seen the disconnect
    const second = await Client.connect(t, parley.url);
    assert.ok((await second.request("user-online", user)).includes(user));
    await settled(watcher);
    assert.deepEqual(watcher.all("users-online"), []);
  });

  // In this suite, because no other test changes the list of this server.
  test("a list that has not changed is not emitted again", async (t) => {
    const watcher = await Client.connect(t, parley.url);
    const [first, second] = [await Client.connect(t, parley.url), await Client.connect(t, parley.url)];
    const user = unique("user");
    const list = await first.request("user-online", user);
    assert.deepEqual(await watcher.payload("users-online", (users) => users.includes(user)), list);
    watcher.forget();
    assert.deepEqual(await second.request("user-online", user), list);
    assert.deepEqual(await first.request("user-online", user), list);
    await settled(watcher);
    assert.deepEqual(watcher.all("users-online"), []);
  });
});
