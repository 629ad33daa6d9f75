// Starts and stops a server of this repository, as a user does from a shell.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const startWithin = 30_000;
const stopWithin = 20_000;

/** Makes a directory that is removed when the process ends. */
export function scratch() {
  const directory = mkdtempSync(join(tmpdir(), "parley-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A program: the file that an environment variable names, or a package that `go build` compiles, with flags. */
export class Program {
  #package;
  #path;
  #flags;

  constructor(name, variable, ...flags) {
    this.#package = name;
    this.#flags = flags;
    // A relative path counts from the root of the repository.
    this.#path = process.env[variable] && resolve(repository, process.env[variable]);
  }

  get path() {
    if (!this.#path) {
      this.#path = join(scratch(), process.platform === "win32" ? "program.exe" : "program");
      execFileSync("go", ["build", ...this.#flags, "-o", this.#path, this.#package], { cwd: repository, stdio: "inherit" });
    }
    return this.#path;
  }
}

// The settings of the user that runs the tests must not reach the server.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PARLEY_")));

/** A server on a free port. It can be stopped and started again on the same port. */
export class Server {
  #program;
  #arguments;
  #process = null;
  #log = "";
  port = 0;

  /** `args` are the program's arguments without the address to listen on. */
  constructor(program, ...args) {
    this.#program = program;
    this.#arguments = args;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the server has written. */
  get log() {
    return this.#log;
  }

  async start() {
    const args = [...this.#arguments, "--listen", `127.0.0.1:${this.port}`];
    const child = spawn(this.#program.path, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    this.#log = "";
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    this.port = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the server did not say its address in time:\n${this.#log}`)), startWithin);
      const read = (chunk) => {
        this.#log += chunk;
        const address = this.#log.match(/http:\/\/127\.0\.0\.1:(\d+)/);
        if (!address) return;
        clearTimeout(timer);
        resolve(Number(address[1]));
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`the server ended with ${signal ?? code} before it listened:\n${this.#log}`));
      });
    });
    return this;
  }

  /** Sends SIGTERM and waits for the end, which must be clean: no panic may have been logged, caught or not. */
  async stop() {
    const child = this.#process;
    if (!child) return;
    this.#process = null;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the server had already ended with ${child.signalCode ?? child.exitCode}:\n${this.#log}`);
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), stopWithin);
    child.kill("SIGTERM");
    const [code, signal] = await once(child, "close"); // the log has been read to its end
    clearTimeout(timer);
    if (code !== 0) throw new Error(`the server ended with ${signal ?? code} after SIGTERM:\n${this.#log}`);
    if (/panic (in an?|serving) /.test(this.#log)) throw new Error(`the server has logged a panic:\n${this.#log}`);
  }

  /** Ends the server as a crash would. */
  async kill() {
    const child = this.#process;
    this.#process = null;
    child.kill("SIGKILL");
    await once(child, "close");
  }

  /** Ends the server and starts it again on the same port. */
  async restart() {
    await this.stop();
    await this.start();
  }
}
