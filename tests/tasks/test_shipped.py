"""The tasks with data of the project's own making: whole, judged as meant, and never shown their own answers."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from infertune import tasks
from infertune.tasks import Task, prompts

RECORDED = Path(__file__).parents[2] / "benchmarks" / "search" / "recorded"
OWN = ["capitals", "inflections", "kinds", "notes", "opposites", "sentiment"]


@pytest.fixture(scope="module", params=OWN)
def task(request: pytest.FixtureRequest) -> Task:
    return tasks.load(request.param)


def test_own_tasks_are_listed() -> None:
    assert set(OWN) <= set(tasks.names())


def test_three_hundred_examples_in_two_disjoint_splits(task: Task) -> None:
    examples = [*task.tune, *task.confirm]
    assert len(examples) >= 300
    assert len(task.confirm) >= 100
    assert len({example.id for example in examples}) == len(examples)
    assert len({_question(dict(example.fields)) for example in examples}) == len(examples)
    assert task.left_out == ()


@pytest.mark.parametrize("name", ["capitals", "opposites"])
def test_the_division_is_the_one_that_was_recorded(name: str) -> None:
    with np.load(RECORDED / f"{name}.npz") as file:
        about = json.loads(file["about"].tobytes())
    task, n_tune = tasks.load(name), about["n_tune"]
    assert [one.id for one in task.tune[:n_tune]] == about["example_ids"][:n_tune]
    assert [one.id for one in task.confirm[: len(about["example_ids"]) - n_tune]] == about["example_ids"][n_tune:]


@pytest.mark.parametrize("name", ["kinds", "sentiment"])
def test_labels_are_in_both_splits_in_proportion(name: str) -> None:
    task = tasks.load(name)
    for split in (task.tune, task.confirm):
        labels = Counter(example.reference for example in split)
        assert max(labels.values()) - min(labels.values()) <= 1  # each label has as many examples as any other


def test_origin_is_stated(task: Task) -> None:
    assert task.licence == "CC0-1.0"
    assert task.source and task.description


def test_every_reference_is_found_and_right(task: Task) -> None:
    for example in (*task.tune, *task.confirm):
        assert task.score(task.extract(task.ideals[example.id]), example) == 1.0, example


def test_every_accepted_answer_survives_extraction(task: Task) -> None:
    for example in (*task.tune, *task.confirm):
        for accepted in example.reference.split("|"):
            assert task.score(task.extract(f" {accepted}"), example) == 1.0, (example, accepted)


def test_no_answer_is_right_for_most_examples(task: Task) -> None:
    examples = [*task.tune, *task.confirm]
    answers = {task.extract(task.ideals[example.id]) for example in examples}
    most = max(sum(task.score(answer, example) for example in examples) for answer in answers)
    assert most <= len(examples) / 2


def test_every_template_renders_every_example(task: Task) -> None:
    assert 3 <= len(task.prompts) <= 5
    kinds = {template.kind for template in task.prompts.values()}
    assert kinds == {"chat", "plain"}
    assert any(template.examples for template in task.prompts.values())
    assert not all(template.examples for template in task.prompts.values())
    for template in task.prompts.values():
        rendered = {template.render(example.fields) for example in (*task.tune, *task.confirm)}
        assert len(rendered) == len(task.tune) + len(task.confirm)


def test_shots_are_no_examples_and_right(task: Task) -> None:
    questions = {_question(dict(example.fields)) for example in (*task.tune, *task.confirm)}
    for template in task.prompts.values():
        for shot in template.examples:
            fields = {name: value for name, value in shot.items() if name != "answer"}
            assert _question(fields) not in questions, (template.name, shot)
            assert task.extract(f" {shot['answer']}") is not None, (template.name, shot)


def test_templates_are_named_after_their_task() -> None:
    for name in OWN:
        assert all(template.startswith(f"{name}-") for template in tasks.load(name).prompts)
        shipped = {template for template in prompts.names() if template.startswith(f"{name}-")}
        assert shipped == set(tasks.load(name).prompts)


SAID = [
    ("capitals", "The capital of France is Paris, on the Seine.", "paris"),
    ("capitals", "Nairobi is the capital of Kenya.", "kenya"),
    ("capitals", " the Netherlands", "netherlands"),
    ("capitals", "The capital of Minnesota is St. Paul.", "st paul"),
    ("opposites", 'The opposite of "hot" is "cold".', "cold"),
    ("opposites", " Cold.", "cold"),
    ("inflections", "The plural of ox is oxen, an old form.", "oxen"),
    ("inflections", 'threw", not throwed', "threw"),
    ("kinds", "An elbow is a Body part.", "body part"),
    ("sentiment", "This is a negative review.", "negative"),
    ("sentiment", "It is hard to say.", None),
    (
        "notes",
        'JSON:\n{\n "name": "Ada",\n "day": "Friday",\n "city": "York"\n}',
        '{"city":"York","day":"Friday","name":"Ada"}',
    ),
    ("notes", '{"name": "Ada", "city": "York"', None),
]


@pytest.mark.parametrize(("name", "text", "answer"), SAID)
def test_what_is_found_in_what_models_write(name: str, text: str, answer: str | None) -> None:
    assert tasks.load(name).extract(text) == answer


def _question(fields: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value.casefold()) for name, value in fields.items()))
