"""The joint search with engines whose speed and quality are planted: what it takes, what it refuses, what it pays."""

import math
import sqlite3
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from planted_engines import Plan, run

from infertune.errors import EngineError, InvalidInputError
from infertune.joint.answer import JointRecommendation

FAST_CACHE = {("engine.cache", True): 0.5, ("engine.batch", 16): 0.8, ("engine.batch", 32): 1.3}
TINY = {("engine.dtype", "tiny"): 0.3, ("engine.dtype", "half"): 0.9}


def test_harmless_settings_are_combined_for_their_speed_alone(tmp_path: Path) -> None:
    plan = Plan(seconds=FAST_CACHE)
    found = run(tmp_path, plan, settings=["engine.dtype=whole"])
    assert dict(found.engine) == {"engine.batch": 16, "engine.cache": True, "engine.dtype": "whole"}
    assert found.engine_gain is not None and found.engine_gain.mean == pytest.approx(2.5)
    assert found.decoding["prompt.template"] == "good"
    assert found.guards == () and found.guarded is None and not found.kept
    assert found.seconds["default", "default"] / found.seconds["recommended", "recommended"] == pytest.approx(2.5)
    assert len(found.starts) == len({each.engine for each in found.starts}) <= 6


def test_the_utility_of_harmless_settings_is_bought_once(tmp_path: Path) -> None:
    """The engines of the search answer bursts only, and a burst has seeds of its own."""
    plan = Plan(seconds=FAST_CACHE)
    found = run(tmp_path, plan, settings=["engine.dtype=whole"])
    studies = {request.seed for request in plan.answered if request.seed < 1_000_003}
    assert studies == {0}
    n_bursts = len(found.starts) + 3 * 2 * 2
    assert sum(request.seed >= 1_000_003 for request in plan.answered) == n_bursts * 24
    assert found.speed_spent.n_requests == n_bursts * 24
    with sqlite3.connect(tmp_path / "study.db") as connection:
        names = {name for (name,) in connection.execute("SELECT DISTINCT study FROM bank_requests")}
    assert names == {"planted", "planted/speed"}


def test_a_fast_engine_whose_quality_drops_is_refused(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY, losses={"tiny": 0.35})
    found = run(tmp_path, plan)
    assert found.guards[0].engine["engine.dtype"] == "tiny"
    assert found.guards[0].test.answer == "worse"
    assert found.engine["engine.dtype"] != "tiny"


def test_a_fast_engine_without_a_loss_is_taken_with_its_test(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY)
    found = run(tmp_path, plan)
    assert found.engine["engine.dtype"] == "tiny"
    assert found.guarded is not None and found.guarded.test.answer == "not worse"
    assert found.guarded.test.difference.low > -0.05
    assert found.verdict is found.guarded.verdict
    assert found.verdict.difference.low > 0  # beside the poor prompt that is the default
    assert found.engine_gain is not None and found.engine_gain.mean == pytest.approx(1 / 0.3)


def test_too_few_examples_to_tell_are_said_and_keep_the_default(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY)
    found = run(tmp_path, plan, n_confirm=30)
    assert [guard.test.answer for guard in found.guards] == ["undecided", "undecided"]
    assert all(guard.test.examples_to_decide for guard in found.guards)
    assert found.engine == found.default_engine


def test_the_next_is_asked_where_the_fastest_is_refused(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY, losses={"tiny": 0.5})
    found = run(tmp_path, plan)
    assert [guard.test.answer for guard in found.guards] == ["worse", "not worse"]
    assert found.engine["engine.dtype"] == "half"
    assert {guard.test.confidence for guard in found.guards} == {0.975}


def test_nothing_faster_keeps_the_default_without_a_guard(tmp_path: Path) -> None:
    found = run(
        tmp_path, Plan(seconds={("engine.batch", 16): 1.5, ("engine.cache", True): 2.0, ("engine.batch", 32): 2})
    )
    assert found.engine == found.default_engine
    assert found.engine_gain is None and found.guards == ()
    assert found.whole_gain.n_turns == 3


def test_what_fails_is_no_figure_and_no_end(tmp_path: Path) -> None:
    plan = Plan(seconds=FAST_CACHE, broken={32: "out of memory: 2 GiB"})
    found = run(tmp_path, plan, settings=["engine.dtype=whole"])
    failed = [each for each in found.starts if each.failure]
    assert failed and all(each.seconds is None and each.engine["engine.batch"] == 32 for each in failed)
    assert any("out of memory" in note for note in found.notes)
    assert found.engine["engine.cache"] is True


