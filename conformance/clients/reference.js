// The reference's parsers.
import * as json from "socket.io-parser";
import msgpack from "socket.io-msgpack-parser";

export const parsers = { json, msgpack };

/** Decodes a list of messages. It returns an outcome for each up to the first that is refused, as Codec does. */
export function decode(name, messages) {
  const outcomes = [];
  const decoder = new parsers[name].Decoder();
  let packet;
  decoder.on("decoded", (decoded) => { packet = decoded; });
  for (const message of messages) {
    packet = undefined;
    try {
      decoder.add(message);
    } catch (error) {
      outcomes.push({ error: error.message });
      break;
    }
    outcomes.push({ packet });
  }
  return outcomes;
}

/** Encodes a packet; the parser may keep or change a copy. */
export function encode(name, packet) {
  return new parsers[name].Encoder().encode(structured(packet));
}

/** A copy of a value in which Buffers stay Buffers. */
function structured(value) {
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(structured);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, structured(member)]));
}
