// A TCP proxy that can break connections as networks do.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Resets a connection. libuv refuses that for a socket that is being shut down. Node then believes that the socket is
 * closed and waits for it forever when the process exits. Such a socket is closed without a reset.
 */
function reset(socket) {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

export class Proxy {
  #listener;
  #pairs = new Set();
  /** Whether new connections are refused. */
  down = false;

  /** Starts a proxy for a server. It stops when the test `t` ends. */
  static async start(t, server) {
    const proxy = new Proxy();
    proxy.#listener = createServer((client) => proxy.#forward(client, server.port)).listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    t.after(() => {
      proxy.down = true;
      proxy.#listener.close();
      for (const pair of proxy.#pairs) for (const end of pair) end.destroy();
    });
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  /** Cuts every connection; both ends notice. */
  cut() {
    for (const pair of this.#pairs) for (const end of pair) reset(end);
  }

  /** Cuts connections until a client that polls, and is between two polls for a moment, must have noticed. */
  cutOff(socket) {
    this.#until(socket, () => this.cut());
  }

  /** Like cutOff, but the server does not notice. */
  loseOff(socket) {
    this.#until(socket, () => this.lose());
  }

  #until(socket, happens) {
    happens();
    const timer = setInterval(happens, 10);
    socket.once("disconnect", () => clearInterval(timer));
  }

  /** Loses every connection: the client notices, the server does not. */
  lose() {
    for (const [client, server] of this.#pairs) {
      if (server.lost) continue;
      client.unpipe(server);
      server.unpipe(client);
      server.lost = true;
      reset(client);
    }
  }

  #forward(client, port) {
    if (this.down) {
      reset(client);
      return;
    }
    const server = connect(port, "127.0.0.1");
    const pair = [client, server];
    this.#pairs.add(pair);
    for (const end of pair) end.unref(); // the clients keep the process alive, not the proxy
    client.pipe(server);
    server.pipe(client);
    for (const [end, other] of [pair, [server, client]]) {
      end.on("error", () => {});
      end.on("close", () => {
        if (!other.lost) other.destroy();
        if (client.destroyed && server.destroyed) this.#pairs.delete(pair);
      });
    }
  }
}
