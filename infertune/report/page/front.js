// Utility against cost: what was tried, the front, the two that were confirmed, the cap, and the two being compared.

const SHAPES = {
  trial: { label: (data) => `tried (${several(data.points.filter((each) => each.kind === "trial").length, "trial")}, each on its own examples)`, marker: "circle", size: 6 },
  front: { label: (data) => `front, on the ${data.answer.n_tune} examples of the finals`, marker: "square", size: 9 },
  default: { label: (data) => `default, on ${data.answer.sides.at(-1).utility.n} unseen examples, 95%`, marker: "diamond", size: 15 },
  seen: { label: (data) => `${data.points[0].label}, on ${data.answer.sides[0].utility.n} unseen examples, 95%`, marker: "star", size: 20 },
};

const KEYS = {
  trial: () => svg("circle", { cx: 9, cy: 7, r: 3.5, fill: "var(--trial)" }),
  front: () => [svg("path", { d: "M0 10H9V4H18", stroke: "var(--front)", "stroke-width": 2, fill: "none" }), svg("rect", { x: 5.5, y: 3.5, width: 7, height: 7, fill: "var(--front)" })],
  default: () => [svg("path", { d: "M9 -1V15", stroke: "var(--default)", "stroke-width": 2 }), svg("path", { d: "M9 1L14 7L9 13L4 7Z", fill: "var(--default)" })],
  seen: () => [svg("path", { d: "M9 -1V15", stroke: "var(--seen)", "stroke-width": 2 }), svg("path", { d: "M9 0l2 5 5 0-4 3.4 1.5 5L9 10.3 4.500 13.400 6 8.400 2 5 7 5z", fill: "var(--seen)" })],
};

class Front {
  constructor(data, chosen) {
    this.data = data;
    this.chosen = chosen; // is told which point was clicked
    const xs = data.points.map((each) => each.x);
    this.log = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > 8;
    this.series = [];
    this.build();
  }

  build() {
    const { data, log } = this;
    const ranges = rangesOf(data.points, log);
    const narrow = window.innerWidth < 768;
    this.figure = makeFigure({
      x: data.cost, y: "utility", height: narrow ? 340 : 420, log,
      ranges: { x: new Bokeh.Range1d({ start: ranges.x[0], end: ranges.x[1] }), y: new Bokeh.Range1d({ start: ranges.y[0], end: ranges.y[1] }) },
      tools: "pan,box_zoom,wheel_zoom,reset,save",
    });
    this.kind("trial", { fill_alpha: 0.45, line_alpha: 0.6 });
    const front = data.front.map((number) => data.points[number]);
    if (front.length > 1) {
      const step = this.figure.step({ x: front.map((each) => each.x), y: front.map((each) => each.y), mode: "after", line_width: 2 });
      this.series.push([step, "front"]);
    }
    this.kind("front");
    this.cap = new Bokeh.Span({ dimension: "height", location: ranges.x[1] * 10, line_width: 2, line_dash: [6, 4] });
    this.figure.add_layout(this.cap);
    this.series.push([this.cap, "cap"]);
    for (const kind of ["default", "seen"]) {
      const those = data.points.filter((each) => each.kind === kind && each.interval);
      if (!those.length) continue;
      const [x, low, high] = [those.map((each) => each.x), those.map((each) => each.interval[0]), those.map((each) => each.interval[1])];
      this.series.push([this.figure.segment({ x0: x, y0: low, x1: x, y1: high, line_width: 2.5 }), kind]);
      for (const y of [low, high]) this.series.push([this.figure.scatter({ x, y, marker: "dash", size: 14, line_width: 2.5 }), kind]);
      this.kind(kind);
    }
    this.ring = this.hollow(24, "cap");
    this.picked = this.hollow(22, "text");
    this.letters = new Bokeh.ColumnDataSource({ data: { x: [], y: [], text: [] } });
    const letters = this.figure.text({ x: { field: "x" }, y: { field: "y" }, text: { field: "text" }, source: this.letters, x_offset: 12, y_offset: -8, text_font_style: "bold", text_font: FONT, text_font_size: "14px" });
    this.series.push([letters, "text"]);
    this.figure.on_event("mousemove", (event) => this.hover(event));
    this.figure.on_event("mouseleave", () => this.hover(null));
    this.figure.on_event("tap", (event) => this.tap(event, false));
    this.figure.on_event("doubletap", (event) => this.tap(event, true)); // two quick clicks, wherever each was
  }

