// Draws /openapi.json as a page. Everything is put in as text, never as HTML.

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

class Page {
  constructor(api) {
    this.api = api;
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
    for (const tag of this.api.tags) {
      const operations = this.operations().filter(({ operation }) => operation.tags.includes(tag.name));
      contents.append(element("h2", {}, tag.name), ...operations.map((o) => this.link(o)));
      nodes.push(element("section.group", {}, element("h2", {}, tag.name), element("p", {}, tag.description)));
      nodes.push(...operations.map((o) => this.operation(o)));
    }
    main.replaceChildren(...nodes);
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
      e.append(element("h4", {}, "Body"), this.properties(body.schema), element("pre", {}, pretty(body.example)));
    }
    e.append(...this.responses(operation));
    if (operation.responses[200]?.content["text/html"]) return e;
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
      if (media?.example !== undefined) nodes.push(element("pre", {}, pretty(media.example)));
    }
    if (failures.length) nodes.push(element("h4", {}, "Problems"), element("ul.statuses", {}, failures));
    return nodes;
  }

  form(path, method, operation, body) {
    const inputs = new Map();
    const labels = (operation.parameters ?? []).map((p) => {
      const input = element("input", { value: p.in === "path" ? (p.example ?? p.schema.examples?.[0] ?? "") : "", required: !!p.required });
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
      let url = path;
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
    return [element(response.ok ? "strong" : "strong.bad", {}, status), element("pre", {}, shown)];
  } catch (error) {
    return [element("strong.bad", {}, `No answer: ${error.message}`)];
  }
}

const main = document.getElementById("main");
try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  new Page(await response.json()).draw(document.getElementById("contents"), main);
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (error) {
  main.replaceChildren(element("p.bad", {}, `The document could not be read: ${error.message}`));
}
