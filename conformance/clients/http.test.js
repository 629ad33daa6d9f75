// The HTTP routes, and the events that they emit to the official client.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, settled, timestamp, unique } from "./client.js";
import { Parley } from "./parley.js";

let parley;
before(async () => { parley = await Parley.start(); });
after(() => parley.stop());

const json = { "Content-Type": "application/json" };
const get = (path, init) => fetch(parley.url + path, init);
const post = (path, body, headers = json) => get(path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });

async function isProblem(response, status) {
  assert.equal(response.status, status);
  assert.match(response.headers.get("Content-Type"), /^application\/problem\+json/);
  const problem = await response.json();
  assert.equal(problem.status, status);
  assert.ok(problem.title.length > 0);
}

describe("notifications", () => {
  test("GET /notify reaches every client", async (t) => {
    const clients = [await Client.connect(t, parley.url), await Client.connect(t, parley.url, { transports: ["polling"] })];
    const response = await get("/notify");
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { success: true });
    for (const client of clients) {
      const notification = await client.payload("notification");
      assert.match(notification.timestamp, timestamp);
      assert.deepEqual(notification, { type: "info", message: "New notification", timestamp: notification.timestamp });
    }
  });

  test("POST /api/notifications reaches everyone, a room or a user", async (t) => {
    const [everyone, inRoom, asUser] = [await Client.connect(t, parley.url), await Client.connect(t, parley.url), await Client.connect(t, parley.url)];
    const [room, user] = [unique("room"), unique("user")];
    await inRoom.request("join-room", room);
    await asUser.request("user-online", user);
    const cases = [
      [{}, [everyone, inRoom, asUser]],
      [{ room }, [inRoom]],
      [{ user }, [asUser]],
    ];
    for (const [target, receivers] of cases) {
      const response = await post("/api/notifications", { type: "warning", message: "Rain <soon>", ...target });
      assert.equal(response.status, 202);
      const answer = await response.json();
      assert.match(answer.timestamp, timestamp);
      assert.deepEqual(answer, { id: answer.id, type: "warning", message: "Rain <soon>", timestamp: answer.timestamp });
      for (const client of [everyone, inRoom, asUser]) {
        await settled(client);
        assert.deepEqual(client.all("notification"), receivers.includes(client) ? [answer] : []);
        client.forget();
      }
    }
  });

  test("bad input is refused and reaches no client", async (t) => {
    const client = await Client.connect(t, parley.url);
    const good = { type: "info", message: "x" };
    await isProblem(await post("/api/notifications", good, { "Content-Type": "text/plain" }), 415);
    await isProblem(await post("/api/notifications", "{"), 400);
    for (const bad of [{}, { type: "info" }, { message: "x" }, { ...good, message: 5 }, { ...good, message: "" }, { ...good, room: "" }, { ...good, message: "x".repeat(4097) }]) {
      const response = await post("/api/notifications", bad);
      await isProblem(response, response.status === 400 ? 400 : 422);
    }
    await settled(client);
    assert.deepEqual(client.all("notification"), []);
  });
});

describe("live data", () => {
  test("POST /api/data stores, answers and emits the item", async (t) => {
    const clients = [await Client.connect(t, parley.url), await Client.connect(t, parley.url, { transports: ["polling"] })];
    const key = unique("key/with a slash & ünicode");
    for (const value of [21.5, "text", null, { a: [1, { b: true }] }, [], false]) {
      const response = await post("/api/data", { key, value });
      assert.equal(response.status, 200);
      const item = await response.json();
      assert.match(item.updatedAt, timestamp);
      assert.deepEqual(item, { key, value, updatedAt: item.updatedAt });
      for (const client of clients) assert.deepEqual(await client.payload("data-updated", (each) => each.key === key), item);
      assert.deepEqual(await (await get(`/api/data/${encodeURIComponent(key)}`)).json(), item);
      const { items } = await (await get("/api/data")).json();
      assert.deepEqual(items.filter((each) => each.key === key), [item]);
    }
  });

  test("an unknown key is 404, bad input is refused and stores nothing", async () => {
    await isProblem(await get(`/api/data/${unique("unknown")}`), 404);
    const key = unique("key");
    await isProblem(await post("/api/data", { key, value: 1 }, { "Content-Type": "application/x-www-form-urlencoded" }), 415);
    await isProblem(await post("/api/data", `{"key":"${key}","value":`), 400);
    for (const bad of [{ key }, { value: 1 }, { key: "", value: 1 }, { key: 5, value: 1 }]) {
      const response = await post("/api/data", bad);
      await isProblem(response, response.status === 400 ? 400 : 422);
    }
    await isProblem(await get(`/api/data/${key}`), 404);
  });
});

describe("history", () => {
  test("GET /api/rooms/{room}/messages pages like chat-history", async (t) => {
    const client = await Client.connect(t, parley.url);
    const room = unique("room & more");
    await client.request("join-room", room);
    for (const text of ["1", "2", "3"]) await client.request("chat-message", { roomId: room, text });
    const path = `/api/rooms/${encodeURIComponent(room)}/messages`;
    const first = await (await get(`${path}?limit=2`)).json();
    assert.deepEqual(first, await client.request("chat-history", { roomId: room, limit: 2 }));
    const second = await (await get(`${path}?limit=2&before=${first.next}`)).json();
    assert.deepEqual([...first.messages, ...second.messages].map(({ text }) => text), ["3", "2", "1"]);
    assert.equal(second.next, null);
    for (const query of ["limit=0", "limit=101", "limit=x", "before=x"]) {
      const response = await get(`${path}?${query}`);
      await isProblem(response, response.status === 400 ? 400 : 422);
    }
  });
});

describe("the rest", () => {
  test("health", async () => {
    for (const path of ["/healthz", "/readyz"]) assert.equal((await get(path)).status, 200, path);
  });

  test("the OpenAPI document names every route, and /docs works offline", async () => {
    const document = await (await get("/openapi.json")).json();
    assert.match(document.openapi, /^3\./);
    for (const path of ["/notify", "/api/notifications", "/api/data", "/api/data/{key}", "/api/rooms/{room}/messages"]) {
      assert.ok(document.paths[path], path);
    }
    const docs = await get("/docs");
    assert.equal(docs.status, 200);
    assert.doesNotMatch(await docs.text(), /(src|href)="https?:/);
  });

  test("the page and its parts", async () => {
    const page = await get("/");
    assert.equal(page.status, 200);
    assert.match(page.headers.get("Content-Type"), /^text\/html/);
    assert.match(page.headers.get("Content-Security-Policy"), /default-src 'none'/);
    assert.equal(await (await get("/test-socketio.html")).text(), await page.text());
    assert.equal((await get("/assets/app.js")).headers.get("Content-Type"), "text/javascript; charset=utf-8");
    assert.equal((await get("/no-such-page")).status, 404);
  });

  test("the client bundles, or a clear error if they were not built", async () => {
    for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"]) {
      const response = await get(`/socket.io/${name}`);
      if (response.status === 404) {
        assert.match(await response.text(), /\w+/);
        continue;
      }
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("Content-Type"), "application/javascript; charset=utf-8");
      const etag = response.headers.get("ETag");
      const again = await get(`/socket.io/${name}`, { headers: { "If-None-Match": etag } });
      assert.equal(again.status, 304);
      assert.equal((await get(`/socket.io/${name}.map`)).headers.get("Content-Type"), "application/json; charset=utf-8");
    }
  });
});
