"""gsm8k's answers and scores must be those of lm-evaluation-harness itself, on the same completions."""

import json
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from infertune.tasks import load
from infertune.types import Example

VERDICTS = Path(__file__).with_name("gsm8k_verdicts.jsonl")
DATA = Path(__file__).parents[3] / "shared" / "data" / "gsm8k"
FILTERS = {"strict": "strict-match", "flexible": "flexible-extract"}
PROBLEMS = [
    {"question": "How many are 17 and 1?", "answer": "17 + 1 = <<17+1=18>>18\n#### 18"},
    {"question": "What do 2 cars cost?", "answer": "2 * 65,000 = 130,000\n#### 130,000"},
    {"question": "What is left?", "answer": "3 - 5 = -2\n#### -2"},
    {"question": "How much?", "answer": "It is $0.50 #### no\n#### 0.5"},
]


class Harness:
    """The harness's own filters and metric, as its task file asks for them."""

    def __init__(self):
        package = pytest.importorskip("lm_eval", reason="lm-eval is a test dependency")
        from lm_eval.api.metrics import exact_match_fn
        from lm_eval.filters import get_filter
        from lm_eval.models.utils import postprocess_generated_text

        text = (Path(package.__file__).parent / "tasks" / "gsm8k" / "gsm8k.yaml").read_text()
        config = yaml.safe_load(text)
        assert config["metadata"]["version"] == 3.0
        assert config["doc_to_target"] == "{{answer}}"
        (metric,) = config["metric_list"]
        ignored = ("metric", "aggregation", "higher_is_better")
        self.options = {key: value for key, value in metric.items() if key not in ignored}
        self.until = config["generation_kwargs"]["until"]
        self.exact_match, self.postprocess = exact_match_fn, postprocess_generated_text
        self.filters = {
            pipeline["name"]: [get_filter(step.pop("function"))(**step) for step in pipeline["filter"]]
            for pipeline in config["filter_list"]
        }

    def score(self, completion, problem, pipeline):
        answers = [[self.postprocess(completion, None, "</think>")]]  # as with its think_end_token
        for step in self.filters[pipeline]:
            answers = step.apply(answers, [problem])
        (answer,) = answers
        return float(
            self.exact_match(predictions=[answer], references=[problem["answer"]], **self.options)["exact_match"]
        )


@pytest.fixture(scope="module")
def harness():
    return Harness()


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gsm8k")
    (folder / "test.jsonl").write_text("".join(json.dumps(problem) + "\n" for problem in PROBLEMS))
    train = [{"question": f"How many are {i}?", "answer": f"#### {i}"} for i in range(1000)]
    (folder / "train.jsonl").write_text("".join(json.dumps(problem) + "\n" for problem in train))
    return load("gsm8k", data=folder)


def same(task, harness, completion, problem, case):
    for name, pipeline in FILTERS.items():
        ours = task.score(task.extractors[name](completion), case)
        theirs = harness.score(completion, problem, pipeline)
        assert ours == theirs, (name, completion, problem["answer"])


numbers = st.one_of(
    st.integers(-200_000, 200_000).map(str),
    st.integers(0, 10**7).map("{:,}".format),
    st.floats(0, 1000).map("{:.2f}".format),
    st.sampled_from(
        ["18", "130000", "130,000", "-2", "0.5", ".5", "0.50", "18.", "18..", "$18", "$", ".", ",", "$,", "-"]
    ),
)
pieces = st.one_of(numbers, st.text(max_size=8), st.sampled_from(["#### ", "####", "\n", " ", "$", "#### $", "."]))


@given(st.lists(pieces, max_size=8).map("".join), st.sampled_from(range(len(PROBLEMS))))
@example("#### 18.", 0)
@example("#### 18..", 0)
@example("so 18 $.", 0)
@example("#### 130000", 1)
@example("#### 1,3,0,000.", 1)
@example("is -2", 2)
@example("#### \\2 or $.5.", 3)
@example("", 0)
def test_scores_are_the_harness_s_on_any_text(task, harness, completion, number):
    by_question = {one.fields["question"]: one for one in task.confirm}
    same(task, harness, completion, PROBLEMS[number], by_question[PROBLEMS[number]["question"]])


def test_our_stop_texts_are_the_harness_s(task, harness):
    assert list(task.stop) == harness.until


