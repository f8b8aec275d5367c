// The parts that are words and tables.

function showAnswer(data) {
  const place = section("answer");
  const found = data.answer;
  const facts = el("dl", { class: "facts" }, data.facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  if (!found) {
    place.append(el("span", { class: "badge" }, "no answer yet"), el("h1", {}, `${data.study}: ${several(data.n_trials, "trial")} so far.`),
      el("p", { class: "lead" }, "Utilities of trials are of few examples and flatter the best. The verdict comes with the confirmation, on examples that the search has not seen."), facts);
    return;
  }
  const [head, ...rest] = found.sentence.split(": ");
  const badge = { "clear winner": "winner", undecided: "undecided" }[found.kind] ?? "";
  place.append(
    el("span", { class: `badge ${badge}` }, `${{ winner: "✓ ", undecided: "? " }[badge] ?? "= "}${head}`),
    el("h1", {}, capital(rest.join(": "))),
    ...[found.advice, found.bounded].filter(Boolean).map((text) => el("p", {}, text)),
    ...changes(data),
    el("div", { class: "halves" }, sides(data), el("div", {}, strip(data), facts)),
    worth(data),
  );
}

// What each change adds on the way from the default, by the model of the search.
function worth(data) {
  if (!data.path.length) return "";
  const gain = (found) => `${signed(found.mean)} [${signed(found.low)}, ${signed(found.high)}]`;
  const head = ["change", "adds in utility", data.cost, "taken back alone, loses"];
  return folded("What each change is worth", () => [
    el("p", { class: "lead small" }, "What the search's own model expects of examples of tune, with 95% intervals. Where an interval holds 0, the change cannot be told from none."),
    el("table", {},
      el("thead", {}, el("tr", {}, head.map((each) => el("th", { scope: "col" }, each)))),
      el("tbody", {}, data.path.map((step) => el("tr", {},
        el("th", { scope: "row" }, `${step.name}: ${step.was ?? "none"} → ${step.now ?? "none"}`),
        el("td", {}, gain(step.adds)), el("td", {}, (step.cost_tokens < 0 ? "" : "+") + step.cost_tokens.toFixed(1)), el("td", {}, step.worth ? gain(step.worth) : ""))))),
  ]);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function changes(data) {
  const [seen, base] = data.answer.sides;
  if (!base) return [];
  const changed = data.settings.map((setting, at) => [setting.name, valueOf(data, base.values, at) ?? "–", valueOf(data, seen.values, at) ?? "–"]).filter(([, was, is]) => was !== is);
  const what = seen.recommended ? "What the recommended configuration changes" : "What the best seen would change";
  return [el("p", { class: "said" }, what), el("ul", { class: "changes" }, changed.map(([name, was, is]) => el("li", {}, `${name} `, el("s", {}, was), " → ", el("strong", {}, is))))];
}

function sides(data) {
  const all = data.answer.sides;
  const named = (each) => (each.kind === "default" ? `default${each.recommended ? ", recommended" : ""}` : each.recommended ? "recommended" : "best seen");
  const row = (name, of, changed, sum) => el("tr", { class: sum ? "sum" : changed ? "changed" : null }, el("th", { scope: "row" }, name), all.map((each) => el("td", {}, el("span", {}, of(each)))));
  return el("table", {},
    el("thead", {}, el("tr", {}, el("th", {}, ""), all.map((each) => el("th", { scope: "col" }, named(each))))),
    el("tbody", {},
      data.settings.map((setting, at) => {
        const value = (each) => valueOf(data, each.values, at) ?? "–";
        return row(setting.name, value, value(all[0]) !== value(all.at(-1)));
      }),
      row("utility, 95%", (each) => interval(each.utility), false, true),
      row(data.cost, (each) => tokens(each.cost_tokens)),
      all.some((each) => each.answered_share < 1) ? row("answered", (each) => `${(100 * each.answered_share).toFixed(1)}%`) : null));
}

// Both utilities with their intervals, on one axis from 0 to 1.
function strip(data) {
  const all = data.answer.sides;
  const [left, width, height] = [14, 372, 44 * all.length + 30];
  const x = (value) => left + width * value;
  const bottom = height - 22;
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    svg("line", { class: "axis", x1: x(value), x2: x(value), y1: 4, y2: bottom }),
    svg("text", { class: "tick", x: x(value), y: bottom + 15, "text-anchor": "middle" }, value)]);
  const bars = all.flatMap((each, at) => {
    const [y, of] = [44 * at + 34, `var(--${each.kind})`];
    const { mean, low, high } = each.utility;
    const end = mean > 0.5;
    return [
      svg("text", { x: end ? x(1) : x(0), y: y - 13, "text-anchor": end ? "end" : "start" }, `${each.kind === "default" ? "default" : each.recommended ? "recommended" : "best seen"}: ${score(mean)}`),
      svg("line", { x1: x(low), x2: x(high), y1: y, y2: y, stroke: of, "stroke-width": 6, "stroke-linecap": "round", opacity: 0.45 }),
      each.kind === "default" ? svg("path", { d: `M${x(mean)} ${y - 8}l8 8-8 8-8-8z`, fill: of }) : svg("circle", { cx: x(mean), cy: y, r: 7, fill: of })];
  });
  const label = all.map((each) => `${each.kind}: ${interval(each.utility)}`).join("; ");
  return el("div", {}, el("p", { class: "said" }, `utility on ${all[0].utility.n} unseen examples, 95% intervals`), svg("svg", { class: "strip", viewBox: `0 0 400 ${height}`, role: "img", "aria-label": label }, ticks, bars));
}

