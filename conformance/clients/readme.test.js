// The program of the README, and the client beside it, run as they are pasted.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { within } from "./client.js";
import { scratch } from "./parley.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs a program until the test ends; `says` waits for a text. */
function run(t, command, args, options) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let text = "";
  const checks = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += chunk;
      for (const check of checks) check();
    });
  }
  t.after(() => child.kill("SIGKILL"));
  return {
    says: (pattern) => within(new Promise((resolve) => {
      const check = () => pattern.test(text) && resolve();
      checks.add(check);
      check();
    }), `${pattern} from ${command}, which said: ${text}`),
  };
}

test("the README's JavaScript runs as it is pasted", async (t) => {
  const readme = readFileSync(join(repository, "README.md"), "utf8");
  const [, code] = readme.match(/```js\n([^]*?)```/);
  assert.match(code, /http:\/\/localhost:3000/);
  const port = await freePort();

  const program = join(scratch(), "nethttp");
  execFileSync("go", ["build", "-o", program, "./examples/nethttp"], { cwd: repository, stdio: "inherit" });
  run(t, program, [], { env: { ...process.env, ADDR: `localhost:${port}` } });

  // In a folder of its own beside the installed client, under the name that the README gives it.
  const [, name] = readme.match(/save it as `([^`]+)`/);
  const folder = mkdtempSync(join(import.meta.dirname ?? fileURLToPath(new URL(".", import.meta.url)), "readme-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), code.replace("localhost:3000", `localhost:${port}`));
  const first = run(t, process.execPath, [name], { cwd: folder });
  await first.says(/^5$/m);
  run(t, process.execPath, [name], { cwd: folder });
  await first.says(/^hello$/m); // what the other said
});
