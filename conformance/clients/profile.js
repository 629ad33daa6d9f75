// The server of conformance/server, which exists for tests.
import { Program, Server } from "./server.js";

const program = new Program("./conformance/server", "PARLEY_CONFORMANCE_BIN");

export class Profile extends Server {
  /** Starts the profile with this name. */
  static start(name) {
    return new Profile(program, "--profile", name).start();
  }
}
