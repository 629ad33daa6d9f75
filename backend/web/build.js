// Copies the official Socket.IO client bundles and their source maps from
// node_modules into dist/, from where the Go package embeds them.
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const bundles = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];
const from = new URL("node_modules/socket.io-client/dist/", import.meta.url);
const to = new URL("dist/", import.meta.url);

await mkdir(to, { recursive: true });
for (const name of await readdir(to)) {
  if (name !== ".gitkeep") await rm(new URL(name, to), { recursive: true });
}
for (const name of bundles.flatMap((bundle) => [bundle, `${bundle}.map`])) {
  await copyFile(new URL(name, from), new URL(name, to));
}
console.log(`copied ${bundles.length} bundles and their maps to ${fileURLToPath(to)}`);
