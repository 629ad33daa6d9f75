// The reference server with the handlers of the profile "bench" of conformance/server, and with its defaults.
// usage: node server.js [--listen HOST:PORT] [--cert FILE --key FILE]
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { parseArgs } from "node:util";
import { Server } from "socket.io";

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:3000" },
    cert: { type: "string" },
    key: { type: "string" },
  },
});

const secure = values.cert !== undefined;
const server = secure
  ? createSecureServer({ cert: readFileSync(values.cert), key: readFileSync(values.key) })
  : createServer();
const io = new Server(server);

io.on("connection", (socket) => {
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("bc", (...args) => io.emit("bc", ...args));
  socket.on("ack", (...args) => args.pop()(...args));
  socket.on("join", (room, joined) => {
    socket.join(room);
    joined();
  });
  socket.on("room", (room, payload) => io.to(room).emit("room", payload));
});

const [host, port] = values.listen.split(":");
server.listen(Number(port), host, () => {
  console.log(`listening on ${secure ? "https" : "http"}://${host}:${server.address().port}/socket.io/`);
});
