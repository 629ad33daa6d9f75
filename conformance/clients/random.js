// Random packets; the same seed makes the same ones. There are well-formed values, messages that follow the grammar of the
// protocol with mistakes, and changes to messages.

/** Random numbers (the generator sfc32). */
export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c = 0xb7e15162;
  #count = 1;

  constructor(seed) {
    this.#a ^= seed;
    for (let i = 0; i < 16; i++) this.#next();
  }

  #next() {
    const t = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** A whole number from 0 to n - 1. */
  below(n) { return this.#next() % n; }

  /** True in one of n cases. */
  once(n) { return this.below(n) === 0; }

  pick(list) { return list[this.below(list.length)]; }

  times(n, make) { return Array.from({ length: this.below(n + 1) }, make); }
}

const strings = [
  "", "a", "hello", "é€😀", "\u2028\u2029", "\"\\/\b\f\n\r\t", "\u0000\u001f", "<b>&amp;</b>", "_placeholder", "num", "__proto__", "constructor", "toString",
  "toJSON", "42[\"x\"]", "451-[\"x\"]", "bAQID", "x".repeat(513), "connect", "disconnect", "newListener", "\ufeff", "\ufffd", "\u007f", "18446744073709551615",
];
const numbers = [
  0, 1, -1, 127, 128, 255, 256, 65535, 65536, -32769, 2147483648, -2147483649, 4294967296, 2 ** 53, -(2 ** 53), 2 ** 63, 2 ** 64, 0.5, -1.25, 0.1, 1e21, 1e-7, 5e-324,
  1.7976931348623157e308, 123456789.123,
];

/** A value that every parser can carry. Without `binary` it holds no bytes. */
export function value(r, binary, depth = 0) {
  switch (r.below(depth > 4 ? 5 : 8)) {
    case 0: return r.pick(strings);
    case 1: return r.pick(numbers);
    case 2: return r.below(1000) - 500;
    case 3: return r.pick([null, true, false]);
    case 4: return binary && r.once(2) ? Buffer.from(r.times(20, () => r.below(256))) : r.pick(strings);
    case 5: return r.times(4, () => value(r, binary, depth + 1));
    default: return Object.fromEntries(r.times(4, () => [key(r), value(r, binary, depth + 1)]));
  }
}

// Only hostile messages have keys that change the type of an object or look like an attachment.
function key(r) { return r.pick(strings.filter((s) => !["_placeholder", "__proto__", "toJSON"].includes(s))); }

/** A packet that a well-behaved client or server sends. */
export function packet(r) {
  const type = r.pick([0, 1, 2, 2, 2, 2, 3, 3, 4]);
  const p = { type, nsp: r.pick(["/", "/", "/nsp", "/a/b?c=d", "/é"]) };
  switch (type) {
    case 0: if (r.once(2)) p.data = { token: value(r, false) }; break;
    case 2: p.data = [r.pick(["e", "a longer name", "é", "", 7]), ...r.times(3, () => value(r, true))]; break;
    case 3: p.data = r.times(3, () => value(r, true)); break;
    case 4: p.data = { message: r.pick(strings), data: value(r, false) }; break;
  }
  if (type === 3 || type === 2 && r.once(2)) p.id = r.pick([0, 1, 7, 123, 2 ** 32, Number.MAX_SAFE_INTEGER]);
  return p;
}

const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const oddNumbers = ["0", "1", "2", "-1", "-0", "0.0", "0.5", "1e0", "1.5", "00", "10", "10000000000000000000", "\"0\"", "null", "true", "[]", "{}"];

/** JSON text, well-formed most of the time. */
function text(r, depth = 0) {
  switch (r.below(depth > 3 ? 7 : 11)) {
    case 0: return JSON.stringify(r.pick(strings));
    case 1: return r.once(2) ? "\"text\"" : r.pick(["\"\\u0061\"", "\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"\\uDC00x\"", "\"\\x\"", "\"\t\"", "'a'", "\"", "nul", "tru", "NaN", "undefined", "01", "+1", "1.", ".5", "1e", "- 1"]);
    case 2: return JSON.stringify(r.pick(numbers));
    case 3: return r.pick(["1e999", "-1e999", "1E+2", "-0", "0e0", "1.50", "123456789012345678901234567890", "1e-999"]);
    case 4: return r.pick(["null", "true", "false"]);
    case 5: return r.once(3) ? placeholder(r.below(3)) : "{}";
    case 6: return r.once(2) ? "[]" : r.pick([placeholder(r.pick(oddNumbers)), "{\"_placeholder\":true}", "{\"num\":0,\"_placeholder\":true}", "{\"_placeholder\":false,\"num\":0}",
      "{\"_placeholder\":1,\"num\":0}", "{\"_\\u0070laceholder\":true,\"num\":0}", "{\"_placeholder\":false,\"_placeholder\":true,\"num\":1,\"num\":0}",
      `{"_placeholder":true,"num":0,"x":${placeholder(1)}}`]);
    case 7: {
      const levels = r.pick([1, 2, 50, 61, 62, 63, 64]);
      return "[".repeat(levels) + "]".repeat(levels);
    }
    case 8: return `[${space(r)}${r.times(4, () => text(r, depth + 1)).join(r.pick([",", " ,\n", ","]))}${r.once(20) ? "," : ""}]`;
    default:
      return `{${r.times(4, () => JSON.stringify(r.pick(strings)) + space(r) + ":" + text(r, depth + 1)).join(",")}${r.once(20) ? "," : ""}}`;
  }
}

