// Helpers that use the page in a browser as a person does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findChromium, launch } from "./chromium.js";
import { Parley } from "./parley.js";

const patience = 20_000;

/** Why there are no browser tests, or false. In CI this is a failure. */
export const missing = findChromium() ? false : "no Chromium was found: install it (Debian: apt-get install chromium) or name it in CHROMIUM";
if (missing && process.env.CI) test("Chromium is there", () => assert.fail(missing));

/** A server and a browser that opens its page. */
export class Stage {
  static async start(...flags) {
    const stage = new Stage();
    stage.base = flags.includes("--base-path") ? flags[flags.indexOf("--base-path") + 1] : "";
    stage.parley = await Parley.start(...flags);
    try {
      const { status } = await fetch(`${stage.parley.url}${stage.base}/socket.io/socket.io.min.js`);
      assert.equal(status, 200, "the binary was built without the client bundles: npm --prefix backend/web ci && npm --prefix backend/web run build, then build it again");
      stage.browser = await launch();
    } catch (err) {
      await stage.parley.stop();
      throw err;
    }
    return stage;
  }

  async stop() {
    await this.browser.close();
    await this.parley.stop();
  }

  /** Opens the page in a new tab. Every error that the browser reports fails the test, except those of `refused` requests. */
  async open(t, { width = 1440, height = 900, path = "/", refused = false, ...options } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, ...options });
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    const complaints = [];
    page.on("pageerror", (err) => complaints.push(String(err)));
    page.on("console", (message) => {
      // Errors are expected while the server is down or shutting down (503).
      const expected = refused ? /status of 4/ : /ERR_CONNECTION|WebSocket connection to|status of 503/;
      if (message.type() === "error" && !expected.test(message.text())) complaints.push(message.text());
    });
    t.after(async () => {
      await context.close();
      assert.deepEqual(complaints, []);
    });
    await page.goto(this.parley.url + this.base + path);
    return page;
  }
}

/** Waits until an element's text matches. */
export async function sees(page, selector, pattern) {
  await page.locator(selector).filter({ hasText: pattern }).waitFor();
}

/** Waits for the connection that the page opens by itself, or takes another transport. */
export async function connect(page, transport) {
  await sees(page, "#status", /^Connected over/);
  if (!transport) return;
  await disconnect(page);
  await page.getByLabel(transport).check();
  await reconnect(page);
}

export async function disconnect(page) {
  await sees(page, "#status", /^Connected over/);
  await page.getByRole("button", { name: "Disconnect" }).click();
  await sees(page, "#status", "Not connected");
}

export async function reconnect(page) {
  await page.locator("#connect-button").click();
  await sees(page, "#status", /^Connected over/);
}

export async function become(page, user) {
  await page.getByLabel("Your name").fill(user);
  await page.locator("#user-form").getByRole("button").click();
  await online(page, user).waitFor();
}

export async function join(page, room) {
  await page.getByLabel("Room name").fill(room);
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await page.getByRole("heading", { name: room }).waitFor();
}

/** Waits for the connection, takes a name and joins a room. */
export async function enter(page, user, room) {
  await connect(page);
  await become(page, user);
  await join(page, room);
}

export async function say(page, text) {
  await page.getByLabel("Message to the room").fill(text);
  await page.keyboard.press("Enter");
}

export function go(page, view) {
  return page.getByRole("navigation").getByRole("link", { name: view }).click();
}

/** A message in the visible room. */
export function bubble(page, text) {
  return page.getByRole("log", { name: "Messages", exact: true }).locator(".bubble").filter({ hasText: text });
}

/** A user in the list of those online. */
export function online(page, user) {
  return page.getByRole("list", { name: "Users online" }).getByText(user, { exact: true });
}

/** A member in the head of the visible room. */
export function member(page, name) {
  return page.getByRole("list", { name: "Members" }).getByText(name, { exact: true });
}
