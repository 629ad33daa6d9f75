// Draws openapi.json and the Socket.IO events as a page. Everything is put in as text, never as HTML.

// Where the server is reached: the page's own folder, also behind a proxy that adds a prefix.
const base = new URL(".", location.href).href.replace(/\/$/, "");

/** element("a.bad", {href: "/"}, "text", child): a tag with classes, properties and children. */
function element(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const e = Object.assign(document.createElement(tag), properties);
  e.classList.add(...classes);
  e.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return e;
}

/** Text in which `code` is marked. */
function prose(text = "") {
  return text.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
}

const pretty = (value) => JSON.stringify(value, null, 2);

/** Text in a frame, with a button that copies it. */
function snippet(text) {
  const frame = element("pre", { tabIndex: 0 }, text);
  const button = element("button.copy", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text, frame)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return element("div.snippet", {}, frame, button);
}

/** Copies text; where the browser forbids that, as on a page without TLS, the frame is selected. */
async function copy(text, frame) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(frame);
    return false;
  }
}

/** A command line that sends a request. */
function curl(path, method, body) {
  const quoted = (argument) => (/^[\w:/.=%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`);
  const post = body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
  const verb = method === "get" ? [] : ["-X", method.toUpperCase()];
  return ["curl", ...verb, base + path, ...post].map(quoted).join(" ");
}

/** The path with the example of each of its parameters. */
function filled(path, parameters = []) {
  return parameters.filter((p) => p.in === "path").reduce((url, p) => url.replace(`{${p.name}}`, encodeURIComponent(exampleOf(p))), path);
}

const exampleOf = (p) => p.example ?? p.schema.examples?.[0] ?? "";

class Page {
  constructor(api, events) {
    this.api = api;
    this.events = events;
  }

  resolve(schema = {}) {
    return schema.$ref ? this.api.components.schemas[schema.$ref.split("/").pop()] : schema;
  }

  operations() {
    return Object.entries(this.api.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
    );
  }

  draw(contents, main) {
    const intro = this.api.info.description.split("\n\n").map((text) => element("p", {}, prose(text)));
    const nodes = [element("section.intro", {}, intro)];
    nodes.push(...this.socketIO(contents));
    for (const tag of this.api.tags) {
      const operations = this.operations().filter(({ operation }) => operation.tags.includes(tag.name));
      contents.append(element("h2", {}, tag.name), ...operations.map((o) => this.link(o)));
      nodes.push(element("section.group", {}, element("h2", {}, tag.name), element("p", {}, tag.description)));
      nodes.push(...operations.map((o) => this.operation(o)));
    }
    main.replaceChildren(...nodes);
  }

  /** The events in both directions. */
  socketIO(contents) {
    const { description, client, server } = this.events;
    const path = new URL(`${base}/socket.io/`).pathname;
    const connect = [
      'import { io } from "socket.io-client";',
      "",
      `const socket = io("${location.origin}"${path === "/socket.io/" ? "" : `, { path: "${path}" }`});`,
    ].join("\n");
    const nodes = [
      element("section.group", { id: "socket-io" }, element("h2", {}, "Socket.IO"), element("p", {}, prose(description)), snippet(connect)),
    ];
    for (const [title, sign, list] of [["Events to send", "out", client], ["Events to receive", "in", server]]) {
      contents.append(element("h2", {}, title), ...list.map((e) => element("a", { href: `#${e.name}` }, element(`span.method.${sign}`, {}, sign), element("code", {}, e.name))));
      nodes.push(element("section.group", {}, element("h2", {}, title)), ...list.map((e) => this.event(e, sign)));
    }
    return nodes;
  }

  event({ name, summary, description, to, payload, answer }, sign) {
    const title = `${name}-title`;
    const e = element("article.operation", { id: name });
    e.setAttribute("aria-labelledby", title);
    e.append(element("div.path", {}, element(`span.method.${sign}`, {}, sign), element("code", {}, name)), element("h3", { id: title }, prose(summary)));
    if (description) e.append(element("p", {}, prose(description)));
    if (to) e.append(element("p", {}, `To ${to}.`));
    if (sign === "in") {
      e.append(element("h4", {}, "Payload"), element("pre", { tabIndex: 0 }, pretty(payload)));
      return e;
    }
    e.append(element("h4", {}, "JavaScript"), snippet(`const answer = await socket.emitWithAck("${name}", ${pretty(payload)});`));
    e.append(element("h4", {}, "Answer"), element("pre", { tabIndex: 0 }, pretty(answer)));
    return e;
  }

  link({ path, method, operation }) {
    return element("a", { href: `#${operation.operationId}` }, this.method(method), element("code", {}, path));
  }

  method(method) {
    return element(`span.method.${method}`, {}, method.toUpperCase());
  }

  operation({ path, method, operation }) {
    const body = operation.requestBody?.content["application/json"];
    const title = `${operation.operationId}-title`;
    const e = element("article.operation", { id: operation.operationId });
    e.setAttribute("aria-labelledby", title);
    e.append(
      element("div.path", {}, this.method(method), element("code", {}, path)),
      element("h3", { id: title }, operation.summary),
    );
    if (operation.description) e.append(element("p", {}, prose(operation.description)));
    if (operation.parameters) {
      e.append(element("h4", {}, "Parameters"), this.fields(operation.parameters.map((p) => [p.name, p.schema, p.required, p])));
    }
    if (body) {
      e.append(element("h4", {}, "Body"), this.properties(body.schema), element("pre", { tabIndex: 0 }, pretty(body.example)));
    }
    e.append(...this.responses(operation));
    if (operation.responses[200]?.content["text/html"]) return e;
    e.append(element("h4", {}, "curl"), snippet(curl(filled(path, operation.parameters), method, body?.example)));
    e.append(element("details", {}, element("summary", {}, "Try it"), this.form(path, method, operation, body)));
    return e;
  }

  properties(schema) {
    const { properties = {}, required = [] } = this.resolve(schema);
    return this.fields(Object.entries(properties).map(([name, s]) => [name, s, required.includes(name), s]));
  }

  fields(rows) {
    return element(
      "dl",
      {},
      rows.map(([name, schema, required, { description }]) =>
        element(
          "div",
          {},
          element("dt", {}, element(required ? "code.required" : "code", {}, name), element("small", {}, this.type(schema))),
          element("dd", {}, prose(description)),
        ),
      ),
    );
  }

  type(schema) {
    const type = [schema.type ?? "any"].flat().join(" or ");
    const bounds = [schema.minimum ?? schema.minLength, schema.maximum ?? schema.maxLength];
    const range = bounds.some((bound) => bound !== undefined) ? ` ${bounds.join("–")}` : "";
    const preset = schema.default === undefined ? "" : `, default ${schema.default}`;
    return type + range + preset;
  }

  responses(operation) {
    const nodes = [];
    const failures = [];
    for (const [status, response] of Object.entries(operation.responses)) {
      const media = response.content?.["application/json"];
      if (!(status < 400)) {
        failures.push(element("li", {}, element("code", {}, status), ` ${response.description}`));
        continue;
      }
      nodes.push(element("h4", {}, `Answer ${status} ${response.description}`));
      if (media?.example !== undefined) nodes.push(element("pre", { tabIndex: 0 }, pretty(media.example)));
    }
    if (failures.length) nodes.push(element("h4", {}, "Problems"), element("ul.statuses", {}, failures));
    return nodes;
  }

  form(path, method, operation, body) {
    const inputs = new Map();
    const labels = (operation.parameters ?? []).map((p) => {
      const input = element("input", { value: p.in === "path" ? exampleOf(p) : "", required: !!p.required });
      inputs.set(p, input);
      return element("label", {}, p.name, input);
    });
    const example = body && pretty(body.example);
    const text = body && element("textarea", { value: example, rows: example.split("\n").length + 1, spellcheck: false });
    const result = element("output");
    const form = element("form", {}, labels, text ? element("label", {}, "Body", text) : "", element("button", {}, "Send"), result);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const query = new URLSearchParams();
      let url = base + path;
      for (const [p, { value }] of inputs) {
        if (p.in === "path") url = url.replace(`{${p.name}}`, encodeURIComponent(value));
        else if (value) query.set(p.name, value);
      }
      if (query.size) url += `?${query}`;
      result.replaceChildren("Waiting…");
      result.replaceChildren(...(await send(url, method, text?.value)));
    });
    return form;
  }
}

/** Sends a request and returns what to show of the answer. */
async function send(url, method, body) {
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const response = await fetch(url, { method: method.toUpperCase(), headers, body });
    const text = await response.text();
    let shown = text;
    try {
      shown = pretty(JSON.parse(text));
    } catch {
      // Not JSON: shown as it is.
    }
    const status = `${response.status} ${response.statusText}`;
    return [element(response.ok ? "strong" : "strong.bad", {}, status), element("pre", { tabIndex: 0 }, shown)];
  } catch (error) {
    return [element("strong.bad", {}, `No answer: ${error.message}`)];
  }
}

/** Reads a document of this server. */
async function read(path) {
  const response = await fetch(base + path);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response.json();
}

const main = document.getElementById("main");
try {
  const [api, events] = await Promise.all([read("/openapi.json"), read("/docs/events.json")]);
  new Page(api, events).draw(document.getElementById("contents"), main);
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (error) {
  main.replaceChildren(element("p.bad", {}, `The document could not be read: ${error.message}`));
}
