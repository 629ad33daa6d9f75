// The server's HTTP interface. Errors carry the problem's own words.

export async function call(log, method, path, body) {
  log.system(`${method} ${path}`, body);
  const init = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    log.system(`${response.status} ${path}`, answer);
    throw new Error(problem(answer, response));
  }
  return answer;
}

// A problem body (RFC 9457) with, possibly, what is wrong with which input.
function problem(body, { status, statusText }) {
  const inputs = (body?.errors ?? []).map(({ message }) => message).filter(Boolean);
  return `${inputs.join("; ") || body?.detail || body?.title || statusText || "Error"} (${status})`;
}
