// Small helpers to build and fill elements. Everything that comes from the
// network enters the page as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** Makes an element: props are properties, except class, data and aria. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "aria") for (const [key, text] of Object.entries(value)) node.setAttribute(`aria-${key}`, text);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Makes an icon of the page's sprite. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** What to call somebody: the user's name or, without one, a piece of the socket's id. */
export function nameOf({ user, id }) {
  return user || (id ? `guest ${id.slice(0, 4)}` : "guest");
}

/** Makes the coloured initial of a person. The same name has the same colour everywhere. */
export function avatar(name) {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 3600;
  const node = el("span", { class: "avatar", aria: { hidden: "true" } }, [...name][0].toUpperCase());
  node.style.setProperty("--hue", String(hash / 10));
  return node;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** Makes a <time>: the clock for today, the day as well for others. */
export function time(value, { seconds = false } = {}) {
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return el("time", {}, "");
  const text = (seconds ? exact : clock).format(at);
  const today = at.toDateString() === new Date().toDateString();
  return el("time", { dateTime: at.toISOString(), title: at.toLocaleString() }, today ? text : `${day.format(at)}, ${text}`);
}

/** Shows text in a message line, or hides the line. */
export function say(line, text) {
  line.textContent = text || "";
  line.hidden = !text;
}

/**
 * Runs handler when the form is sent. While it runs the form is busy; what it
 * throws is shown in the form's own error line.
 */
export function onSubmit(form, handler) {
  const error = form.querySelector(".error");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    say(error, "");
    try {
      await handler();
    } catch (err) {
      say(error, blame(form, err));
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
  form.addEventListener("input", () => {
    say(error, "");
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  });
}

/** Marks the inputs that an error is about, and returns its text with the names that the form gives them. */
function blame(form, { message, inputs = [] }) {
  const parts = [];
  for (const { field, message: wrong } of inputs) {
    const input = [...form.elements].find(({ dataset }) => dataset.field === field);
    if (!input) return message;
    input.setAttribute("aria-invalid", "true");
    const name = input.labels[0]?.textContent.trim() ?? field;
    parts.push(`${name}: ${wrong}`);
  }
  return parts.join("; ") || message;
}

/** Lets a textarea grow with its text, and Enter send its form (Shift+Enter starts a new line). */
export function composer(textarea) {
  const fit = () => {
    textarea.style.height = "auto";
    textarea.style.height = `${Math.min(textarea.scrollHeight + 2, 160)}px`;
  };
  textarea.addEventListener("input", fit);
  textarea.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    textarea.form.requestSubmit();
  });
  return {
    take() {
      const text = textarea.value;
      textarea.value = "";
      fit();
      return text;
    },
  };
}

/**
 * Keeps a scrolled list at its end while that is where the reader is, and where
 * the reader was otherwise: when lines are added, when the window or the
 * keyboard changes the room there is, when the view is shown again.
 */
export function followEnd(scroller) {
  let following = true;
  let position = 0;
  scroller.addEventListener("scroll", () => {
    if (scroller.clientHeight === 0) return;
    const top = scroller.scrollTop;
    // The end is only left upwards: when lines came since this event was
    // queued, it is far away although nobody has scrolled.
    if (scroller.scrollHeight - top - scroller.clientHeight < 60) following = true;
    else if (top < position) following = false;
    position = top;
  });
  const keep = () => {
    if (scroller.clientHeight === 0) return;
    scroller.scrollTop = following ? scroller.scrollHeight : position;
    position = scroller.scrollTop;
  };
  const sizes = new ResizeObserver(keep);
  for (const node of [scroller, ...scroller.children]) sizes.observe(node);
  return {
    /** Goes to the end and stays there. */
    toEnd() {
      following = true;
      keep();
    },
    /** Keeps what the reader sees in place while change adds lines above it. */
    async hold(change) {
      const fromEnd = scroller.scrollHeight - scroller.scrollTop;
      following = false;
      await change();
      scroller.scrollTop = position = scroller.scrollHeight - fromEnd;
    },
  };
}
