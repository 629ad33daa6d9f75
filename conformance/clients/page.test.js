// What the page does by itself: it connects, reconnects with its name and its rooms, and shows an error beside its input;
// and the documentation that it links to.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { screenshot } from "./chromium.js";
import { Client, unique } from "./client.js";
import { become, bubble, connect, disconnect, enter, go, join, member, missing, online, reconnect, say, sees, Stage } from "./page.js";

describe("the page by itself", { skip: missing }, () => {
  let stage;
  before(async () => { stage = await Stage.start("--presence-grace", "300ms"); });
  after(() => stage?.stop());

  test("connects, and does not reconnect after the user has disconnected", async (t) => {
    const page = await stage.open(t);
    await sees(page, "#status", /^Connected over/);
    await disconnect(page);
    await page.reload();
    await sees(page, "#status", "Not connected");
    assert.equal(await page.locator("#connect-button").textContent(), "Connect");
    await reconnect(page);
    await page.reload();
    await sees(page, "#status", /^Connected over/);
  });

  test("a reload brings back the connection, the name and the rooms", async (t) => {
    const [first, shown, last] = [unique("first"), unique("shown"), unique("last")];
    const page = await stage.open(t);
    await connect(page, "WebSocket only");
    await become(page, "rita");
    for (const room of [first, shown, last]) await join(page, room);
    await page.getByRole("button", { name: shown }).click();
    await say(page, "before the reload");
    await bubble(page, "before the reload").waitFor();

    await page.reload();
    await sees(page, "#transport-text", "Straight to WebSocket");
    await online(page, "rita").waitFor();
    assert.equal(await page.getByLabel("Your name").inputValue(), "rita");
    for (const room of [first, last]) await page.getByRole("button", { name: room }).waitFor();
    await page.getByRole("heading", { name: shown }).waitFor();
    await member(page, "rita").waitFor();
    await bubble(page, "before the reload").waitFor();
  });

  test("a connection with a token is not opened without it", async (t) => {
    const page = await stage.open(t);
    await disconnect(page);
    await page.getByLabel("Auth token").fill("s3cret");
    await reconnect(page);
    await page.reload();
    await sees(page, "#connect-error", "The token is not kept");
    await sees(page, "#status", "Not connected");
  });

  test("sends its name before it joins, also after a reconnection", async (t) => {
    const room = unique("named");
    const friend = await Client.connect(t, stage.parley.url);
    await friend.request("join-room", room);
    friend.socket.on("connect", () => friend.socket.emit("join-room", room));
    const page = await stage.open(t);
    await enter(page, "nina", room);
    assert.equal((await friend.payload("user-joined")).user, "nina");

    friend.forget();
    await stage.parley.restart();
    await sees(page, "#fact-reconnects", "1");
    const seen = [(await friend.payload("user-joined")).user];
    await page.reload();
    await friend.payload("user-left");
    seen.push((await friend.payload("user-joined")).user);
    assert.deepEqual(seen, ["nina", "nina"]);
  });

  test("shows which input is wrong", async (t) => {
    const page = await stage.open(t, { refused: true });
    await connect(page);
    const wrong = page.locator('[aria-invalid="true"]');

    await go(page, "Alerts");
    await page.getByLabel("To", { exact: true }).selectOption("room");
    await page.locator("#alert-name").fill("  ");
    await page.getByLabel("Notification", { exact: true }).fill("hello");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await sees(page, "#alert-form .error", /^Room: /);
    assert.equal(await wrong.getAttribute("id"), "alert-name");
    await page.locator("#alert-name").fill("general");
    assert.equal(await wrong.count(), 0);

    await go(page, "Live data");
    await page.getByLabel("Key").fill("k".repeat(300));
    await page.getByLabel("Value").fill("1");
    await page.getByRole("button", { name: "Store" }).click();
    await sees(page, "#data-form .error", /^Key: /);
    assert.doesNotMatch(await page.locator("#data-form .error").textContent(), /422/);
    assert.equal(await wrong.getAttribute("id"), "data-key");

    await page.getByLabel("Your name").fill("ü".repeat(100));
    await page.locator("#user-form").getByRole("button").click();
    await sees(page, "#user-form .error", "Your name: must have 1 to 128 bytes");
  });
});

