"""The answer in words and as data: three verdicts, what would decide, and figures in tables."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_engines import Plan, run
from rich.console import Console

from infertune import tasks
from infertune.joint.gain import gain
from infertune.joint.recommendation import JointRecommendation
from infertune.joint.verdict import EngineVerdict
from infertune.recipes.recipe import Recipe
from infertune.report import answer
from infertune.report.joint import JointAnswer, as_json, show
from infertune.report.joint_verdict import advice, guarded, sentence
from infertune.space.default_space import default_space
from infertune.statistics.noninferiority import non_inferiority

HALF = np.tile([1.0, 0.0], 40)


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> JointRecommendation:
    plan = Plan(seconds={("engine.dtype", "tiny"): 0.25})
    return run(tmp_path_factory.mktemp("risky"), plan, settings=["engine.batch=8", "engine.cache=false"])


@pytest.fixture(scope="module")
def undecided(risky: JointRecommendation) -> JointRecommendation:
    """Return an answer in which six turns have not decided on the engine."""
    seconds = np.exp(np.array([0.26, 0.0, 0.3, 0.05, 0.25, 0.13]))
    said = EngineVerdict(kind="undecided", why="speed", seen=risky.engine, gain=gain(seconds, np.ones(6)))
    return replace(risky, engine_verdict=said, engine=risky.default_engine, decoding=risky.study.recommended)


def wrapped(found: JointRecommendation, resume: str = "", price_hour: float | None = None) -> JointAnswer:
    task = tasks.load("capitals")
    recipe = Recipe(
        infertune="0",
        task="capitals",
        task_digest="x",
        model="m",
        engine="fake",
        engine_options={},
        seed=0,
        configuration=dict(found.decoding),
        evidence=answer.evidence(found.verdict),
    )
    study = answer.Answer(
        study="s",
        sampler="random",
        space=default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices),
        recipe=recipe,
        facts={},
        recommendation=found.study,
    )
    return JointAnswer(found=found, study=study, margin=0.05, resume=resume, price_hour=price_hour)


def printed(given: JointAnswer) -> str:
    out = io.StringIO()
    show(given, Console(file=out, width=119))
    return out.getvalue()


def test_a_harmful_engine_is_said_to_be_worse() -> None:
    test = non_inferiority(np.zeros(80), HALF, margin=0.1)
    assert guarded(test).startswith("worse than the default engine's by more than the margin: -0.500, at most")
    assert "(95.0%, one-sided, paired, 80 examples; margin 0.1)" in guarded(test)


def test_a_clear_winner_is_told_with_its_settings_speed_and_guard(risky: JointRecommendation) -> None:
    words = sentence(risky)
    assert words.startswith(
        "Clear winner: the engine with dtype=tiny, 4.0x [4.0x, 4.0x] (95% over all looks, paired, 3 "
    )
    assert "Its utility is not worse than the default engine's by more than the margin" in words
    assert advice(risky, "") == ""


def test_what_is_not_shown_is_undecided_with_the_command_that_goes_on(undecided: JointRecommendation) -> None:
    words = sentence(undecided)
    assert words.startswith("Undecided: fastest seen dtype=tiny at 1.18x [0.")
    assert "Keep" not in words
    told = advice(undecided, "infertune optimize --task 'a b.yaml' --turns 12")
    assert told == (
        "Recommended for now: the default settings. About 6 more turns (--turns 12) would decide; to resume:\n"
        "  infertune optimize --task 'a b.yaml' --turns 12"
    )


def test_a_loss_too_close_to_the_margin_and_a_gain_too_close_to_none_are_said_to_be_so(
    undecided: JointRecommendation,
) -> None:
    noise = np.exp(np.array([0.5, -0.5, 0.4, -0.4, 0.3, -0.27]))
    said = replace(undecided.engine_verdict, gain=gain(noise, np.ones(6)))
    assert "no practical number of turns" in advice(replace(undecided, engine_verdict=said), "")


def test_undecided_utility_says_how_many_examples_would_decide(risky: JointRecommendation) -> None:
    test = non_inferiority(HALF, HALF, margin=0.02)
    guard = replace(risky.guards[0], test=test)
    said = EngineVerdict(kind="undecided", why="utility", seen=guard.engine)
    few = replace(risky, engine=risky.default_engine, guards=(guard,), engine_verdict=said, n_confirm=90)
    assert "4.0x as fast in one burst; its utility is not shown to be within the margin" in sentence(few)
    n_more = test.examples_to_decide
    assert f"About {n_more} more confirm examples would decide, and the task has only 90: add" in advice(few, "")
    many = replace(few, n_confirm=400)
    assert many.budget_to_decide == pytest.approx((80 + (n_more or 0)) / 80)
    assert "which a larger budget buys; to resume:\n  infertune more" in advice(many, "infertune more")


def test_what_is_shown_to_be_no_faster_is_kept_with_the_figure(tmp_path: Path) -> None:
    found = run(
        tmp_path, Plan(seconds={("engine.cache", True): 2.0}), settings=["engine.batch=8", "engine.dtype=whole"]
    )
    others = "the fastest of the others, cache=True, is not more than 3% faster: 0.50x ["
    assert sentence(found).startswith(f"Keep the engine's default settings: {others}")


def test_without_another_engine_it_says_so(tmp_path: Path) -> None:
    found = run(
        tmp_path, Plan(), settings=["engine.batch=8", "engine.dtype=whole", "engine.cache=false"], decoding=["n=1"]
    )
    assert sentence(found) == "Keep the engine's default settings: no others were tried."


def test_equal_utility_is_told_as_such(tmp_path: Path) -> None:
    plan = Plan(seconds={("engine.cache", True): 0.5})
    found = run(tmp_path, plan, settings=["engine.dtype=whole", "engine.batch=8"])
    assert "These settings do not change the text, so the utility is the same." in sentence(found)


def test_tables_hold_the_corners_the_guards_and_what_was_spent(risky: JointRecommendation) -> None:
    text = printed(wrapped(risky, price_hour=3.6))
    corner = next(line for line in text.splitlines() if line.startswith("dtype=tiny") and "recommended" in line)
    assert corner.split() == [
        "dtype=tiny",
        "recommended",
        f"{risky.verdict.seen.utility.mean:.3f}",
        "250.0",
        "0.25",
        "4.0x",
    ]
    assert any("accepted" in line and "dtype=tiny" in line for line in text.splitlines())
    assert f"{risky.paid.guard_tokens:,}" in text and f"{risky.paid.share:.0%}" in text


def test_the_whole_is_plain_data(risky: JointRecommendation, undecided: JointRecommendation) -> None:
    data = json.loads(json.dumps(as_json(wrapped(risky))))["joint"]
    assert data["verdict"]["kind"] == "clear winner" and data["verdict"]["gain"]["mean"] == pytest.approx(4.0)
    assert data["recommended"]["engine"]["engine.dtype"] == "tiny"
    assert data["evidence"]["utility"] == risky.verdict.seen.utility.mean
    assert data["spent"]["guard_tokens"] > 0
    open_one = json.loads(json.dumps(as_json(wrapped(undecided, "infertune x"))))["joint"]["verdict"]
    assert (open_one["kind"], open_one["turns_to_decide"], open_one["resume"]) == ("undecided", 12, "infertune x")
