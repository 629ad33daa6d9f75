// The deliberate differences between Parley's parsers and those of the reference. Each entry has an example, which a test
// checks. `error` and `applies` decide whether the entry explains a difference: from Parley's error, the message, and the
// packet of the reference.

// The text before a payload, by Parley's rules.
const head = /^[0-6](?:\d+-)?(?:\/[^,]*,|)\d*/s;
const bytes = (text) => Buffer.byteLength(String(text));

/** All placeholders of a payload's text, also those that a repeated key hides and those inside another one. */
function placeholders(message) {
  let keys = 0;
  const text = message.replace(head, "").replace(/("(?:[^"\\]|\\.)*")(\s*:\s*(?:[-\d]|true)?)/gs, (all, key, colon) => {
    const plain = JSON.parse(key) === "_placeholder" && /true$/.test(colon) || JSON.parse(key) === "num" && /[-\d]$/.test(colon);
    return plain ? all : `"${keys++}"${colon}`;
  });
  const found = [];
  const nested = [];
  const walk = (value, inside) => {
    if (value === null || typeof value !== "object") return;
    const is = value._placeholder === true;
    if (is) (inside ? nested : found).push(value.num);
    for (const member of Object.values(value)) walk(member, inside || is);
  };
  walk(JSON.parse(text), false);
  return { found, nested };
}

/** The depth of brackets in JSON text, also in values that a repeated key hides. */
function depth(message) {
  let [open, most] = [0, 0];
  for (const c of message.replace(head, "").replace(/"(?:[^"\\]|\\.)*"/gs, "")) {
    if (c === "[" || c === "{") most = Math.max(most, ++open);
    else if (c === "]" || c === "}") open--;
  }
  return most;
}

/** Limits that the reference does not have. */
const limits = [
  {
    what: "an event's name is longer than 512 bytes",
    why: "names are kept, logged and compared; Options.MaxEventName",
    error: "event name is too long",
    applies: ({ theirs }) => bytes(theirs.data[0]) > 512,
  },
  {
    what: "a namespace's name is longer than 512 bytes",
    why: "as for names of events; Options.MaxNamespaceName",
    error: "namespace is too long",
    applies: ({ theirs }) => bytes(theirs.nsp) > 512,
  },
  {
    what: "a value is nested deeper than 64 levels",
    why: "a receiver may crash, and the reference server does when it relays such a value; Options.MaxDepth",
    error: "nested too deep",
    applies: ({ message }) => depth(message) > 64,
  },
];

const list = (n) => "[".repeat(n) + "]".repeat(n);

export const json = [
  { ...limits[0], example: [`2["${"é".repeat(257)}"]`] },
  { ...limits[1], example: [`2/${"n".repeat(512)},["e"]`] },
  { ...limits[2], example: [`2["e",${list(64)}]`] },
  {
    what: "a message is empty or begins with white space",
    why: "it is not a packet; the reference reads it as a connect, because in JavaScript Number(\" \") is 0",
    error: /empty packet|unknown packet type/,
    applies: ({ message }) => message === "" || /^\s/.test(message),
    example: [""],
  },
  {
    what: "an event, a packet with attachments, or an acknowledgement without an id has no payload",
    why: "the reference returns a packet whose data is undefined; later code throws, or waits forever",
    error: "packet without a payload",
    applies: ({ message }) => /^(?:2|3|[56]\d+-)(?:\/[^,]*,?|)\d*$/s.test(message),
    example: ["2"],
  },
  {
    what: "white space is in the place of an id",
    why: "the reference reads it as digits (Number(\" \") is 0): the id is 0 or not a number, and the answer is lost",
    error: /^$|unexpected end of JSON|text behind the payload|invalid payload for this|invalid JSON|disconnect packet with|without a payload|key must be|control character/,
    applies: ({ message }) => /^[0-6](?:\d+-)?(?:\/[^,]*,|)\d*\s/s.test(message),
    example: ["2 [\"e\"]"],
  },
  {
    what: "an id does not fit 64 bits",
    why: "the reference rounds it: the answer would go to another event",
    error: "acknowledgement id is too large",
    applies: ({ message }) => { const digits = message.match(head)?.[0].match(/\d*$/)[0]; return digits && BigInt(digits) >= 2n ** 64n; },
    example: ["218446744073709551616[\"e\"]"],
  },
  {
    what: "the number of attachments is not written as one to four digits",
    why: "no encoder writes 1.0, 1e0, +1 or 00001",
    error: /illegal number of attachments|too many attachments/,
    applies: ({ message }) => { const [, n] = message.match(/^[56]([^-]*)-/s); return Number(n) >= 1 && !/^\d{1,4}$/.test(n); },
    example: ["51.0-[\"e\",{\"_placeholder\":true,\"num\":0}]"],
  },
  {
    what: "an attachment is referred to twice",
    why: "each reference would copy it for every receiver",
    error: "attachment is referred to twice",
    applies: ({ message }) => { const { found, nested } = placeholders(message); const all = [...found, ...nested]; return new Set(all).size < all.length; },
    example: ["51-[\"e\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]"],
  },
  {
    what: "a reference is not the plain index of an attachment, is inside another reference, or is wrong and hidden by a repeated key",
    why: "no encoder writes -0, 0.5 or 1e0, and the reference finds an attachment for some of them; a value that one parser ignores another may read",
    error: "illegal attachment reference",
    applies: ({ message }) => {
      const { found, nested } = placeholders(message);
      const count = Number(message.match(/^[56](\d+)-/)[1]);
      return nested.length > 0 || found.some((num) => !(num >= 0 && num < count)) ||
        /:\s*(?:-0|0+\d|\d+\.\d+|\d+(?:\.\d+)?[eE][-+]?\d+)/.test(message.replace(head, ""));
    },
    example: ["51-[\"e\",{\"_placeholder\":true,\"num\":0.5}]"],
  },
];

