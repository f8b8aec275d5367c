"""``lm-eval:NAME`` asks what the harness asks, and scores as it does, on the same completions."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infertune import tasks
from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.recipes import recipe_task
from infertune.study import task_store

pytest.importorskip("lm_eval", reason="lm-eval is a test dependency")
pytestmark = pytest.mark.long

N = 12
GSM8K = [{"question": f"How many are {n} and 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"} for n in range(N)]
TRIVIA = [
    {"question": f"Who is number {n}", "answer": {"aliases": [f"Person {n}", f"P{n}"], "value": f"Person {n}"}}
    for n in range(N)
]
NO_DATE = {"day": "", "month": "", "year": ""}
DROP = [
    {
        "query_id": str(n),
        "section_id": "s",
        "passage": f"There were {n} birds and a dog.",
        "question": "How many birds?",
        "answer": {
            "number": str(n),
            "date": {"day": "", "month": "", "year": ""},
            "spans": [],
            "hit_id": "",
            "worker_id": "",
        },
        "validated_answers": {
            "number": [""],
            "date": [NO_DATE],
            "spans": [[f"{n} birds", "birds"]],
            "hit_id": [""],
            "worker_id": [""],
        },
    }
    for n in range(N)
]
CASES = {
    "gsm8k": ({"train": GSM8K, "test": GSM8K}, ["#### 3", "so 5.", "It is #### 7\n#### 8", "none"]),
    "triviaqa": ({"train": TRIVIA, "validation": TRIVIA}, [" Person 3", "the p5", "P5!", "nobody"]),
    "drop": ({"train": DROP, "validation": DROP}, [" 3", "4 birds", "the birds", "6 and birds", ""]),
}
RIGHT: dict[str, Callable[[Any], str]] = {
    "gsm8k": lambda doc: f"So #### {doc['answer'].split()[-1]}",
    "triviaqa": lambda doc: f" {doc['answer']['aliases'][-1]}",
    "drop": lambda doc: f" {doc['answers'][0][0]}",
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, list[str]]:
    """Return the name of a task, a folder with data for it, and completions, some of which are right."""
    folder = tmp_path_factory.mktemp(request.param)
    splits, completions = CASES[request.param]
    for split, rows in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return request.param, folder, completions


def test_prompts_and_scores_are_those_of_the_harness(case: tuple[str, Path, list[str]]) -> None:
    from lm_eval.api.model import LM
    from lm_eval.evaluator import simple_evaluate

    from infertune.tasks.lm_eval_task import _harness

    name, folder, completions = case
    source = random.Random(0)

    class Canned(LM):
        def loglikelihood(self, requests: Any) -> Any:
            raise AssertionError("nothing asks for it")

        loglikelihood_rolling = loglikelihood

        def generate_until(self, requests: Any, **_: Any) -> list[str]:
            return [source.choice([source.choice(completions), RIGHT[name](each.doc)]) for each in requests]

    task = tasks.load(f"lm-eval:{name}", data=folder)
    found: Any = simple_evaluate(Canned(), tasks=[_harness(name, str(folder.resolve()))], bootstrap_iters=0)
    theirs = [each for each in found["samples"][name] if each["filter"] == task.scorer.filter]  # type: ignore[attr-defined]
    ours = {example.id: example for example in task.examples}
    assert len(theirs) == len(ours) == N
    scores = []
    for sample in theirs:
        example = ours[str(sample["doc_id"])]
        assert example.fields["prompt"] == sample["arguments"][0][0]
        assert task.stop == tuple(sample["arguments"][0][1]["until"])
        text = sample["resps"][0][0]
        scores.append(task.score(task.extract(text, example), example))
        assert scores[-1] == sample[task.scorer.metric], text  # type: ignore[attr-defined]
    assert 0 < sum(scores) < len(scores), "some completions are right and some are wrong"


def test_it_is_kept_and_found_again(case: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    name, folder, completions = case
    task = tasks.load(f"lm-eval:{name}", data=folder)
    again = task_store.kept(tmp_path / "study.db", task_store.keep(tmp_path / "study.db", task))
    assert again.digest == task.digest
    for text in completions:
        for example in task.confirm:
            assert again.score(again.extract(text, example), example) == task.score(
                task.extract(text, example), example
            )
    assert recipe_task.examples_digests(again) == recipe_task.examples_digests(task)


def test_filter_and_metric_can_be_chosen(case: tuple[str, Path, list[str]]) -> None:
    name, folder, _ = case
    if name == "gsm8k":
        task = tasks.load("lm-eval:gsm8k,filter=flexible-extract,metric=exact_match", data=folder)
        assert task.extract("so 5.") == "5."
        assert tasks.load("lm-eval:gsm8k", data=folder).extract("so 5.") is None
    with pytest.raises(InvalidInputError, match=f"lm-eval:{name} has no metric 'exact'"):
        tasks.load(f"lm-eval:{name},metric=exact", data=folder)
    with pytest.raises(InvalidInputError, match="unknown option 'filters'"):
        tasks.load(f"lm-eval:{name},filters=x", data=folder)


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text('{"question": "q", "answer": "#### 1"}\n' * 3)
    for task, said in (
        ("lm-eval:gsm8kk", "has no task 'gsm8kk'; did you mean 'gsm8k'"),
        ("lm-eval:", "must name a task"),
        ("lm-eval:arc_easy", "cannot be loaded with these data"),
    ):
        with pytest.raises((InvalidInputError, DataUnavailableError), match=said):
            tasks.load(task, data=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match=r"must hold train\.jsonl"):
        tasks.load("lm-eval:gsm8k", data=tmp_path / "empty")


def test_a_task_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"q": f"{n}?", "a": str(n)}) + "\n" for n in range(6)))
    (tmp_path / "mine.yaml").write_text(
        f"task: mine\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path}/rows.jsonl}}}}\n"
        "output_type: generate_until\ntest_split: test\ndoc_to_text: 'Q: {{q}}'\ndoc_to_target: '{{a}}'\n"
        "generation_kwargs: {until: ['X'], max_gen_toks: 40}\nmetric_list: [{metric: exact_match}]\n"
    )
    task = tasks.load(f"lm-eval:{tmp_path}/mine.yaml")
    assert task.max_tokens == 40 and task.stop == ("X",) and len(task.examples) == 6
    example = task.tune[0]
    assert task.score(task.extract(example.reference, example), example) == 1
