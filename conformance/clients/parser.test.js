// Compares the parsers with those of the reference, with random packets and random mistakes. Both must accept and refuse the
// same messages and decode the same values, except for the entries of differences.js. The reference must decode Parley's
// encoding to the same values.
//
// PARLEY_FUZZ_SEED is the seed of the random numbers; a failure names its seed. PARLEY_FUZZ_TIME is how long each test runs,
// such as 20s or 10m; without it each test takes a second or two.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Codec } from "./codec.js";
import * as differences from "./differences.js";
import { Random, change, changeBytes, messages, packet } from "./random.js";
import * as reference from "./reference.js";

const seed = Number(process.env.PARLEY_FUZZ_SEED ?? 1);
const [, count, unit] = process.env.PARLEY_FUZZ_TIME?.match(/^(\d+)([smh])$/) ?? [];
const milliseconds = count ? count * { s: 1000, m: 60_000, h: 3_600_000 }[unit] : 0;
const batch = 1000;
const batches = 5;

let codec;
before(() => { codec = new Codec(); });
after(() => codec.end());

/** Runs batches of lists of messages, each from a new seed, until the time is over. */
async function run(name, make) {
  const end = Date.now() + milliseconds;
  for (let n = 0; n < batches || Date.now() < end; n++) {
    const r = new Random(seed + n);
    const lists = Array.from({ length: batch }, () => make(r));
    const answers = await codec.decode(name, lists.map((made) => made.messages ?? made));
    lists.forEach((made, i) => {
      const problem = made.packet ? sent(name, made, answers[i]) : compare(name, made, answers[i]);
      if (problem) assert.fail(`seed ${seed + n}: ${problem}\nmessages: ${JSON.stringify(made.messages ?? made)}\nparley: ${JSON.stringify(answers[i])}`);
    });
  }
}

/** Returns what is wrong with the outcomes of a well-formed packet. */
function sent(name, made, outcomes) {
  if (outcomes.length !== made.messages.length) return "a packet of the reference's encoder is refused";
  const { packet: ours } = outcomes.at(-1);
  return ours ? differs(name, { ...made.packet }, ours) : "a packet of the reference's encoder is not whole";
}

/** Returns the first difference that no entry explains. */
function compare(name, list, outcomes) {
  const expected = reference.decode(name, list);
  for (let i = 0; i < Math.max(outcomes.length, expected.length); i++) {
    const [ours, theirs] = [outcomes[i], expected[i]];
    const text = list.slice(0, i + 1).findLast((message) => name !== "json" || typeof message === "string"); // it began the packet
    const problem = outcome(name, text, ours, theirs, () => whole(name, list.slice(0, i + 1)));
    if (problem === explained) return null;
    if (problem) return `message ${i}: ${problem}`;
    if (ours.error !== undefined) return null;
  }
  return null;
}

const explained = Symbol("explained");

/** Compares the outcomes of one message. */
function outcome(name, message, ours, theirs, complete) {
  if (ours.error !== undefined && theirs.error !== undefined) return null;
  let problem = null;
  if (ours.error !== undefined) problem = `Parley refuses it: ${ours.error}`;
  else if (theirs.error !== undefined) problem = `the reference refuses it: ${theirs.error}`;
  else if (!ours.packet !== !theirs.packet) problem = ours.packet ? "the reference awaits more" : "Parley awaits more";
  else if (ours.packet) problem = differs(name, theirs.packet, ours.packet);
  if (!problem) return null;
  // Parley checks a reference to an attachment in the text, the reference when all attachments have arrived.
  const packet = theirs.error === undefined ? theirs.packet ?? complete() : null;
  if (!packet && ours.error !== undefined) return explained;
  const error = ours.error ?? "";
  const entry = differences[name].find((d) => (d.error.test ? d.error.test(error) : error.includes(d.error)) && d.applies({ message, theirs: packet }));
  return entry ? explained : problem;
}

/** The reference's packet after its attachments have arrived, whatever they are; null if it is refused. */
function whole(name, list) {
  const attachments = Array.from({ length: 10 }, () => Buffer.from("attachment"));
  return reference.decode(name, [...list, ...attachments]).slice(list.length - 1).find((o) => o.packet)?.packet ?? null;
}

/** Returns how a packet differs from the packet of the reference, or null. */
function differs(name, theirs, ours) {
  const acknowledged = theirs.type === 2 || theirs.type === 3; // in other packets an id has no meaning
  if (ours.type !== theirs.type) return `the type is ${ours.type}, not ${theirs.type}`;
  if (ours.nsp !== theirs.nsp) return `the namespace is ${ours.nsp}, not ${theirs.nsp}`;
  const id = ours.id === undefined ? undefined : Number(ours.id);
  if (acknowledged && id !== theirs.id) return `the id is ${ours.id}, not ${theirs.id}`;
  if (ours.notRelayed) { // an acknowledgement that the server ignores
    return theirs.type === 3 && (id === undefined || theirs.data === undefined) ? null : `it cannot be relayed: ${ours.notRelayed}`;
  }
  const values = name === "json" ? theirs.data : plain(theirs.data);
  for (const [how, list, want] of [["relayed", ours.relayed, values], ["decoded", ours.decoded, wellFormed(values)]]) {
    if (!list) {
      if (infinite(ours.relayed)) continue; // not a number of Go
      return `it cannot be ${how}: ${ours.notDecoded}`;
    }
    const back = reference.decode(name, list).at(-1);
    if (!back.packet) return `${how}, it is ${back.error ?? "not whole"}`;
    const got = how === "relayed" && name === "json" ? back.packet.data : plain(back.packet.data);
    if (!isDeepStrictEqual(got, how === "decoded" ? plain(want) : want)) return `${how}, its data is ${JSON.stringify(got)}, not ${JSON.stringify(want)}`;
    if (back.packet.nsp !== theirs.nsp || back.packet.type !== theirs.type) return `${how}, it is another packet`;
    if (acknowledged && back.packet.id !== id) return `${how}, its id is ${back.packet.id}, not ${id}`;
  }
  return null;
}