// What to use within a cost: the recommendation where it keeps it, otherwise what the search's model expects most of.
function showCap(data, front) {
  const place = by("cap");
  const { choices } = data;
  place.hidden = choices.length < 2;
  if (place.hidden) return;
  const mine = choices.find((each) => each.recommended);
  const [cheapest, dearest] = [choices[0].x, Math.max(choices.at(-1).x, mine.x)];
  const step = 10 ** Math.floor(Math.log10(Math.max(dearest - cheapest, 1e-6) / 100));
  const low = Math.floor((cheapest - 2 * step) / step) * step, high = Math.ceil((dearest + step) / step) * step;
  const range = el("input", { type: "range", id: "cap-cost", min: Math.max(0, low), max: high, step, value: high });
  const said = el("div", { class: "choice", "aria-live": "polite" });
  const show = () => {
    const cost = Number(range.value);
    const within = choices.filter((each) => each.x <= cost);
    const choice = within.includes(mine) ? mine : within.reduce((best, each) => (best === null || each.y > best.y ? each : best), null);
    range.setAttribute("aria-valuetext", `${tokens(cost)} ${data.cost}`);
    const cap = cost < Number(range.max) - step ? cost : null; // a slider may end a step before its end
    front.capped(cap, choice);
    said.replaceChildren(...(choice ? capped(data, choice, mine, cap) : [el("p", {}, `Nothing that was tried costs at most ${tokens(cost)} ${data.cost}.`)]));
  };
  range.addEventListener("input", show);
  place.replaceChildren(
    el("h3", {}, "What to use within a cost"),
    el("label", { for: "cap-cost", class: "small muted" }, `The most that you would pay, in ${data.cost}. Of these choices only the recommended one, and the default, were confirmed; of the others this is what the model of the search expects.`),
    range, said);
  show();
}

function capped(data, choice, mine, cost) {
  const is = choice === mine ? "the recommended configuration" : choice.confirmed ? "the default" : "another that was tried";
  const less = `${Math.abs(100 * (choice.x / mine.x - 1)).toFixed(0)}% ${choice.x < mine.x ? "fewer" : "more"} tokens`;
  return [
    el("strong", {}, `${cost === null ? "Without a cap" : `Within ${tokens(cost)}`}: ${is}, ${choice.confirmed ? "utility" : "an expected utility of"} ${score(choice.y)} at ${tokens(choice.x)} ${data.cost}.`),
    choice === mine ? null : el("p", {}, `Beside the recommended: ${signed(choice.y - mine.y)} in utility, ${less}.${choice.confirmed ? "" : ` It was tried on ${several(choice.n, "example")}.`}`),
    el("p", { class: "mono" }, choice.changed),
    choice.confirmed ? null : el("p", { class: "muted small" }, `The same study with ${data.cost === "tokens per request" ? "--max-cost-tokens " : "max_cost="}${Math.ceil(choice.x)} and another name confirms a choice of that cost, and pays for no sample again that is there.`),
  ].filter(Boolean);
}

function showFrontTable(data) {
  by("front-table").hidden = !data.front.length;
  by("front-table").querySelector("div").replaceChildren(el("table", {},
    el("thead", {}, el("tr", {}, el("th", {}, ""), el("th", { class: "number" }, data.cost), el("th", { class: "number" }, "utility"), el("th", {}, "changed from the default"))),
    el("tbody", {}, data.front.map((number) => data.points[number]).map((each) => el("tr", {}, el("th", { scope: "row" }, each.label), el("td", { class: "number" }, tokens(each.x)), el("td", { class: "number" }, score(each.y)), el("td", {}, each.changed))))));
}

