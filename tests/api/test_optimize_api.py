"""`infertune.optimize` and what it returns, as a program or a notebook uses them."""

import asyncio
import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from planted import write, write_task

import infertune
from infertune.engines.options import OURS, described
from infertune.study.progress import Progress
from infertune.testing import FakeEngine

BUDGET, ENOUGH = 8_000, 20_000  # the second for a clear winner


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_task(tmp_path)


def optimize(**changes: Any) -> infertune.Result:
    asked: dict[str, Any] = {
        "task": "planted.yaml",
        "model": "m",
        "engine": FakeEngine(write),
        "budget_tokens": BUDGET,
        "settings": {"n": [1, 3], "top_p": 1},
        "progress": False,
    }
    return infertune.optimize(**(asked | changes))


def test_every_name_of_the_package_is_there_and_importing_it_is_light() -> None:
    program = "import sys, infertune; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "sqlalchemy", "scipy", "httpx", "torch", "typer", "rich"} & set(done.stdout.split())
    for name in infertune.__all__:
        assert getattr(infertune, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        infertune.optimise  # noqa: B018


def test_a_study_from_its_task_to_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = optimize(budget_tokens=ENOUGH)
    assert result.recommendation.verdict.kind == "clear winner"
    best = result.best_config()
    assert best["prompt.template"] == "good" and best["decoding.top_p"] == 1
    assert best == dict(result.recommendation.recommended)
    assert capsys.readouterr() == ("", "")
    assert "Clear winner" in str(result) and "Spent" in str(result)
    assert result._repr_html_().startswith("<pre") and "<script" not in result._repr_html_()
    path = result.save(tmp_path / "best.yaml")
    assert yaml.safe_load(path.read_text())["configuration"] == best
    assert result.save() == Path("planted.yaml").with_name("planted-answer.yaml")
    assert result.as_json()["recommended"]["configuration"] == best


def test_what_was_tried_and_what_was_sampled() -> None:
    result = optimize()
    trials, samples = result.trials, result.samples
    assert len(trials) == result.recommendation.n_trials
    assert {"utility", "cost_tokens", "prompt.template", "decoding.temperature"} <= trials[0].keys()
    spent = result.recommendation.spent
    assert sum(each["tokens"] for each in samples) == spent.completion_tokens
    assert {"example_id", "text", "decoding.temperature"} <= samples[0].keys()
    assert len(trials[1:3]) == 2 and "records of number" in repr(trials)
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    assert isinstance(samples.to_pandas(), pandas.DataFrame) and len(samples.to_pandas()) == len(samples)
    assert isinstance(trials.to_polars(), polars.DataFrame) and trials.to_polars().height == len(trials)
    assert len(result.front) >= 1 and result.front[0].cost_tokens <= result.front[-1].cost_tokens


def test_the_same_call_pays_nothing_again_and_says_the_same() -> None:
    first = optimize()
    engine = FakeEngine(write)
    again = optimize(engine=engine)
    assert again.recommendation == first.recommendation
    assert engine.requests == []


def test_progress_goes_to_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Progress] = []
    optimize(progress=seen.append)
    assert {each.phase for each in seen} >= {"pilot", "search", "finals", "confirm"}
    assert capsys.readouterr() == ("", "")


def test_progress_goes_to_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    optimize(progress=True)
    shown = capsys.readouterr()
    assert shown.out == "" and "planted with m" in shown.err


def test_it_runs_inside_a_running_event_loop() -> None:
    async def within() -> infertune.Result:
        return optimize(budget_tokens=ENOUGH)

    assert asyncio.run(within()).recommendation.verdict.kind == "clear winner"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget_tokens": 0}, "budget_tokens must be above 0"),
        ({"budget_tokens": None}, "give budget_tokens, budget_seconds or budget_money"),
        ({"max_cost_tokens": 1}, "max_cost_tokens must be at least what one request costs"),
        ({"search": "knowledge-gradent"}, "did you mean 'knowledge-gradient'?"),
        ({"settings": {"temprature": 1}}, "did you mean 'temperature'?"),
        ({"settings": {"n": []}}, "the values of n must be"),
        ({"out": "no/such/folder.yaml"}, "the folder of out must exist"),
        ({"engine": "hff"}, "did you mean 'hf'?"),
        ({"engine": infertune.OpenAI()}, "the engine 'openai' needs base_url"),
        ({"engine": "openai", "engine_options": {"base_url": "http://h", "device": "cpu"}}, "device needs engine hf"),
        ({"task": "plantd.yaml"}, "plantd.yaml cannot be read"),
    ],
)
def test_an_error_names_the_argument(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(infertune.InfertuneError) as raised:
        optimize(**changes)
    assert said in str(raised.value) and "--" not in str(raised.value)


def test_the_old_name_of_the_search_is_the_same_study() -> None:
    assert optimize(search="infertune").recommendation == optimize().recommendation


def test_the_options_of_engines_are_what_they_take() -> None:
    import inspect

    from infertune import plugins

    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    for name, kind in OURS.items():
        takes = inspect.signature(plugins.load("engines", name)).parameters
        assert {field.name for field in dataclasses.fields(kind)} <= set(takes)
    assert {"base_url", "dtype", "concurrency"} <= described().keys()


def test_an_answer_of_an_engine_that_has_no_name_cannot_be_measured_by_its_file() -> None:
    path = optimize(study="letters").save()
    with pytest.raises(infertune.InfertuneError, match="engine"):
        infertune.evaluate(path, progress=False)


@pytest.mark.model
def test_one_configuration_is_measured_and_then_known() -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    asked: dict[str, Any] = {"task": "capitals", "settings": {"temperature": 0}, "examples": 4, "progress": False}
    first = infertune.evaluate(**asked)
    assert len(first.rows) == 4 and first.utility.n == 4 and first.spent_tokens > 0
    again = infertune.evaluate(**asked)
    assert again.spent_tokens == 0 and again.utility == first.utility
