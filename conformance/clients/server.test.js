// Tests of the class Server, with small programs in place of a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "./server.js";

/** A program that prints an address, and prints a line on SIGTERM. */
function saying(line) {
  const script = `
    process.on("SIGTERM", () => { console.error(${JSON.stringify(line)}); process.exit(); });
    setInterval(() => {}, 1000);
    console.log("listening on http://127.0.0.1:1");`;
  return new Server({ path: process.execPath }, "-e", script, "--");
}

for (const line of [
  'level=ERROR msg="panic in a handler" nsp=/ err="oh no"',
  '{"level":"ERROR","msg":"panic in a session","err":"oh no"}',
  'level=ERROR msg="panic in an adapter" in=OnExpired err="oh no"',
  "http: panic serving 127.0.0.1:2: oh no",
]) {
  test(`a server may not log a panic: ${line}`, async () => {
    const server = await saying(line).start();
    await assert.rejects(() => server.stop(), /has logged a panic:\n[^]*oh no/);
  });
}

test("a server may log other things", async () => {
  const server = await saying('level=INFO msg="stopped"').start();
  await server.stop();
  assert.match(server.log, /stopped/);
});
