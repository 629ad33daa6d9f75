// The real parley binary.
import { join } from "node:path";
import { Program, Server, scratch } from "./server.js";

export { scratch };

const program = new Program("./cmd/parley", "PARLEY_BIN");

/** A parley server on a new database. */
export class Parley extends Server {
  /** Starts a server; flags are further arguments of `parley serve`. */
  static start(...flags) {
    return new Parley(program, "serve", "--database", join(scratch(), "parley.db"), ...flags).start();
  }
}
