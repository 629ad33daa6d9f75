// The look of the page: on a desktop and on a phone, light and dark, axe checks
// each view (names, roles, contrast), and a screenshot is taken of the running
// program. `npm run screenshots` renews the screenshots of the documentation.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { screenshot } from "./chromium.js";
import { Client } from "./client.js";
import { become, bubble, connect, go, join, missing, say, Stage } from "./page.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];

const looks = [
  { name: "desktop", width: 1440, height: 900, colorScheme: "light", room: "general" },
  { name: "desktop-dark", width: 1440, height: 900, colorScheme: "dark", room: "design" },
  { name: "phone", width: 390, height: 844, deviceScaleFactor: 2, colorScheme: "light", room: "lobby" },
  { name: "phone-dark", width: 390, height: 844, deviceScaleFactor: 2, colorScheme: "dark", room: "garden" },
];

const talk = [
  ["alice", "Good morning! Who else is on the new server?"],
  ["bob", "I am. My tab had upgraded to WebSocket before I typed my name."],
  ["alice", "Same here. Now stop the server and start it again."],
  ["bob", "The page came back by itself, and the history is still here. Nice."],
];

const notifications = [["info", "Lunch is ready"], ["success", "Release 1.4.2 is out"], ["warning", "The disk is nearly full"]];
const values = [["build", { version: "1.4.2", green: true }], ["temperature", 21.5], ["visitors", 128]];

describe("the look of the page", { skip: missing }, () => {
  let stage;
  before(async () => { stage = await Stage.start("--presence-grace", "100ms"); });
  after(() => stage?.stop());

  const post = (path, body) => fetch(stage.parley.url + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

  for (const { name, room, ...options } of looks) {
    test(name, async (t) => {
      const page = await stage.open(t, { ...options, reducedMotion: "reduce" });
      const narrow = options.width < 820;
      const look = async (view) => {
        await screenshot(page, view === "rooms" ? name : `${name}-${view}`);
        const { violations } = await page.evaluate(`${axe}; axe.run({ runOnly: ${JSON.stringify(rules)} })`);
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary}`).join("\n")}`);
        assert.deepEqual(found, [], view);
      };

      await look("start");
      await connect(page);
      await become(page, "alice");
      if (narrow) await look("connect");

      await go(page, "Rooms");
      await join(page, room);
      const bob = await Client.connect(t, stage.parley.url);
      await bob.request("user-online", "bob");
      await bob.request("join-room", room);
      for (const [author, text] of talk) {
        if (author === "bob") await bob.request("chat-message", { roomId: room, text });
        else await say(page, text);
        await bubble(page, text).waitFor();
        await page.locator('.message[data-kind="pending"]').waitFor({ state: "detached" });
      }
      bob.socket.emit("room-message", { room, message: "bob is typing…" });
      await bubble(page, "bob is typing…").waitFor();
      await look("rooms");

      for (const [key, value] of values) await post("/api/data", { key, value });
      await bob.request("message", "Hello, every tab!");
      await go(page, "Alerts");
      for (const [type, message] of notifications) await post("/api/notifications", { type, message });
      await page.locator(".alert", { hasText: notifications.at(-1)[1] }).waitFor();
      await look("alerts");

      await go(page, "Live data");
      await page.getByRole("row", { name: values.at(-1)[0] }).waitFor();
      await look("data");

      await go(page, "Everyone");
      await page.locator(".bubble", { hasText: "Hello, every tab!" }).waitFor();
      await look("everyone");

      if (narrow) {
        await go(page, "Log");
        await look("log");
      }
    });
  }
});
