// Messages to everyone: any JSON value, relayed and not stored.
import { $, composer, followEnd, onSubmit } from "./dom.js";
import { insert, message } from "./message.js";
import { oneLine } from "./payload.js";
import { news } from "./views.js";

const limit = 300;

export function everyone(connection) {
  const list = $("everyone-messages");
  const scroll = followEnd($("everyone-stream"));
  const text = composer($("everyone-text"));

  connection.on("new-message", ({ id, user, message: body, timestamp }) => {
    insert(list, message({ user, socket: id, body: oneLine(body, 10_000), at: timestamp, kind: "relayed", mine: id === connection.state.id }));
    while (list.childElementCount > limit) list.firstElementChild.remove();
    $("everyone-empty").hidden = true;
    news("everyone");
  });

  onSubmit($("everyone-form"), async () => {
    const written = $("everyone-text").value;
    if (!written.trim()) return;
    await connection.request("message", $("everyone-json").checked ? parse(written) : written);
    text.take();
    scroll.toEnd();
  });
}

function parse(written) {
  try {
    return JSON.parse(written);
  } catch (err) {
    throw new Error(`This is not JSON: ${err.message}`);
  }
}
