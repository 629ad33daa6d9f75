// Turns payloads into readable text. Binary is described, not dumped.

const size = (value) => value?.byteLength ?? value?.size;

function readable(_key, value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob) {
    return `‹binary, ${size(value)} bytes›`;
  }
  return value;
}

/** One line, cut at limit characters. */
export function oneLine(value, limit = 240) {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value, readable);
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/** Indented JSON, cut at limit characters. */
export function indented(value, limit = 50_000) {
  const text = JSON.stringify(value, readable, 2) ?? "undefined";
  return text.length > limit ? `${text.slice(0, limit)}\n… ${text.length - limit} more characters` : text;
}

/** Reads text as JSON where it is JSON, otherwise as a string. */
export function guess(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The JSON word for the type of a value. */
export function kind(value) {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