function showSpending(data) {
  const { parts, unbooked } = data.spending;
  const of = (part) => part.prompt_tokens + part.completion_tokens + part.extra_tokens;
  const total = parts.reduce((sum, part) => sum + of(part), unbooked);
  by("spending").hidden = !total;
  if (!total) return;
  const place = section("spending");
  const sum = (split) => parts.filter((part) => part.split === split).reduce((all, part) => all + of(part), 0);
  const split = [["tune", "pilot, search and finals (tune)", sum("tune")], ["confirm", "confirmation (confirm)", sum("confirm")], ["other", "beyond these examples", sum("another") + unbooked]].filter(([, , n]) => n);
  const bar = (pieces, of, thin) => {
    const made = el("div", { class: thin ? "bar thin" : "bar", "aria-hidden": "true" });
    for (const [name, n] of pieces) { const piece = el("i", { class: name }); piece.style.width = `${(100 * n) / of}%`; made.append(piece); }
    return made;
  };
  const share = (n) => `${count(n)} (${((100 * n) / total).toFixed(0)}%)`;
  const prompts = [...new Set(parts.map((part) => part.prompt))].map((name) => {
    const mine = parts.filter((part) => part.prompt === name);
    const at = (key) => mine.reduce((all, part) => all + part[key], 0);
    return { name, pieces: ["tune", "confirm", "another"].map((each) => [each === "another" ? "other" : each, mine.filter((part) => part.split === each).reduce((all, part) => all + of(part), 0)]), sum: mine.reduce((all, part) => all + of(part), 0), asked: at("prompt_tokens"), written: at("completion_tokens"), requests: at("n_requests"), failed: at("n_failed"), extra: at("extra_tokens") };
  });
  const fails = prompts.some((each) => each.failed);
  const most = Math.max(...prompts.map((each) => each.sum));
  place.append(
    bar(split.map(([name, , n]) => [name, n]), total),
    el("ul", { class: "key" }, split.map(([name, label, n]) => el("li", {}, el("i", { class: name }), `${label}: ${share(n)}`))),
    el("table", {},
      el("thead", {}, el("tr", {}, el("th", {}, "prompt"), el("th", { class: "wide" }, ""), el("th", { class: "number" }, data.cost === "tokens per request" ? "tokens" : "cost"), el("th", { class: "number wide" }, "prompt"), el("th", { class: "number wide" }, "completion"), el("th", { class: "number" }, "requests"), fails ? el("th", { class: "number" }, "failed") : null)),
      el("tbody", {}, prompts.map((each) => el("tr", {}, el("th", { scope: "row" }, each.name), el("td", { class: "wide", width: "28%" }, bar(each.pieces, most, true)), el("td", { class: "number" }, count(each.sum)), el("td", { class: "number wide" }, count(each.asked)), el("td", { class: "number wide" }, count(each.written)), el("td", { class: "number" }, count(each.requests)), fails ? el("td", { class: "number" }, count(each.failed)) : null)))),
    el("p", { class: "muted small" }, "Pilot, search and finals draw on the same examples and share their samples, so they are one part. What another study of the database had paid for cost this one nothing."),
  );
}

function showFailures(data) {
  const found = data.failures;
  by("failures").hidden = !found;
  if (!found) return;
  const place = section("failures");
  const beside = found.alone ? "" : ` The default fails ${count(found.n_both + found.n_mended)}: ${count(found.n_both)} fail under both, ${count(found.n_new)} only under the recommended one, ${count(found.n_mended)} only under the default.`;
  place.append(el("p", {}, el("strong", {}, `${found.alone ? "The default, which is recommended," : "The recommended configuration"} fails ${count(found.n_failed)} of ${count(found.n_examples)} confirm examples`), ` (score below ${found.below}).${beside}`));
  if (found.kinds.length) place.append(el("p", {}, `Their answers: ${found.kinds.map(([kind, n]) => `${count(n)} ${kind}`).join(", ")}.`));
  if (found.wrong_answers.length) place.append(el("p", { class: "said" }, "commonest wrong answers"), el("ul", { class: "changes" }, found.wrong_answers.map(([text, n]) => el("li", {}, `${text || "(nothing)"} `, el("span", { class: "muted" }, `× ${count(n)}`)))));
  if (found.examples.length < found.n_failed) place.append(el("p", { class: "lead" }, `${count(found.examples.length)} of them, chosen to be unlike each other:`));
  for (const each of found.examples) {
    const marks = el("span", { class: "score" }, mark(each.score), found.alone ? "" : ["  default ", mark(each.default_score)]);
    place.append(folded([marks, each.example], () => [
      prompt("Prompt", each.prompt), each.reference ? [el("p", { class: "said" }, "should be"), el("pre", {}, each.reference)] : null,
      each.error ? el("p", {}, `No answer: ${each.error}`) : null,
      el("div", { class: "two" }, el("div", {}, answers(found.alone ? "answer" : "recommended", each.answers)), found.alone ? null : el("div", {}, answers("default", each.default_answers))),
    ].flat().filter(Boolean)));
  }
}

function showEnvironment(data) {
  const place = section("environment");
  const notes = data.answer?.notes ?? [];
  if (notes.length) place.append(el("h3", {}, "Notes"), el("ul", {}, notes.map((note) => el("li", {}, capital(note), "."))));
  place.append(
    el("h3", {}, "To go on"), ...data.commands.flatMap(([what, line]) => [el("p", { class: "said" }, what), el("pre", { class: "command" }, line)]),
    el("h3", {}, "Found with"), el("table", {}, el("tbody", {}, data.environment.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value))))));
}
