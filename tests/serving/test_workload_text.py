"""Text forms of workloads, and workloads from a task."""

from pathlib import Path

import pytest

from infertune import tasks
from infertune.errors import InvalidInputError
from infertune.load.synthetic import Synthetic
from infertune.load.trace import Trace
from infertune.serving.task_workload import TaskWorkload
from infertune.serving.workload_text import parse

CHOSEN = {
    "decoding.temperature": 0.7,
    "decoding.top_p": 0.9,
    "decoding.max_tokens": 12,
    "decoding.presence_penalty": 0.5,
    "engine.max_num_seqs": 8,
    "prompt.template": "capitals-quiz",
    "strategy.n": 3,
}


@pytest.mark.parametrize(
    "text",
    [
        "synthetic:input=200,output=50",
        "synthetic:input=100..300,output=50~0.5,prefix=0.5,prefixes=4,vocabulary=5000,temperature=0.8",
    ],
)
def test_a_name_is_the_text(text: str) -> None:
    assert parse(text).name == text
    assert parse(parse(text).name) == parse(text)


def test_synthetic() -> None:
    found = parse("synthetic: output=20 , prefix=0.25", vocabulary=5000)
    assert isinstance(found, Synthetic)
    assert (found.input.low, found.output.low, found.prefix, found.vocabulary) == (200, 20, 0.25, 5000)
    own = parse("synthetic:vocabulary=300", vocabulary=5000)
    assert isinstance(own, Synthetic)
    assert own.vocabulary == 300


def test_trace(tmp_path: Path) -> None:
    path = tmp_path / "a:b.jsonl"
    path.write_text('{"input": 9, "output": 1}\n')
    found = parse(f"trace:{path}", vocabulary=5000)
    assert isinstance(found, Trace)
    assert len(found.requests(1, seed=0)[0].prompt) == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("synthetic", "must be task:NAME"),
        ("sinthetic:input=3", "did you mean 'synthetic'"),
        ("synthetic:inptu=3", "did you mean 'input'"),
        ("synthetic:input", "NAME=VALUE"),
        ("synthetic:input=3,input=4", "says 'input' twice"),
        ("synthetic:input=3,prefix=x", "prefix must be a number"),
        ("synthetic:prefixes=1.5", "prefixes must be a whole number"),
        ("synthetic:output=", "NAME=VALUE"),
        ("task:capitls", "did you mean 'capitals'"),
        ("trace:nowhere.jsonl", "cannot be read"),
        ("trace:nowhere.jsonl,block=0", "block must be a number of tokens from 1 to 65,536, not 0"),
        ("trace:nowhere.jsonl,block=x", "block must be a whole number, not 'x'"),
        ("trace:" + "x" * 300, "cannot be read: File name too long"),
        ("synthetic:prefix=nan", "prefix must be a number, not 'nan'"),
        ("synthetic:temperature=inf", "temperature must be a number, not 'inf'"),
        ("synthetic:vocabulary=" + "9" * 300, "vocabulary must be a whole number"),
    ],
)
def test_wrong_texts(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse(text)


def test_a_task_under_a_chosen_configuration() -> None:
    task = tasks.load("capitals")
    found = parse("task:capitals", configuration=CHOSEN)
    assert isinstance(found, TaskWorkload)
    assert found.n_different == 3 * len(task.tune)
    asked = found.requests(3 * len(task.tune) + 1, seed=4)
    rendered = {task.prompts["capitals-quiz"].render(example.fields) for example in task.tune}
    assert {request.prompt for request in asked} == rendered
    assert [request.prompt for request in asked[:3]] == [asked[0].prompt] * 3  # one for each sample
    assert asked[-1] == asked[0]
    body = dict(asked[0].settings)
    stop = body.pop("stop", [])
    assert body == {"temperature": 0.7, "top_p": 0.9, "presence_penalty": 0.5}
    assert stop == list(task.stop)
    assert (asked[0].max_tokens, asked[0].ignore_eos, asked[0].arrival) == (12, False, None)


def test_a_seed_gives_an_order_of_the_examples() -> None:
    found = parse("task:capitals")
    assert found.requests(9, seed=1) == found.requests(12, seed=1)[:9]
    assert found.requests(9, seed=1) != found.requests(9, seed=2)
    assert len({request.prompt for request in found.requests(20, seed=1)}) == 20


def test_the_name_tells_the_configuration() -> None:
    assert parse("task:capitals", configuration=CHOSEN).name != parse("task:capitals").name
    other_engine = CHOSEN | {"engine.max_num_seqs": 16}
    assert parse("task:capitals", configuration=CHOSEN).name == parse("task:capitals", configuration=other_engine).name


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"decoding.temprature": 1.0}, "did you mean 'decoding.temperature'"),
        ({"decoding.temperature": "hot"}, "decoding.temperature must be a number, but found 'hot'"),
        ({"decoding.temperature": -1.0}, "must be at least 0"),
        ({"decoding.temperature": float("inf")}, "must be a number"),
        ({"strategy.n": 0}, "strategy.n must be at least 1"),
        ({"strategy.n": True}, "strategy.n must be a whole number"),
        ({"strategy.name": "most"}, "strategy.name must be"),
        ({"nonsense": 1}, "no parameter is called 'nonsense'"),
        ({"decoding.temperature": 0.0, "strategy.n": 1}, "must be left out unless decoding.temperature > 0"),
        ({"decoding.prompt": "x"}, "must be left to the engine"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse("task:capitals", configuration=CHOSEN | more)


def test_what_a_configuration_does_not_say_is_the_default() -> None:
    whole = parse("task:capitals")
    assert isinstance(whole, TaskWorkload)
    parts = parse("task:capitals", configuration={"decoding.temperature": 1.0})
    assert parts.name == whole.name


def test_a_configuration_goes_with_a_task_that_has_its_prompt() -> None:
    with pytest.raises(InvalidInputError, match="goes with a workload task:NAME"):
        parse("synthetic:input=3", configuration=CHOSEN)
    with pytest.raises(InvalidInputError, match="did you mean 'capitals-quiz'"):
        parse("task:capitals", configuration=CHOSEN | {"prompt.template": "capitals-quizz"})
