// A Bokeh figure with the page's colours and fonts.

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

function makeFigure({ x, y, height, log = false, ranges, tools = "" }) {
  const figure = Bokeh.Plotting.figure({
    height, tools, sizing_mode: "stretch_width", x_axis_type: log ? "log" : "linear", x_axis_label: x, y_axis_label: y,
    toolbar_location: tools ? "above" : null, x_range: ranges.x, y_range: ranges.y, min_border_right: 12,
  });
  figure.toolbar.logo = null;
  figure.toolbar.active_drag = null;
  figure.toolbar.active_scroll = null;
  if (log) figure.xaxis.formatter = new Bokeh.BasicTickFormatter({ use_scientific: false });
  for (const axis of [figure.xaxis, figure.yaxis]) {
    axis.axis_label_text_font = FONT;
    axis.axis_label_text_font_style = "normal";
    axis.major_label_text_font = FONT;
    axis.minor_tick_line_color = null;
    axis.major_tick_line_color = null;
  }
  return figure;
}

// Give a figure the colours of the theme; `series` are pairs of a glyph renderer and the name of its colour.
function colourFigure(figure, series) {
  const [text, muted, line] = ["text", "muted", "line"].map(colour);
  figure.background_fill_color = null;
  figure.border_fill_color = null;
  figure.outline_line_color = line;
  for (const axis of [figure.xaxis, figure.yaxis]) {
    axis.axis_label_text_color = text;
    axis.major_label_text_color = muted;
    axis.axis_line_color = line;
  }
  for (const grid of [figure.xgrid, figure.ygrid]) grid.grid_line_color = line;
  for (const [renderer, name, part] of series) {
    const of = colour(name);
    const glyph = renderer.glyph ?? renderer;
    if (part !== "line" && "fill_color" in glyph) glyph.fill_color = of;
    if ("line_color" in glyph) glyph.line_color = of;
    if ("text_color" in glyph) glyph.text_color = of;
  }
}

// Where both axes begin and end, so that all points and intervals have room.
function rangesOf(points, log) {
  const xs = points.map((each) => each.x);
  const lows = points.map((each) => each.interval?.[0] ?? each.y);
  const highs = points.map((each) => each.interval?.[1] ?? each.y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...lows), Math.max(...highs)];
  const pad = Math.max(0.08 * (high - low), 0.03);
  const wide = log ? Math.max((right / left) ** 0.07, 1.05) : Math.max(0.07 * (right - left), 0.02 * right, 0.5);
  return {
    x: log ? [left / wide, right * wide] : [Math.max(0, left - wide), right + wide],
    y: [Math.max(-0.3 * pad, low - pad), Math.min(1 + pad, high + pad)],
  };
}

// The point nearest to a place of the figure, within a finger's reach; and how many lie at the same place.
function nearest(figure, log, points, at, reach) {
  const scale = (value, range, size) => {
    const [from, to, v] = log && range === figure.x_range ? [range.start, range.end, value].map(Math.log) : [range.start, range.end, value];
    return ((v - from) / (to - from)) * size;
  };
  const place = (x, y) => [scale(x, figure.x_range, figure.inner_width), scale(y, figure.y_range, figure.inner_height)];
  const [px, py] = place(at.x, at.y);
  let best = null, distance = reach, same = 0;
  points.forEach((point, number) => {
    const [x, y] = place(point.x, point.y);
    const far = Math.hypot(x - px, y - py) - (point.kind === "trial" ? 0 : 4);
    if (best !== null && point.x === points[best].x && point.y === points[best].y) same += 1;
    else if (far < distance) [best, distance, same] = [number, far, 0];
  });
  return { best, same };
}
