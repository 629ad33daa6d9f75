// The server's HTTP interface. Errors carry the problem's own words.

// Paths count from the page's own folder, also behind a proxy that adds a prefix.
const base = new URL(".", location.href).href.replace(/\/$/, "");

/** An error answer of the server; `inputs` has what is wrong with which input. */
class ProblemError extends Error {
  constructor(body, { status, statusText }) {
    const inputs = (body?.errors ?? []).map(({ location = "", message }) => {
      const field = location.split(".").pop();
      return { field, message: message.startsWith(`${field} `) ? message.slice(field.length + 1) : message };
    });
    const all = inputs.map(({ field, message }) => `${field}: ${message}`).join("; ");
    super(all || `${body?.detail || body?.title || statusText || "Error"} (${status})`);
    this.inputs = inputs;
  }
}

/** Sends a request and returns the answer; an error answer is thrown. */
export async function call(log, method, path, body) {
  log.system(`${method} ${path}`, body);
  const init = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(base + path, init);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    log.system(`${response.status} ${path}`, answer);
    throw new ProblemError(answer, response);
  }
  return answer;
}