/** A copy of a value, with each part changed. */
function map(value, change) {
  const changed = change(value);
  if (Array.isArray(changed)) return changed.map((member) => map(member, change));
  if (changed === null || typeof changed !== "object" || Buffer.isBuffer(changed)) return changed;
  return Object.fromEntries(Object.entries(changed).map(([key, member]) => [change(key), map(member, change)]));
}

/** The part of a value that JSON can express: undefined, dates and NaN change. */
function plain(value) {
  const inArrays = (v) => (Array.isArray(v) ? v.map((member) => (member === undefined ? null : member)) : v);
  const inObjects = (v) => (v !== null && typeof v === "object" && !Array.isArray(v) && !Buffer.isBuffer(v)
    ? Object.fromEntries(Object.entries(v).filter(([, member]) => member !== undefined)) : v);
  return map(value, (v) => {
    if (v instanceof ArrayBuffer) return Buffer.from(v);
    if (v instanceof Date) return Number.isNaN(v.getTime()) ? null : v.toISOString();
    if (typeof v === "number") return Number.isFinite(v) ? v + 0 : null;
    return inObjects(inArrays(v));
  });
}

/** The same with U+FFFD for halves of characters, which Go's strings do not have. */
const wellFormed = (value) => map(value, (v) => (typeof v === "string" ? v.toWellFormed() : v));

/** Whether JSON text has a number that is too large for JavaScript, even if a repeated key hides it. */
function infinite([text]) {
  return typeof text === "string" && (text.match(/\d+(?:\.\d+)?[eE]\+?\d+/g) ?? []).some((number) => !Number.isFinite(Number(number)));
}

/** The messages of a file of vectors of package parser. */
function vectors(file) {
  const lists = [];
  for (const line of readFileSync(new URL(`../../parser/testdata/${file}`, import.meta.url), "utf8").split("\n")) {
    if (line.startsWith("case ")) lists.push([]);
    else if (line.startsWith("< ") && file.startsWith("msgpack")) lists.at(-1).push(words(line.slice(2)));
    else if (line.startsWith("< ")) lists.at(-1).push(line.slice(2));
    else if (line.startsWith("<x")) lists.at(-1).push(Buffer.from(line.slice(2).trim(), "hex"));
  }
  return lists.filter((list) => list.length > 0);
}

/** Words of hexadecimal digits, and texts between quotes. */
function words(line) {
  return Buffer.concat(line.match(/"[^"]*"|\S+/g).map((word) => (word[0] === "\"" ? Buffer.from(word.slice(1, -1)) : Buffer.from(word, "hex"))));
}

describe("the JSON parser", () => {
  test("packets of the reference's encoder", () => run("json", (r) => {
    const made = packet(r);
    return { packet: made, messages: reference.encode("json", made) };
  }));
  test("messages with mistakes", () => run("json", messages));
  test("changed messages", () => {
    const seeds = [...vectors("decode.txt"), ...vectors("captured.txt")];
    return run("json", (r) => change(r, r.once(2) ? r.pick(seeds) : messages(r)));
  });
  deliberate("json");
});

describe("the MessagePack parser", () => {
  test("packets of the reference's encoder", () => run("msgpack", (r) => {
    const messages = reference.encode("msgpack", packet(r));
    return { packet: reference.decode("msgpack", messages)[0].packet, messages }; // the encoder cuts numbers beyond 64 bits
  }));
  test("changed messages", () => {
    const seeds = vectors("msgpack_packets.txt");
    return run("msgpack", (r) => {
      for (;;) {
        const [message] = r.once(4) ? r.pick(seeds) : reference.encode("msgpack", packet(r));
        const changed = changeBytes(r, message);
        if (!changed.includes(0xc9)) return [changed]; // the reference allocates up to 4 GB for this byte
      }
    });
  });
  deliberate("msgpack");
});

/** Checks that each difference exists: the reference accepts the example, and Parley refuses it or decodes another value. */
function deliberate(name) {
  for (const { what, error, applies, example } of differences[name]) {
    test(`it differs when ${what}`, async () => {
      const [ours] = (await codec.decode(name, [example]))[0];
      const [theirs] = reference.decode(name, example);
      assert.equal(theirs.error, undefined, "the reference refuses it too");
      if (ours.error !== undefined) assert.match(ours.error, error.test ? error : new RegExp(error));
      else assert.notEqual(differs(name, theirs.packet, ours.packet), null, "there is no longer a difference");
      assert.ok(applies({ message: example[0], theirs: theirs.packet ?? whole(name, example) }), "the entry does not explain its own example");
    });
  }
}
