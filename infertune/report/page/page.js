// From the data to the page; a page of a running study asks its own server for newer data.

let front = null;
let last = "";

const SECTIONS = [["answer", "Answer"], ["front", "Utility and cost"], ["samples-per-answer", "Samples"], ["spending", "Tokens"], ["failures", "Failures"], ["environment", "Environment"]];

async function show(data) {
  document.title = `${data.study}: infertune report`;
  by("study").textContent = data.study;
  by("foot").textContent = `Written ${data.written} by infertune ${data.infertune}. This page asks nobody for anything.`;
  if (data.refresh_seconds) by("foot").textContent = `As of ${data.written}, by infertune ${data.infertune}.`;
  showAnswer(data);
  showSpending(data);
  showFailures(data);
  showEnvironment(data);
  await showFront(data);
  showCurves(data);
  by("nav").replaceChildren(...SECTIONS.filter(([id]) => !by(id).hidden).map(([id, name]) => el("a", { href: `#${id}` }, name)));
  document.documentElement.dataset.ready = "yes";
}

async function showFront(data) {
  by("front").hidden = !data.points.length;
  if (!data.points.length) return;
  const place = by("front").querySelector(".canvas");
  const labels = compare ? compare.pair.map((number) => (number === null ? null : compare.data.points[number].label)) : [];
  front?.remove();
  front = new Front(data, (number) => compare.click(number));
  compare = new Compare(data, by("compare"), (points) => front.pick(points));
  const left = data.left_out.trials ? ` ${several(data.left_out.trials, "trial")} found no room in this file.` : "";
  const failed = data.n_failed_trials ? ` ${several(data.n_failed_trials, "trial")} brought no score.` : "";
  by("front").querySelector(".lead").textContent = `Up is better, left is cheaper. Point at anything to see its settings; click two points to compare them.${failed}${left}`;
  by("front").querySelector(".chart").setAttribute("aria-label", `Utility against ${data.cost} of ${several(data.points.length, "point")}; the lists A and B below choose points without a mouse.`);
  showLegend(data, by("front").querySelector(".legend"));
  showCap(data, front);
  showFrontTable(data);
  labels.forEach((label, at) => { const number = data.points.findIndex((each) => each.label === label); compare.pair[at] = label && number >= 0 ? number : null; });
  compare.show();
  await front.show(place);
}

let compare = null;

function withoutTime({ written, ...rest }) {
  return JSON.stringify(rest);
}

async function refresh(seconds) {
  const status = by("live");
  status.hidden = false;
  try {
    const answer = await fetch("data.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const data = { ...(await answer.json()), refresh_seconds: seconds };
    const now = withoutTime(data);
    if (now !== last) await show(data);
    last = now;
    status.textContent = data.answer ? "finished" : `live, ${data.written.slice(11)}`;
    if (data.answer) return;
  } catch {
    status.textContent = "the server does not answer";
  }
  setTimeout(refresh, 1000 * seconds, seconds);
}

Bokeh.logger.set_level("warn");
const data = JSON.parse(by("data").textContent);
beginTheme();
show(data).then(() => {
  last = withoutTime(data);
  if (data.refresh_seconds && !data.answer) refresh(data.refresh_seconds);
});
