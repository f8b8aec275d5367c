// Two points side by side: settings, figures, and the examples on which they differ.

const FIRST_DIFFERING = 8;

class Compare {
  constructor(data, place, picked) {
    Object.assign(this, { data, place, picked, pair: [null, null] });
    this.choices = ["A", "B"].map((letter, at) => this.chooser(letter, at));
    this.result = el("div", { "aria-live": "polite" });
    place.replaceChildren(
      el("h3", {}, "Compare two points"),
      el("p", { class: "lead small" }, "Click two points of the picture, or choose them here."),
      el("div", { class: "picks" }, this.choices.map((each) => each.label), this.buttons()),
      this.result,
    );
  }

  chooser(letter, at) {
    const select = el("select", { id: `pick-${letter.toLowerCase()}`, onchange: () => this.set(at, select.value === "" ? null : Number(select.value)) });
    select.append(el("option", { value: "" }, "nothing"), ...this.data.points.map((point, number) => el("option", { value: number }, `${point.label}: ${score(point.y)} at ${tokens(point.x)}`)));
    return { select, label: el("label", {}, letter, select) };
  }

  buttons() {
    const both = this.data.points.filter((each) => each.interval).length === 2;
    return [
      both && el("button", { type: "button", onclick: () => this.both(1, 0) }, `Default and ${this.data.points[0].label}`),
      el("button", { type: "button", onclick: () => this.both(null, null) }, "Clear"),
    ];
  }

  both(a, b) {
    this.pair = [a, b];
    this.show();
  }

  set(at, number) {
    this.pair[at] = number;
    this.show();
  }

  // A click: it fills the first free place, or else takes that of the older one.
  click(number) {
    if (this.pair.includes(number)) this.pair[this.pair.indexOf(number)] = null;
    else if (this.pair.includes(null)) this.pair[this.pair.indexOf(null)] = number;
    else this.pair = [this.pair[1], number];
    this.show();
  }

  show() {
    this.choices.forEach(({ select }, at) => { select.value = this.pair[at] ?? ""; });
    const points = this.pair.map((number) => (number === null ? null : this.data.points[number]));
    this.picked(points);
    this.result.replaceChildren();
    if (points.includes(null)) {
      if (points.some(Boolean)) this.result.append(el("p", { class: "muted" }, "Now choose the other."));
      return;
    }
    this.result.append(this.settings(points), ...this.examples(points));
  }

  settings(points) {
    const { data } = this;
    const rows = data.settings.map((setting, at) => [setting.name, ...points.map((each) => valueOf(data, each.values, at) ?? "–")]);
    const differing = rows.filter(([, a, b]) => a !== b);
    const same = rows.filter(([, a, b]) => a === b && a !== "–");
    const figure = (each) => score(each.y) + (each.interval ? ` [${score(each.interval[0])}, ${score(each.interval[1])}]` : "");
    const on = (each) => (each.kind === "trial" ? "" : each.interval ? " of confirm" : " of the finals");
    return el("div", {},
      el("table", {},
        el("thead", {}, el("tr", {}, el("th", {}, ""), points.map((each, at) => el("th", {}, `${"AB"[at]}: ${each.label}`)))),
        el("tbody", {},
          differing.map((row) => el("tr", {}, el("th", { scope: "row" }, row[0]), el("td", {}, row[1]), el("td", {}, row[2]))),
          el("tr", { class: "sum" }, el("th", { scope: "row" }, "utility"), points.map((each) => el("td", {}, figure(each)))),
          el("tr", {}, el("th", { scope: "row" }, "its examples"), points.map((each) => el("td", {}, `${count(each.n)}${on(each)}`))),
          el("tr", {}, el("th", { scope: "row" }, data.cost), points.map((each) => el("td", {}, tokens(each.x)))))),
      differing.length ? null : el("p", { class: "muted" }, "The same settings."),
      same.length ? el("p", { class: "muted small" }, `The same in both: ${same.map(([name, value]) => `${name}=${value}`).join(", ")}`) : null,
    );
  }

