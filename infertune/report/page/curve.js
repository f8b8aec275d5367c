// What more samples per answer bring, and what they cost.

const VOTER_SHAPES = ["circle", "square", "triangle"];
const VOTER_COLOURS = ["front", "seen", "default"];
let smallFigures = [];

function showCurves(data) {
  for (const each of smallFigures.splice(0)) { listeners.delete(each.listener); each.view?.remove(); }
  const place = section("samples-per-answer", ".two");
  by("samples-per-answer").hidden = !data.curve.length;
  if (!data.curve.length) return;
  const single = data.curve.filter((each) => each.n === 1);
  const voters = [...new Set(data.curve.filter((each) => each.n > 1).map((each) => each.voter))].slice(0, VOTER_SHAPES.length);
  by("samples-per-answer").querySelector(".lead").textContent =
    `The recommended configuration with other numbers of samples, on the same ${data.curve[0].utility.n} examples of tune: every n is worked out from the samples that were bought. ` +
    voters.map((voter, at) => `${voter}: ${VOTER_SHAPES[at]}s`).join(", ") + ".";
  const lines = voters.map((voter) => [...single, ...data.curve.filter((each) => each.voter === voter && each.n > 1)]);
  const all = lines.flat();
  const shown = [
    ["utility", (each) => each.utility.mean, (each) => [each.utility.low, each.utility.high]],
    [data.cost, (each) => each.cost_tokens, () => undefined],
  ];
  for (const [label, value, bounds] of shown) {
    const points = all.map((each) => ({ x: each.n, y: value(each), interval: bounds(each) }));
    const ranges = rangesOf(points, false);
    const top = Math.max(...points.map((each) => each.y));
    const y = label === "utility" ? ranges.y : [0, top * 1.08];
    const figure = makeFigure({ x: "samples per answer (n)", y: label, height: 280, ranges: { x: new Bokeh.Range1d({ start: 0, end: ranges.x[1] }), y: new Bokeh.Range1d({ start: y[0], end: y[1] }) } });
    figure.xaxis.ticker = new Bokeh.FixedTicker({ ticks: [...new Set(all.map((each) => each.n))] });
    const series = lines.flatMap((line, at) => drawLine(figure, line, at, value, bounds));
    const small = { listener: () => colourFigure(figure, series) };
    small.listener();
    listeners.add(small.listener);
    const slot = el("div");
    place.append(slot);
    Bokeh.Plotting.show(figure, slot).then((view) => { small.view = view; });
    smallFigures.push(small);
  }
}

function drawLine(figure, line, at, value, bounds) {
  const [x, y] = [line.map((each) => each.n + 0.06 * at), line.map(value)];
  const name = VOTER_COLOURS[at];
  const series = [[figure.line({ x, y, line_width: 2 }), name], [figure.scatter({ x, y, marker: VOTER_SHAPES[at], size: 9 }), name]];
  if (bounds(line[0])) series.push([figure.segment({ x0: x, x1: x, y0: line.map((each) => bounds(each)[0]), y1: line.map((each) => bounds(each)[1]), line_width: 1.5 }), name]);
  return series;
}
