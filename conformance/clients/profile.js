// The server of conformance/server, which exists for tests.
import { Program, Server } from "./server.js";

const program = new Program("./conformance/server", "PARLEY_CONFORMANCE_BIN");

// The same as a program of Fiber.
const fiber = new Program("./conformance/server", "PARLEY_CONFORMANCE_FIBER_BIN", "-tags", "fiber");

export class Profile extends Server {
  /** Starts the profile with this name. */
  static start(name) {
    return new Profile(program, "--profile", name).start();
  }

  /** Starts the profile in a program of Fiber. */
  static startFiber(name) {
    return new Profile(fiber, "--profile", name).start();
  }
}