def test_three_failures_of_a_kind_in_a_row_stop_and_explain(tmp_path: Path) -> None:
    plan = Plan(broken={16: "out of memory: a", 32: "out of memory: b", True: "out of memory: c"})
    with pytest.raises(EngineError, match="3 engines in a row failed by out of memory"):
        run(tmp_path, plan, settings=["engine.dtype=whole"])


class Interrupted(Exception):
    pass


def plain(found: JointRecommendation) -> dict[str, Any]:
    return {**asdict(replace(found, study=None, starts=(), guards=())), "starts": found.starts, "guards": found.guards}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[JointRecommendation, int]:
    """Return the answer of a search that was not interrupted, and how many engines it started."""
    plan = Plan(seconds=TINY | FAST_CACHE)
    return run(tmp_path_factory.mktemp("whole"), plan), len(plan.started)


@pytest.mark.parametrize("when", [1, 4, 8, 12])
def test_interrupted_anywhere_it_goes_on_and_pays_nothing_twice(
    tmp_path: Path, whole: tuple[JointRecommendation, int], when: int
) -> None:
    expected, n_started = whole
    seconds = TINY | FAST_CACHE
    lines = 0

    def interrupt(line: str) -> None:
        nonlocal lines
        lines += 1
        if lines == when:
            raise Interrupted

    first = Plan(seconds=seconds)
    with pytest.raises(Interrupted):
        run(tmp_path, first, on_say=interrupt)
    assert first.n_running == 0
    again = Plan(seconds=seconds)
    found = run(tmp_path, again)
    assert found.engine == expected.engine and found.decoding == expected.decoding
    assert found.guards == expected.guards
    # Seconds are differences of a clock, which has run on.
    assert {each.engine: each.seconds for each in found.starts} == pytest.approx(
        {each.engine: each.seconds for each in expected.starts}
    )
    assert found.speed_spent.tokens == expected.speed_spent.tokens
    assert len(first.started) + len(again.started) == n_started + 1  # the default engine's own
    assert bought_twice(tmp_path) == 0


def bought_twice(folder: Path) -> int:
    with sqlite3.connect(folder / "study.db") as connection:
        samples = connection.execute(
            "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id "
            "WHERE study NOT LIKE '%/speed'"
        ).fetchall()
    return sum(count - 1 for count in Counter(samples).values())


def test_a_finished_search_costs_one_start_and_no_answer(tmp_path: Path) -> None:
    first = run(tmp_path, Plan(seconds=TINY))
    again = Plan(seconds=TINY)
    found = run(tmp_path, again)
    assert len(again.started) == 1 and again.answered == []
    assert plain(found) == plain(first)


def test_another_margin_is_judged_anew_from_what_is_there(tmp_path: Path) -> None:
    run(tmp_path, Plan(seconds=TINY, losses={"tiny": 0.02, "half": 0.02}), margin=0.3)
    again = Plan(seconds=TINY, losses={"tiny": 0.02, "half": 0.02})
    strict = run(tmp_path, again, margin=0.01)
    assert strict.guards[0].test.answer != "not worse"
    assert strict.engine["engine.dtype"] != "tiny"


def test_a_single_turn_says_nothing_of_its_error(tmp_path: Path) -> None:
    found = run(tmp_path, Plan(seconds=FAST_CACHE), settings=["engine.dtype=whole"], n_turns=1)
    assert found.kept and found.engine == found.default_engine
    assert found.whole_gain.high == math.inf


def test_a_margin_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="the margin must be"):
        run(tmp_path, Plan(), margin=0.0)


def test_a_larger_budget_decides_what_was_undecided(tmp_path: Path) -> None:
    """More examples are answered under the default engine, and then as many under the other."""
    small = run(tmp_path, Plan(seconds=TINY), budget=3_000)
    assert {guard.test.answer for guard in small.guards} == {"undecided"}
    large = run(tmp_path, Plan(seconds=TINY), budget=30_000)
    assert large.guards[0].test.difference.n > small.guards[0].test.difference.n
    assert large.guards[0].test.answer == "not worse"
    assert bought_twice(tmp_path) == 0
