// The page in a real browser, used as a person uses it: two tabs, a restart of
// the server, a phone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, unique } from "./client.js";
import { become, bubble, connect, disconnect, enter, go, join, member, missing, online, reconnect, say, sees, Stage } from "./page.js";

describe("the page", { skip: missing }, () => {
  let stage;
  before(async () => { stage = await Stage.start("--presence-grace", "300ms"); });
  after(() => stage?.stop());

  test("shows the transport and its upgrade", async (t) => {
    const page = await stage.open(t);
    await connect(page, "Polling, then upgrade");
    await sees(page, "#transport-text", /^Upgraded to WebSocket after \d+ ms\.$/);
    await sees(page, "#status", "Connected over WebSocket");
    await sees(page, "#fact-transport", "websocket");
    assert.match(await page.locator("#fact-id").textContent(), /^\S{10,}$/);
    await page.locator(".log-name", { hasText: /^upgrade$/ }).first().waitFor();

    await connect(page, "WebSocket only");
    await sees(page, "#status", "Connected over WebSocket");
    await sees(page, "#transport-text", "Straight to WebSocket");

    await connect(page, "Polling only");
    await sees(page, "#status", "Connected over polling");
  });

  test("sends the token in the handshake, and does not store it", async (t) => {
    const page = await stage.open(t);
    await disconnect(page);
    const handshake = page.waitForRequest((request) => request.method() === "POST" && (request.postData() ?? "").startsWith("40"));
    await page.getByLabel("Auth token").fill("s3cret");
    await reconnect(page);
    assert.equal((await handshake).postData(), '40{"token":"s3cret"}');
    assert.doesNotMatch(await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }])), /s3cret/);
  });

  test("two tabs chat in one room, and a restart loses no message", async (t) => {
    const room = unique("garden");
    const [alice, bob] = [await stage.open(t), await stage.open(t)];
    await enter(alice, "alice", room);
    await enter(bob, "bob", room);
    await member(alice, "bob").waitFor();

    const harmless = 'Is <b>this</b> text? <img src=x onerror="document.title=1">';
    await say(alice, harmless);
    await bubble(bob, harmless).waitFor();
    await bubble(alice, harmless).waitFor();
    await sees(alice, ".message-foot", "saved");
    await say(bob, "It is.");
    await bubble(alice, "It is.").waitFor();

    await bob.getByLabel("Keep in the history").uncheck();
    await say(bob, "only passing by");
    await bubble(alice, "only passing by").waitFor();
    await bob.getByLabel("Keep in the history").check();

    await stage.parley.stop();
    for (const page of [alice, bob]) await sees(page, "#status", "Reconnecting");
    await stage.parley.start();
    for (const page of [alice, bob]) {
      await sees(page, "#status", "Connected over WebSocket");
      await sees(page, "#fact-reconnects", "1");
      await online(page, "bob").waitFor();
      await bubble(page, "It is.").waitFor();
    }

    // Both are in the room again without any action of the users.
    await member(alice, "bob").waitFor();
    await say(bob, "Back again.");
    await bubble(alice, "Back again.").waitFor();
    assert.equal(await bubble(alice, "It is.").count(), 1, "no message is shown twice");

    // A new user reads the saved messages, also those from before the restart.
    const carol = await stage.open(t);
    await enter(carol, "carol", room);
    for (const text of [harmless, "It is.", "Back again."]) await bubble(carol, text).waitFor();
    assert.equal(await bubble(carol, "only passing by").count(), 0);
  });

  test("shows users that join and leave", async (t) => {
    const room = unique("door");
    const [alice, bob] = [await stage.open(t), await stage.open(t)];
    await enter(alice, "alice", room);
    await enter(bob, "bob", room);
    await online(alice, "bob").waitFor();
    await alice.getByText("bob joined").waitFor();
    await bob.getByRole("button", { name: "Disconnect" }).click();
    await alice.getByText("bob left").waitFor();
    await online(alice, "bob").waitFor({ state: "detached" });
  });

  test("shows the new name of a member", async (t) => {
    const room = unique("masks");
    const [alice, guest] = [await stage.open(t), await Client.connect(t, stage.parley.url)];
    await enter(alice, "alice", room);
    await guest.request("join-room", room);
    await member(alice, `guest ${guest.id.slice(0, 4)}`).waitFor();
    await guest.request("user-online", "zorro");
    await member(alice, "zorro").waitFor();
    await become(alice, "alicia");
    await member(alice, "alicia").waitFor();
  });

  test("reads the history page by page", async (t) => {
    const room = unique("archive");
    const writer = await Client.connect(t, stage.parley.url);
    await writer.request("join-room", room);
    for (let n = 1; n <= 70; n++) await writer.request("chat-message", { roomId: room, text: `message ${n}.` });
    const page = await stage.open(t);
    await enter(page, "reader", room);
    await bubble(page, "message 70.").waitFor();
    const older = page.getByRole("button", { name: "Load older messages" });
    await older.click();
    await bubble(page, "message 11.").waitFor();
    await older.click();
    await page.getByText("This is the beginning of the room.").waitFor();
    const texts = await page.locator("#messages-slot .bubble").allTextContents();
    assert.deepEqual(texts, Array.from({ length: 70 }, (_, n) => `message ${n + 1}.`));
  });

  test("sends to everyone, text and JSON", async (t) => {
    const [one, two] = [await stage.open(t), await stage.open(t)];
    for (const page of [one, two]) {
      await connect(page);
      await go(page, "Everyone");
    }
    const text = unique("to all");
    await one.getByLabel("Message to everyone").fill(text);
    await one.keyboard.press("Enter");
    await two.locator(".bubble", { hasText: text }).waitFor();
    await one.getByLabel("Send as JSON").check();
    await one.getByLabel("Message to everyone").fill('{"broken":');
    await one.keyboard.press("Enter");
    await sees(one, "#everyone-form .error", "This is not JSON");
    await one.getByLabel("Message to everyone").fill('{"a":[1,null]}');
    await one.keyboard.press("Enter");
    await two.locator(".bubble", { hasText: '{"a":[1,null]}' }).waitFor();
  });

  test("shows notifications", async (t) => {
    const [sender, receiver] = [await stage.open(t), await stage.open(t)];
    for (const page of [sender, receiver]) await connect(page);
    await become(receiver, "nora");
    await go(sender, "Alerts");
    await sender.getByRole("button", { name: "Call GET /notify" }).click();
    await sender.locator(".alert", { hasText: "New notification" }).waitFor();
    await receiver.locator(".toast", { hasText: "New notification" }).waitFor();

    await sender.getByLabel("Type").selectOption("warning");
    await sender.getByLabel("To", { exact: true }).selectOption("user");
    await sender.getByLabel("User", { exact: true }).fill("nora");
    await sender.getByLabel("Notification", { exact: true }).fill("Only for Nora");
    await sender.getByRole("button", { name: "Send", exact: true }).click();
    await receiver.locator(".toast", { hasText: "Only for Nora" }).waitFor();
    await go(receiver, "Alerts");
    await receiver.locator('.alert[data-tone="warning"]', { hasText: "Only for Nora" }).waitFor();
    assert.equal(await sender.locator(".alert", { hasText: "Only for Nora" }).count(), 0);
  });

  test("updates the data", async (t) => {
    const [writer, reader] = [await stage.open(t), await stage.open(t)];
    for (const page of [writer, reader]) {
      await connect(page);
      await go(page, "Live data");
    }
    const key = unique("temperature");
    for (const value of ["21.5", '{"celsius":22}', "rather warm"]) {
      await writer.getByLabel("Key").fill(key);
      await writer.getByLabel("Value").fill(value);
      await writer.getByRole("button", { name: "Store" }).click();
      const row = reader.getByRole("row", { name: key });
      await row.getByText(value, { exact: true }).waitFor();
      assert.equal(await row.count(), 1);
    }
    const late = await stage.open(t, { path: "/#/data" });
    await late.getByRole("row", { name: key }).getByText("rather warm").waitFor();
  });

  test("logs every event in and out", async (t) => {
    const page = await stage.open(t, { path: "/test-socketio.html" });
    await connect(page);
    const room = unique("logged");
    await join(page, room);
    const rows = page.locator(".log-entries > li:visible");
    const out = rows.filter({ hasText: "join-room" }).and(page.locator('[data-direction="out"]'));
    const into = rows.filter({ hasText: "join-room" }).and(page.locator('[data-direction="in"]'));
    await out.getByText(room).waitFor();
    await into.getByText(/answer, \d+ ms/).waitFor();
    await into.locator("summary").click();
    await into.locator("pre", { hasText: `"room": "${room}"` }).waitFor();

    await page.getByLabel("Direction").selectOption("out");
    await into.waitFor({ state: "detached" });
    await page.getByLabel("Filter the log").fill("join-room");
    assert.equal(await rows.count(), 1);
    await page.getByLabel("Filter the log").fill("");
    await page.getByLabel("Direction").selectOption("");

    await page.getByRole("button", { name: "Pause" }).click();
    await say(page, "unseen");
    await bubble(page, "unseen").waitFor();
    await sees(page, "#log-foot", /paused, \d+ passed by/);
    assert.equal(await rows.filter({ hasText: "unseen" }).count(), 0);
    await page.getByRole("button", { name: "Resume" }).click();
    await say(page, "seen again");
    await rows.filter({ hasText: "seen again" }).first().waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    assert.equal(await rows.count(), 0);
  });

  test("the log is bounded", async (t) => {
    const page = await stage.open(t);
    await connect(page);
    const flood = await Client.connect(t, stage.parley.url);
    for (let n = 0; n < 700; n++) flood.socket.emit("message", `flood ${n}`);
    await page.locator(".log-preview", { hasText: "flood 699" }).waitFor();
    assert.equal(await page.locator(".log-entries > li").count(), 500);
    await sees(page, "#log-foot", "the last 500 are kept");
  });

  test("shows an error beside its cause", async (t) => {
    const page = await stage.open(t);
    await connect(page);
    await page.getByLabel("Room name").fill("ü".repeat(100));
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await sees(page, "#join-form .error", "Room name: must have 1 to 128 bytes");
  });

  test("reports a missing client bundle", async (t) => {
    const context = await stage.browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    await page.route("**/socket.io.min.js", (route) => route.fulfill({ status: 404, contentType: "text/plain", body: "not built" }));
    await page.goto(stage.parley.url);
    await page.getByRole("alert").getByText("npm --prefix backend/web run build").waitFor();
    assert.equal(await page.locator("#connect-button").isDisabled(), true);
  });

  test("fits a phone", async (t) => {
    const room = unique("pocket");
    const friend = await Client.connect(t, stage.parley.url);
    await friend.request("join-room", room);
    const page = await stage.open(t, { width: 390, height: 844, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: "dark" });
    const narrow = async () => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await connect(page);
    await become(page, "pia");
    await go(page, "Rooms");
    await join(page, room);
    await friend.request("chat-message", { roomId: room, text: "word".repeat(200) });
    await bubble(page, "word").waitFor();
    for (const view of ["Connect", "Rooms", "Everyone", "Alerts", "Live data", "Log"]) {
      await go(page, view);
      await narrow();
    }
  });

  for (const [name, width, height] of [["a small phone", 320, 568], ["a phone on its side", 740, 360]]) {
    test(`every element can be reached on ${name}`, async (t) => {
      const page = await stage.open(t, { width, height, hasTouch: true, isMobile: true });
      const box = (locator) => locator.boundingBox();
      const bottom = ({ y, height }) => y + height;
      const bar = page.getByRole("navigation");
      for (const link of await bar.getByRole("link").all()) {
        assert.equal(await link.evaluate((a) => a.scrollWidth <= a.clientWidth), true, `${await link.textContent()} is wider than its place`);
      }
      const heights = await bar.getByRole("link").evaluateAll((links) => links.map((a) => a.offsetHeight));
      assert.equal(new Set(heights).size, 1, `links are ${heights} high`);
      assert.equal(await page.locator("#status-text").evaluate((text) => text.scrollWidth <= text.clientWidth), true);

      // Centred content that does not fit is not cut at either end.
      await go(page, "Rooms");
      const empty = page.locator("#rooms-empty");
      await empty.evaluate((part) => { part.scrollTop = 0; });
      assert.ok((await box(empty.locator(".empty-mark"))).y >= (await box(empty)).y);

      await go(page, "Connect");
      await connect(page);
      assert.equal(await page.locator("#status-text").evaluate((text) => text.scrollWidth <= text.clientWidth), true);
      await go(page, "Rooms");
      await join(page, unique("pocket"));
      await go(page, "Alerts");
      await page.getByLabel("To", { exact: true }).selectOption("room");
      for (const [view, last] of [["Rooms", page.getByText("Keep in the history")], ["Alerts", page.locator("#alert-form [type=submit]")], ["Live data", page.locator("#data-kind")]]) {
        await go(page, view);
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
        assert.ok(bottom(await box(last)) <= (await box(bar)).y, `${view} ends below the bar`);
      }
    });
  }

  test("is aligned", async (t) => {
    for (const width of [1440, 390]) {
      const page = await stage.open(t, { width });
      const left = (locator) => locator.evaluate((element) => element.getBoundingClientRect().left);
      await go(page, "Alerts");
      await sees(page, "#status", /^Connected over/);
      if (width < 820) await go(page, "Connect");
      await disconnect(page);
      assert.equal(await page.locator("#online-count").isVisible(), false, "an unknown number takes no space");
      await reconnect(page);
      await go(page, "Alerts");
      await page.getByRole("button", { name: "Call GET /notify" }).click();
      await page.locator(".alert").waitFor();
      assert.equal(await left(page.locator(".alert-icon")), await left(page.locator("#alerts-title")));
      await go(page, "Live data");
      const key = page.getByLabel("Key");
      assert.ok(await key.evaluate((input) => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.font = getComputedStyle(input).font;
        return canvas.measureText(input.placeholder).width <= input.clientWidth - 22;
      }), "the placeholder is cut");
      if (width < 820) await go(page, "Log");
      assert.equal(await left(page.locator("#log-filter")), await left(page.locator("#log-title")));
    }
  });
});