function space(r) { return r.once(8) ? r.pick([" ", "\t", "\n", "\r", "\u00a0", "\ufeff", "\f"]) : ""; }

/** The messages of a connection, which follow the grammar of the protocol, some with a mistake. */
export function messages(r) {
  const odd = (n, list, usual) => (r.once(n) ? r.pick(list) : usual());
  const kind = odd(12, ["7", "", "a", " ", "-1"], () => r.pick(["0", "1", "2", "2", "2", "3", "3", "4", "5", "5", "5", "5", "6", "6"]));
  const binary = kind === "5" || kind === "6";
  const count = 1 + r.below(3);
  const declared = odd(8, ["0", "00", "01", "00001", "1.0", "1e0", " 1", "+1", "0x1", "-1", "11", "9999", "", "x"], () => String(count));
  const attachments = binary || r.once(20) ? declared + (r.once(30) ? "" : "-") : "";
  const nsp = odd(8, ["/nsp", "/", "/" + "n".repeat(510) + ",", "/" + "n".repeat(511) + ",", "/" + "n".repeat(512) + ",", "/\n,"],
    () => r.pick(["", "", "", "/,", "/nsp,", "/a?b=1,", "/é,"]));
  const id = odd(10, ["18446744073709551615", "18446744073709551616", "9007199254740993", "1".repeat(21), "-1", "1.5", " ", " 1", "1 "],
    () => r.pick([...(kind === "3" || kind === "6" ? [] : ["", "", ""]), "0", "1", "12", "007"]));
  const args = [odd(6, ["\"connect\"", "7", JSON.stringify("é".repeat(64)), JSON.stringify("é".repeat(65)), "null", "{}"], () => r.pick(["\"e\"", "\"\\u0065\""])),
    ...r.times(3, () => text(r)), ...(binary && !r.once(8) ? Array.from({ length: count }, (_, i) => placeholder(i)) : [])];
  const payload = odd(8, ["", text(r), `[${space(r)}]`], () => ({ 0: r.once(2) ? "" : `{"k":${text(r)}}`, 1: "", 4: `{"message":${text(r)}}` })[kind] ?? `[${space(r)}${args.join(",")}]`);
  const buffers = Array.from({ length: odd(10, [0, 1, 2, 3], () => (binary ? count : 0)) }, () => Buffer.from(r.times(8, () => r.below(256))));
  const list = [kind + attachments + nsp + id + payload + space(r), ...buffers];
  return r.once(4) ? [...list, "2[\"next\"]"] : list;
}

const dictionary = [
  "-", ",", "/", "?", "\"", "\\", "[", "]", "{", "}", ":", "0", "1", "9", "e", ".", " ", "\n", "null", "true", placeholder(0), placeholder(1), "\"_placeholder\":true", "\u0000", "é", "😀",
];

/** Makes small changes to a list of messages. Texts stay valid UTF-8. */
export function change(r, list) {
  const changed = [...list];
  for (let n = 1 + r.below(3); n > 0; n--) {
    const at = r.below(changed.length);
    const message = changed[at];
    if (typeof message !== "string" || r.once(10)) {
      switch (r.below(3)) {
        case 0: changed.splice(at, 1); break;
        case 1: changed.splice(at, 0, message); break;
        default: changed.splice(r.below(changed.length + 1), 0, r.pick(["2[\"x\"]", Buffer.from([1, 2])]));
      }
      if (changed.length === 0) return list;
      continue;
    }
    const from = r.below(message.length + 1);
    const to = Math.min(message.length, from + r.below(4));
    changed[at] = (message.slice(0, from) + (r.once(3) ? "" : r.pick(dictionary)) + message.slice(r.once(2) ? from : to)).toWellFormed();
  }
  return changed;
}

/** Changes the bytes of a message. */
export function changeBytes(r, message) {
  let bytes = Buffer.from(message);
  for (let n = 1 + r.below(3); n > 0; n--) {
    const at = r.below(bytes.length + 1);
    switch (r.below(4)) {
      case 0: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]); break;
      case 1: bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([r.below(256)]), bytes.subarray(at)]); break;
      case 2: if (at < bytes.length) bytes[at] = r.pick([0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcb, 0xcf, 0xd0, 0xd3, 0xd4, 0xd7, 0xd9, 0xdc, 0xde, 0x80, 0x90, 0xa0, 0xff, 0]); break;
      default: if (at < bytes.length) bytes[at] ^= 1 << r.below(8);
    }
  }
  return bytes;
}