describe("the page among many", { skip: missing }, () => {
  let stage;
  before(async () => { stage = await Stage.start("--presence-grace", "0s", "--presence-list-limit", "3"); });
  after(() => stage?.stop());

  test("updates the lists of users and of members", async (t) => {
    const room = unique("crowd");
    const early = await stage.open(t);
    await connect(early);
    const clients = [];
    for (const user of ["u1", "u2", "u3", "u4", "u5"]) {
      const client = await Client.connect(t, stage.parley.url);
      await client.request("user-online", user);
      await client.request("join-room", room);
      clients.push(client);
    }
    const late = await stage.open(t);
    await enter(late, "late", room);
    for (const page of [early, late]) {
      for (const user of ["u1", "u5", "late"]) await online(page, user).waitFor();
      await sees(page, "#online-count", /^6$/);
    }
    for (const user of ["u1", "u5", "late"]) await member(late, user).waitFor();

    clients[0].close();
    for (const page of [early, late]) await online(page, "u1").waitFor({ state: "detached" });
    await member(late, "u1").waitFor({ state: "detached" });
    for (const client of clients.slice(1)) client.close(); // few users again, so the page receives lists
    for (const page of [early, late]) await sees(page, "#online-count", /^1$/);
    await online(early, "late").waitFor();
  });
});

describe("the page below a prefix", { skip: missing }, () => {
  let stage;
  before(async () => { stage = await Stage.start("--base-path", "/some/chat"); });
  after(() => stage?.stop());

  test("finds the server, its data and its documentation", async (t) => {
    const page = await stage.open(t, { path: "" });
    await sees(page, "#status", "Connected over WebSocket");
    await join(page, unique("room"));
    await go(page, "Live data");
    await page.getByLabel("Key").fill("below");
    await page.getByLabel("Value").fill("1");
    await page.getByRole("button", { name: "Store" }).click();
    await page.getByRole("row", { name: "below" }).waitFor();
    await page.getByRole("link", { name: /^API/ }).click();
    await page.locator("#socket-io").getByText('path: "/some/chat/socket.io/"').waitFor();
    await page.locator("#list-data").getByText("Try it").click();
    await page.locator("#list-data").getByRole("button", { name: "Send" }).click();
    await page.locator("#list-data output").getByText("200 OK").waitFor();
  });
});

describe("the documentation", { skip: missing }, () => {
  let stage;
  before(async () => { stage = await Stage.start(); });
  after(() => stage?.stop());

  for (const [name, width, height] of [["desktop", 1280, 900], ["narrow", 1000, 800], ["phone", 390, 844]]) {
    test(`can be reached, and fits, at ${width} px`, async (t) => {
      const page = await stage.open(t, { width, height });
      await connect(page);
      await screenshot(page, `page-${name}`);
      await page.getByRole("link", { name: /^API/ }).click();
      await page.getByRole("heading", { name: "Set a value" }).waitFor();
      await screenshot(page, `docs-${name}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      await page.getByRole("link", { name: "Test page" }).click();
      await sees(page, "#status", /^Connected over/);
    });
  }

  test("offers commands that work", async (t) => {
    const page = await stage.open(t, { path: "/docs", permissions: ["clipboard-read", "clipboard-write"] });
    const operation = page.locator("#put-data");
    await operation.getByRole("button", { name: "Copy" }).click();
    await operation.getByRole("button", { name: "Copied" }).waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const item = JSON.parse(execFileSync("sh", ["-c", `${command} --silent --fail`], { encoding: "utf8" }));
    assert.equal(item.key, "temperature/kitchen");

    await page.locator("#get-data").getByText("Try it").click();
    await page.locator("#get-data").getByRole("button", { name: "Send" }).click();
    await page.locator("#get-data output").getByText("200 OK").waitFor();
  });

  // Each example is sent unchanged and in this order, and the answer must have the fields of the example.
  test("describes the events of Socket.IO correctly", async (t) => {
    const page = await stage.open(t, { path: "/docs" });
    const { client: sent, server: received } = await (await fetch(`${stage.parley.url}/docs/events.json`)).json();
    const client = await Client.connect(t, stage.parley.url);
    for (const { name, payload, answer } of sent.sort((a, b) => (a.name === "leave-room") - (b.name === "leave-room"))) {
      const got = await client.request(name, payload);
      assert.equal(Array.isArray(got), Array.isArray(answer), name);
      if (!Array.isArray(answer)) assert.deepEqual(Object.keys(got).sort(), Object.keys(answer).sort(), name);
      await page.locator(`#${name}`).getByText("emitWithAck").waitFor();
    }
    for (const { name } of received) await page.locator(`#${name}`).getByRole("heading", { name: "Payload" }).waitFor();
  });
});