/** All strings of a value, keys included. */
function strings(value) {
  if (typeof value === "string") return [value];
  if (value === null || typeof value !== "object" || Buffer.isBuffer(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => [key, ...strings(member)]);
}

function some(value, test) {
  if (value === null || typeof value !== "object" || Buffer.isBuffer(value)) return test(value);
  return test(value) || Object.values(value).some((member) => some(member, test));
}

const keys = ["type", "data", "nsp", "id"];
const reserved = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
const message = (...parts) => [Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "hex") : Buffer.from(part))))];
const hex = (text) => Buffer.from(text).toString("hex");
const [type, data, nsp, id] = keys.map((key) => (0xa0 + key.length).toString(16) + hex(key));
const root = nsp + "a12f";

export const msgpack = [
  { ...limits[0], example: message("83", type, "02", root, data, "91da0201", "61".repeat(513)) },
  { ...limits[1], example: message("82", type, "00", nsp, "da0201", "2f" + "61".repeat(512)) },
  {
    what: "a text is not valid UTF-8",
    why: "texts of MessagePack are UTF-8, and other bytes may crash a receiver; the reference replaces them by U+FFFD",
    error: "text is not valid UTF-8",
    applies: ({ message, theirs }) => strings(theirs).some((text) => text.includes("\ufffd")) || message.includes("__proto__"), // a key __proto__ hides the text
    example: message("83", type, "02", root, data, "91a1ff"),
  },
  {
    what: "the namespace does not begin with a slash, or has a comma",
    why: "such a namespace cannot exist, and a server that relays the packet with the JSON parser could not name it",
    error: "invalid namespace",
    applies: ({ theirs }) => !/^\/[^,]*$/s.test(theirs.nsp),
    example: message("82", type, "00", nsp, "a161"),
  },
  {
    what: "an event has no name, or one that is reserved",
    why: "the reference checks only the names in JSON; an event with the name disconnect would call the handlers of disconnects",
    error: /event without a name|neither a string nor a number|reserved event name/,
    applies: ({ theirs }) => theirs.type === 2 && (typeof theirs.data[0] !== "string" && typeof theirs.data[0] !== "number" || reserved.includes(theirs.data[0])),
    example: message("83", type, "02", root, data, "91c0"),
  },
  {
    what: "an id is negative or does not fit 64 bits",
    why: "no encoder writes one",
    error: /invalid acknowledgement id/,
    applies: ({ theirs }) => theirs.id < 0 || theirs.id >= 2 ** 64,
    example: message("84", type, "03", root, data, "90", id, "ff"),
  },
  {
    what: "a key of the packet is not a text",
    why: "no encoder writes one",
    error: "key of the packet is not a string",
    applies: () => true, // the reference converts keys to texts, so any text is possible
    example: message("83", type, "00", root, "01", "02"),
  },
  {
    what: "a key of the packet occurs twice",
    why: "two parsers could read different packets",
    error: "key of the packet occurs twice",
    applies: ({ message }) => keys.some((key) => message.toString("latin1").split(key).length > 2),
    example: message("83", type, "00", type, "00", root),
  },
  {
    what: "a key of a map is neither a text nor a whole number",
    why: "JSON cannot express it; the reference converts it to a text such as [object Object]",
    error: "key of a map is neither",
    applies: ({ theirs }) => strings(theirs.data).length > 0,
    example: message("83", type, "02", root, data, "92a165", "81c301"),
  },
  {
    what: "a key of a map is a whole number beyond 53 bits",
    why: "Parley keeps all its digits; the reference rounds it",
    error: /^$/,
    applies: ({ theirs }) => strings(theirs.data).some((text) => /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text))),
    example: message("83", type, "02", root, data, "92a165", "81cfa76d657373616765", "01"),
  },
  {
    what: "a packet that is neither an event nor an acknowledgement has binary values",
    why: "a server that relays the packet with the JSON parser cannot carry them",
    error: "attachment in a packet that is neither",
    applies: ({ theirs }) => ![2, 3].includes(theirs.type) && some(theirs.data, (value) => Buffer.isBuffer(value) || value instanceof ArrayBuffer),
    example: message("83", type, "00", root, data, "81a161c40101"),
  },
  {
    what: "an object looks like a placeholder in a packet that has attachments",
    why: "a server that relays the packet with the JSON parser would read it as a placeholder",
    error: /placeholder/,
    applies: ({ theirs }) => some(theirs.data, (value) => value?._placeholder === true),
    example: message("83", type, "02", root, data, "93a165", "82ac" + hex("_placeholder") + "c3a36e756d00", "c40101"),
  },
];
