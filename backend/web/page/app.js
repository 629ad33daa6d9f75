// Puts the parts of the page together.
import { alerts } from "./alerts.js";
import { connectCard } from "./connect-card.js";
import { Connection } from "./connection.js";
import { data } from "./data.js";
import { $ } from "./dom.js";
import { everyone } from "./everyone.js";
import { Log } from "./log.js";
import { People } from "./people.js";
import { Rooms } from "./rooms.js";
import { session } from "./session.js";
import { toast } from "./toast.js";
import { startViews } from "./views.js";

const log = new Log();
const connection = new Connection(log);
const people = new People(connection, session);

startViews();
const rooms = new Rooms(connection, people, session);
everyone(connection);
alerts(connection, log);
data(connection, log);

// On each connection, the first and those after an interruption: the name
// first, so that the rooms see it.
connection.addEventListener("online", async () => {
  try {
    await people.restore();
    await rooms.restore();
  } catch (err) {
    toast(err.message, "error");
  }
});

// What failed without an acknowledgement.
connection.on("exception", ({ event, code, message } = {}) => toast(`${event}: ${message} (${code})`, "error"));

$("no-client").hidden = Boolean(globalThis.io);
connectCard(connection, session);
