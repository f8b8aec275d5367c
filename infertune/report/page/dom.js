// Everything that a page shows is made here, and texts get into it as text nodes alone.

const SVG = "http://www.w3.org/2000/svg";

function put(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

// An element of HTML; a child that is no element becomes a text.
function el(tag, attributes, ...children) {
  return put(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return put(document.createElementNS(SVG, tag), attributes, children);
}

function by(id) {
  return document.getElementById(id);
}

// Open a section and return where its contents go.
function section(id, selector = ":scope > div") {
  const found = by(id);
  found.hidden = false;
  const inside = found.querySelector(selector);
  inside.replaceChildren();
  return inside;
}

// A folded part that is made when it is first opened, or printed.
function folded(summary, make, open = false) {
  const inside = el("div");
  const part = el("details", {}, el("summary", {}, summary), inside);
  let made = false;
  part.fill = () => {
    if (!made) put(inside, {}, [make()]);
    made = true;
  };
  part.addEventListener("toggle", () => part.open && part.fill());
  if (open) { part.fill(); part.open = true; }
  return part;
}

const whole = new Intl.NumberFormat("en");
const count = (value) => whole.format(value);
const score = (value) => value.toFixed(3);
const signed = (value) => (value < 0 ? "" : "+") + value.toFixed(3);
const tokens = (value) => (value < 1000 ? String(Number(value.toFixed(1))) : count(Math.round(value)));
const interval = (found) => `${score(found.mean)} [${score(found.low)}, ${score(found.high)}]`;
const several = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// The values of a point or of a side, as texts; null for a setting that it does not have.
function valueOf(data, values, at) {
  return values[at] < 0 ? null : data.settings[at].values[values[at]];
}