NOTATIONS = (
    "{n}", "{n:,}", "{n}.00", "{n:,}.00", "${n}", "${n:,}.00", "**{n}**", "\\({n}\\)", "${n}$", "{n} dollars", "{n}%",
    "{n:,} euros", "USD {n}", "{n}.", "({n})", "`{n}`", "$\\boxed{{{n}}}$", "{n} kg", "x = {n}", "\\${n}", "{n}/1",
)  # fmt: skip
FRAMES = (
    "#### {n}", "####{n}", "We add.\n#### {n}", "#### {n}\n\nI hope this helps!", "The answer is {n}",
    "So, the answer is: {n}",
    "Answer: {n}", "**Answer:** {n}", "### Final Answer\n{n}", "First {o}, then {n}.\n#### {n}", "{o} + {o} = {n}",
    "It takes 2 steps.\n1. {o}\n2. {n}\n\nThe final answer is {n}", "Step 1: {o}\r\n#### {n}\r\n",
    "#### {o} no\n#### {n}",
    "<think>{o}? #### {o}</think>\n\n#### {n}", "{o} it is\n</think>\nThe answer is {n}", "She pays {n}",
    "#### {n}\nQ: {o}",
)  # fmt: skip


def perturbed(seed):
    """Return a problem, a completion in one of many notations, and the number that it gives as its answer."""
    rng = random.Random(seed)
    right = rng.choice([-7, -1200, 0, 3, 18, 29, 250, 1080, 65960, 1450000])
    value = rng.choice([right, right, right, right + 1, right * 10])
    frame, notation = rng.choice(FRAMES), rng.choice(NOTATIONS + ("{n}", "{n:,}") * 5)
    completion = frame.replace("{n}", notation.format(n=value)).replace("{o}", str(rng.randint(1, 99)))
    if rng.random() < 0.15:
        completion = completion.replace("-", "\u2212")
    return {"question": f"{seed}?", "answer": f"so\n#### {right:,}"}, completion, value


def test_five_hundred_perturbed_completions_score_as_in_the_harness(task, harness):
    right = dict.fromkeys(FILTERS, 0.0)
    for seed in range(500):
        problem, completion, _ = perturbed(seed)
        case = Example(id="1", fields={}, reference=problem["answer"].split("#### ")[1])
        same(task, harness, completion, problem, case)
        for name in FILTERS:
            right[name] += task.score(task.extractors[name](completion), case)
    assert all(50 < n < 450 for n in right.values()), right


def test_the_harness_s_verdicts_hold_where_it_is_not_installed(task):
    rows = [json.loads(line) for line in VERDICTS.read_text().splitlines()]
    assert len(rows) == 500
    for row in rows:
        case = Example(id="1", fields={}, reference=row["reference"])
        ours = {name: task.score(task.extractors[name](row["completion"]), case) for name in FILTERS}
        assert ours == {name: row[name] for name in FILTERS}, row


def test_the_verdicts_are_the_harness_s(harness):
    for row in map(json.loads, VERDICTS.read_text().splitlines()):
        problem = {"answer": f"so\n#### {row['reference']}"}
        theirs = {name: harness.score(row["completion"], problem, pipeline) for name, pipeline in FILTERS.items()}
        assert theirs == {name: row[name] for name in FILTERS}, row


def test_numeric_finds_the_number_that_is_meant(task):
    wrong = []
    for seed in range(500):
        problem, completion, value = perturbed(seed)
        found = task.extractors["numeric"](completion)
        case = Example(id="1", fields={}, reference=problem["answer"].split("#### ")[1])
        right = float(value == int(case.reference.replace(",", "")))
        if found != str(value) or task.score(found, case) != right:
            wrong.append((completion, found))
    assert wrong == []


def completions(reference, answer, rng):
    """Return what models write, right and wrong, strictly and loosely marked."""
    other = str(rng.randint(0, 999))
    number = rng.choice([reference, reference.replace(",", ""), other, f"${reference}", f"{reference}.00"])
    yield answer
    yield f"The answer is {number}."
    yield f"#### {number}"
    yield f"First {other}, then {number}.\n#### {number}.\n\nAnother line with {other}"
    yield f"**{number}** dollars"
    yield f"So x = {number}%, i.e. {other}/{number}"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/gsm8k")
def test_scores_are_the_harness_s_on_the_published_test_set(harness):
    task = load("gsm8k", data=DATA)
    assert (len(task.tune), len(task.confirm)) == (1000, 1319)
    problems = {}
    for line in (DATA / "test.jsonl").read_text().splitlines():
        problem = json.loads(line)
        problems[problem["question"]] = problem
    rng = random.Random(0)
    scored = {"right": 0, "wrong": 0}
    for case in task.confirm[:300]:
        problem = problems[case.fields["question"]]
        for completion in completions(case.reference, problem["answer"], rng):
            same(task, harness, completion, problem, case)
            scored["right" if task.score(task.extract(completion), case) else "wrong"] += 1
    assert min(scored.values()) > 300
    for case in task.confirm:
        assert harness.score(
            problems[case.fields["question"]]["answer"], problems[case.fields["question"]], "strict-match"
        )
        assert task.score(task.extract(task.ideals[case.id]), case) == 1


def test_the_vote_counts_equal_answers_once(task):
    assert {task.extract(text) for text in ("#### 1,300", "it is $1300.", "1300")} == {"1300"}