  kind(kind, more = {}) {
    const those = this.data.points.filter((each) => each.kind === kind);
    const { marker, size } = SHAPES[kind];
    if (those.length) this.series.push([this.figure.scatter({ x: those.map((each) => each.x), y: those.map((each) => each.y), marker, size, ...more }), kind]);
  }

  hollow(size, name) {
    const source = new Bokeh.ColumnDataSource({ data: { x: [], y: [] } });
    this.series.push([this.figure.scatter({ x: { field: "x" }, y: { field: "y" }, source, marker: "circle", size, fill_color: null, line_width: 2.5 }), name, "line"]);
    return source;
  }

  async show(place) {
    this.place = place;
    this.colour();
    listeners.add((this.listener = () => this.colour()));
    place.replaceChildren();
    this.view = await Bokeh.Plotting.show(this.figure, place);
  }

  remove() {
    listeners.delete(this.listener);
    this.view?.remove();
  }

  colour() {
    colourFigure(this.figure, this.series);
  }

  // Mark the cap and the point that it admits.
  capped(cost, point) {
    this.cap.location = cost ?? 1e300;
    this.ring.data = point ? { x: [point.x], y: [point.y] } : { x: [], y: [] };
  }

  // Mark the points that are compared.
  pick(points) {
    const there = points.map((each, at) => [each, "AB"[at]]).filter(([each]) => each);
    const columns = { x: there.map(([each]) => each.x), y: there.map(([each]) => each.y) };
    this.picked.data = columns;
    this.letters.data = { ...columns, text: there.map(([, letter]) => letter) };
  }

  hover(event) {
    const tip = this.place.parentElement.querySelector(".tip");
    const { best, same } = event ? nearest(this.figure, this.log, this.data.points, event, 14) : { best: null };
    this.place.style.cursor = best === null ? "" : "pointer";
    tip.hidden = best === null;
    if (best === null) return;
    tip.replaceChildren(...described(this.data, this.data.points[best], same));
    const [width, room] = [tip.offsetWidth, this.place.offsetWidth];
    const left = event.sx + 18 + width > room ? Math.max(0, event.sx - width - 18) : event.sx + 18;
    tip.style.left = `${Math.min(left, Math.max(0, room - width))}px`;
    tip.style.top = `${Math.max(0, event.sy - 20)}px`;
  }

  tap(event, isSecond) {
    this.hover(event);
    const { best } = nearest(this.figure, this.log, this.data.points, event, 20);
    if (best !== null && !(isSecond && best === this.tapped)) this.chosen(best);
    this.tapped = best;
  }
}

// What a point is, for the box beside it.
function described(data, point, same) {
  const base = data.answer?.sides.at(-1).values;
  const rows = data.settings.flatMap((setting, at) => {
    const value = valueOf(data, point.values, at);
    return value === null ? [] : [el("dt", {}, setting.name), el("dd", { class: base && base[at] !== point.values[at] ? "changed" : null }, value)];
  });
  const sure = point.interval ? ` [${score(point.interval[0])}, ${score(point.interval[1])}]` : "";
  return [
    el("strong", {}, point.label),
    el("span", {}, `utility ${score(point.y)}${sure}, ${tokens(point.x)} ${data.cost}, ${several(point.n, point.kind === "trial" ? "example" : point.interval ? "unseen example" : "example of the finals", point.kind === "trial" ? "examples" : point.interval ? "unseen examples" : "examples of the finals")}`),
    same ? el("span", { class: "muted" }, `; ${count(same)} more at the same place`) : null,
    el("dl", {}, rows),
  ].filter(Boolean);
}

function showLegend(data, place) {
  const kinds = ["trial", "front", "default", "seen"].filter((kind) => data.points.some((each) => each.kind === kind));
  place.replaceChildren(...kinds.map((kind) => el("li", {}, svg("svg", { viewBox: "0 0 18 14", "aria-hidden": "true" }, KEYS[kind]()), SHAPES[kind].label(data))));
}
