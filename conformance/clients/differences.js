// Where Parley and the reference's parsers differ on purpose. Each entry has an example, which a test checks, and tells
// whether it explains a difference: what Parley's error was, the message, and what the reference made of it.

// What stands before a payload, by Parley's rules.
const head = /^[0-6](?:\d+-)?(?:\/[^,]*,|)\d*/s;
const bytes = (text) => Buffer.byteLength(String(text));

/** All placeholders of a payload's text, even those that a repeated key hides, and those that stand inside of another one. */
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

/** How deep brackets stand in JSON text, those of values that a repeated key hides among them. */
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
    what: "an event's name is longer than 128 bytes",
    why: "names are kept, logged and compared; Options.MaxEventName",
    error: "event name is too long",
    applies: ({ theirs }) => bytes(theirs.data[0]) > 128,
  },
  {
    what: "a namespace's name is longer than 512 bytes",
    why: "as names of events; Options.MaxNamespaceName",
    error: "namespace is too long",
    applies: ({ theirs }) => bytes(theirs.nsp) > 512,
  },
  {
    what: "a value is nested deeper than 64 levels",
    why: "a receiver may fall over it, and the reference server does when it relays one; Options.MaxDepth",
    error: "nested too deep",
    applies: ({ message }) => depth(message) > 64,
  },
];

const list = (n) => "[".repeat(n) + "]".repeat(n);

export const json = [
  { ...limits[0], example: [`2["${"é".repeat(65)}"]`] },
  { ...limits[1], example: [`2/${"n".repeat(512)},["e"]`] },
  { ...limits[2], example: [`2["e",${list(64)}]`] },
  {
    what: "a message is empty or begins with white space",
    why: "it is no packet; the reference takes it for a connect, for to JavaScript Number(\" \") is 0",
    error: /empty packet|unknown packet type/,
    applies: ({ message }) => message === "" || /^\s/.test(message),
    example: [""],
  },
  {
    what: "an event, an attachment's packet or an answer to nothing has no payload",
    why: "the reference hands over a packet whose data is undefined, which later code falls over or waits for in vain",
    error: "packet without a payload",
    applies: ({ message }) => /^(?:2|3|[56]\d+-)(?:\/[^,]*,?|)\d*$/s.test(message),
    example: ["2"],
  },
  {
    what: "white space stands where an id may stand",
    why: "the reference takes it for digits (Number(\" \") is 0): the id is 0 or not a number, and an answer goes nowhere",
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
    what: "the number of attachments is written in another way than in up to four digits",
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
    what: "a reference is not the plain index of an attachment, stands inside of another one, or is wrong and a repeated key hides it",
    why: "no encoder writes -0, 0.5 or 1e0, for which the reference finds nothing or something; and what is hidden from one parser another may see",
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

/** All strings of a value, those of keys among them. */
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
  { ...limits[0], example: message("83", type, "02", root, data, "91d982", "a".repeat(130).replaceAll("a", "61")) },
  { ...limits[1], example: message("82", type, "00", nsp, "da0201", "2f" + "61".repeat(512)) },
  {
    what: "a text is not valid UTF-8",
    why: "MessagePack's texts are UTF-8, and a receiver may fall over what is not; the reference puts U+FFFD in its place",
    error: "text is not valid UTF-8",
    applies: ({ message, theirs }) => strings(theirs).some((text) => text.includes("\ufffd")) || message.includes("__proto__"), // which hides it
    example: message("83", type, "02", root, data, "91a1ff"),
  },
  {
    what: "the namespace does not begin with a slash, or has a comma",
    why: "there is no such namespace, and the JSON parser, to which the packet may be passed on, could not name it",
    error: "invalid namespace",
    applies: ({ theirs }) => !/^\/[^,]*$/s.test(theirs.nsp),
    example: message("82", type, "00", nsp, "a161"),
  },
  {
    what: "an event has no name, or one that is reserved",
    why: "the reference checks the names of JSON alone; an event called disconnect would reach handlers of its own",
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
    applies: () => true, // the reference makes texts of keys, which may then be any
    example: message("83", type, "00", root, "01", "02"),
  },
  {
    what: "a key of the packet occurs twice",
    why: "two parsers could read two packets in it",
    error: "key of the packet occurs twice",
    applies: ({ message }) => keys.some((key) => message.toString("latin1").split(key).length > 2),
    example: message("83", type, "00", type, "00", root),
  },
  {
    what: "a key of a map is neither a text nor a whole number",
    why: "JSON has no form for it; the reference makes a text of it, such as [object Object]",
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
    what: "there is binary in a packet that is neither an event nor an acknowledgement",
    why: "the JSON parser, to which the packet may be passed on, cannot carry it",
    error: "attachment in a packet that is neither",
    applies: ({ theirs }) => ![2, 3].includes(theirs.type) && some(theirs.data, (value) => Buffer.isBuffer(value) || value instanceof ArrayBuffer),
    example: message("83", type, "00", root, data, "81a161c40101"),
  },
  {
    what: "an object poses as an attachment in a packet that has attachments",
    why: "the JSON parser, to which the packet may be passed on, would take it for one",
    error: /placeholder/,
    applies: ({ theirs }) => some(theirs.data, (value) => value?._placeholder === true),
    example: message("83", type, "02", root, data, "93a165", "82ac" + hex("_placeholder") + "c3a36e756d00", "c40101"),
  },
];