  examples(points) {
    const { data } = this;
    const found = common(points);
    if (!found) return [el("p", { class: "muted" }, "They share no two examples whose scores are kept, so nothing can be paired.")];
    const { split, rows } = found;
    const [better, worse] = [rows.filter((row) => row.b > row.a).length, rows.filter((row) => row.b < row.a).length];
    const pair = data.pairs.find((each) => [each.a, each.b].every((number) => this.pair.includes(number)));
    const mean = (side) => rows.reduce((sum, row) => sum + row[side], 0) / rows.length;
    const turned = pair && pair.a !== this.pair[0];
    const sure = pair ? ` [${signed(turned ? -pair.high : pair.low)}, ${signed(turned ? -pair.low : pair.high)}], 95%, paired` : "";
    const difference = pair ? (turned ? -pair.mean : pair.mean) : mean("b") - mean("a");
    const differing = rows.filter((row) => row.a !== row.b).sort((one, other) => Math.abs(other.b - other.a) - Math.abs(one.b - one.a));
    return [
      el("p", {}, el("strong", {}, `On the ${rows.length} examples of ${split} that both answered: B − A is ${signed(difference)}${sure}.`),
        ` B is better on ${count(better)}, A on ${count(worse)}; they are equal on ${count(rows.length - better - worse)}.`,
        split === "tune" ? el("span", { class: "muted" }, " The search chose on examples of tune, so they flatter what it chose.") : null),
      ...this.listed(differing.map((row) => () => this.example(points, split, row))),
    ].filter(Boolean);
  }

  // The first few examples, and a button for the others.
  listed(rows) {
    const rest = rows.slice(FIRST_DIFFERING);
    const more = el("button", { type: "button", onclick: () => more.replaceWith(...rest.map((make) => make())) }, `Show ${count(rest.length)} more`);
    return [...rows.slice(0, FIRST_DIFFERING).map((make) => make()), rest.length ? more : null];
  }

  example(points, split, row) {
    const name = this.data.examples[row.example];
    const marks = el("span", { class: "score" }, "A ", mark(row.a), "  B ", mark(row.b));
    return folded([marks, name], () => this.texts(points, split, name));
  }

  texts(points, split, name) {
    const { prompts, of } = this.data.samples;
    const held = of[split]?.[name];
    const sides = points.map((each) => held?.under[each.digest]);
    if (!sides.some(Boolean)) return el("p", { class: "muted" }, "Its prompts and answers are not in this file, which holds those of the front, the best seen and the default, of the examples that tell most.");
    const same = sides.every(Boolean) && sides[0].prompt === sides[1].prompt;
    return [
      same ? prompt("Prompt", prompts[sides[0].prompt]) : null,
      held.reference ? [el("p", { class: "said" }, "should be"), el("pre", {}, held.reference)] : null,
      el("div", { class: "two" }, sides.map((side, at) => el("div", {},
        side ? [same ? null : prompt(`Prompt of ${"AB"[at]}`, prompts[side.prompt]), answers("AB"[at], side.answers, side.more)]
          : el("p", { class: "muted" }, `The texts of ${"AB"[at]} are not in this file.`)))),
    ].flat().filter(Boolean);
  }
}

// The examples of both, by their numbers: of confirm where there are two or more, else of tune.
function common([a, b]) {
  for (const split of ["confirm", "tune"]) {
    const [ours, theirs] = [a, b].map((each) => each.scores?.[split]);
    if (!ours || !theirs) continue;
    const scores = new Map(theirs[0].map((example, at) => [example, theirs[1][at]]));
    const rows = ours[0].flatMap((example, at) => (scores.has(example) ? [{ example, a: ours[1][at], b: scores.get(example) }] : []));
    if (rows.length >= 2) return { split, rows };
  }
  return null;
}

function mark(value) {
  return el("span", { class: value >= 0.5 ? "right" : "wrong" }, `${value >= 0.5 ? "✓" : "✗"} ${value.toFixed(2)}`);
}

function prompt(head, text) {
  return [el("p", { class: "said" }, head), el("pre", {}, text)];
}

// Samples of one configuration on one example.
function answers(who, found, more = 0) {
  if (!found.length) return el("p", { class: "muted" }, `${who}: no answer`);
  const rest = more ? el("p", { class: "muted small" }, `and ${several(more, "more sample")}`) : null;
  return [
    ...found.map((each) => [
      el("p", { class: "said" }, `${who}: `, mark(each.score), each.found === null ? ", no answer found" : [", read as ", el("code", {}, each.found || "(nothing)")], each.ended === "length" ? ", cut at max_tokens" : ""),
      el("pre", {}, each.text || "(nothing)"),
    ]).flat(),
    rest,
  ].filter(Boolean);
}
