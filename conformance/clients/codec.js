// Parley's parsers, through the program ../codec: it decodes messages and encodes the packets again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Program } from "./server.js";

const program = new Program("./conformance/codec", "PARLEY_CODEC_BIN");

/** Converts a message to the notation of the program's lines, and back. */
const pack = (message) => (typeof message === "string" ? "t" + message : "b" + message.toString("base64"));
const unpack = (text) => (text[0] === "t" ? text.slice(1) : Buffer.from(text.slice(1), "base64"));

/** A running program. */
export class Codec {
  #process;
  #lines;

  constructor() {
    this.#process = spawn(program.path, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /**
   * Decodes each list of messages with a new decoder. It returns a list of outcomes for each: one for each message up to
   * the first that is refused, with `packet`, `error`, or neither.
   */
  async decode(parser, lists) {
    this.#process.stdin.write(lists.map((messages) => JSON.stringify({ parser, messages: messages.map(pack) }) + "\n").join(""));
    const answers = [];
    while (answers.length < lists.length) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the codec has ended after ${answers.length} of ${lists.length} answers`);
      const answer = JSON.parse(value);
      for (const { packet } of answer) {
        if (!packet) continue;
        packet.relayed = packet.relayed?.map(unpack);
        packet.decoded = packet.decoded?.map(unpack);
      }
      answers.push(answer);
    }
    return answers;
  }

  /** Ends the program and checks its exit code. */
  async end() {
    const exit = once(this.#process, "exit");
    this.#process.stdin.end();
    const [code, signal] = await exit;
    if (code !== 0) throw new Error(`the codec ended with ${signal ?? code}`);
  }
}
