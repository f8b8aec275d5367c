"""The joint search with engines whose speed and quality are planted: what it takes, what it refuses, what it pays."""

import math
import random
import sqlite3
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from planted_engines import Plan, run

from infertune.errors import EngineError, InvalidInputError
from infertune.joint.recommendation import JointRecommendation
from infertune.report import answer

pytestmark = pytest.mark.long

FAST_CACHE = {("engine.cache", True): 0.5, ("engine.batch", 16): 0.8, ("engine.batch", 32): 1.3}
SMALL = 7_000  # tokens, where it is not the answer that is looked at
TINY = {("engine.dtype", "tiny"): 0.3, ("engine.dtype", "half"): 0.9}


def test_harmless_settings_are_combined_for_their_speed_alone(tmp_path: Path) -> None:
    plan = Plan(seconds=FAST_CACHE)
    found = run(tmp_path, plan, settings=["engine.dtype=whole"])
    assert dict(found.engine) == {"engine.batch": 16, "engine.cache": True, "engine.dtype": "whole"}
    assert found.engine_verdict.kind == "clear winner" and found.engine_verdict.gain == found.timed_gain
    assert found.timed_gain is not None and found.timed_gain.mean == pytest.approx(2.5)
    assert found.decoding["prompt.template"] == "good"
    assert found.guards == () and found.guarded is None and found.verdict is found.study.verdict
    assert found.seconds["default", "default"] / found.seconds["seen", "recommended"] == pytest.approx(2.5)
    assert len(found.starts) == len({each.engine for each in found.starts}) <= 6


def test_the_utility_of_harmless_settings_is_bought_once(tmp_path: Path) -> None:
    """The engines of the search answer bursts only, and a burst has seeds of its own."""
    plan = Plan(seconds=FAST_CACHE)
    found = run(tmp_path, plan, settings=["engine.dtype=whole"])
    studies = {request.seed for request in plan.answered if request.seed < 1_000_003}
    assert studies == {0}
    n_bursts = len(found.starts) + 3 * 2 * 2
    assert sum(request.seed >= 1_000_003 for request in plan.answered) == n_bursts * 24
    assert found.paid.n_burst_requests == n_bursts * 24
    with sqlite3.connect(tmp_path / "study.db") as connection:
        names = {name for (name,) in connection.execute("SELECT DISTINCT study FROM bank_requests")}
    assert names == {"planted", "planted/speed"}


def test_a_fast_engine_whose_quality_drops_is_refused(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY, losses={"tiny": 0.35})
    found = run(tmp_path, plan)
    assert found.guards[0].engine["engine.dtype"] == "tiny"
    assert found.guards[0].test.answer == "worse"
    assert found.engine["engine.dtype"] != "tiny"


def test_where_all_that_is_faster_loses_utility_the_default_is_kept_for_that(tmp_path: Path) -> None:
    plan = Plan(
        seconds={("engine.dtype", "tiny"): 0.5, ("engine.dtype", "half"): 0.6}, losses={"tiny": 0.5, "half": 0.5}
    )
    found = run(tmp_path, plan, settings=["engine.batch=8", "engine.cache=false"])
    assert [guard.test.answer for guard in found.guards] == ["worse", "worse"]
    assert (found.engine_verdict.kind, found.engine_verdict.why) == ("keep the default", "lost utility")
    assert found.engine == found.default_engine


def test_a_fast_engine_without_a_loss_is_taken_with_its_test(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY)
    found = run(tmp_path, plan)
    assert found.engine["engine.dtype"] == "tiny"
    assert found.guarded is not None and found.guarded.test.answer == "not worse"
    assert found.guarded.test.difference.low > -0.05
    assert found.verdict.difference.low > 0  # beside the poor prompt that is the default
    assert not found.verdict.recommends_default
    assert found.engine_verdict.kind == "clear winner"
    assert found.timed_gain is not None and found.timed_gain.mean == pytest.approx(1 / 0.3)


def test_too_few_examples_to_tell_leave_the_engine_undecided(tmp_path: Path) -> None:
    """It is not said that it was shown to be bad, and the default is not said to be kept for good."""
    found = run(tmp_path, Plan(seconds=TINY), n_confirm=30)
    assert [guard.test.answer for guard in found.guards] == ["undecided", "undecided"]
    assert all(guard.test.examples_to_decide for guard in found.guards)
    assert found.engine == found.default_engine
    assert (found.engine_verdict.kind, found.engine_verdict.why) == ("undecided", "utility")
    assert found.engine_verdict.seen == found.guards[0].engine
    assert found.budget_to_decide is None  # the task has no more examples, whatever the budget


def test_the_evidence_of_an_engine_that_shapes_text_is_its_own(tmp_path: Path) -> None:
    """Also where its decoding is the default one, so that the two sides differ by the engine alone."""
    decoding = {"prompt.template": "good", "decoding.temperature": 0.0}
    found = run(
        tmp_path, Plan(seconds=TINY, losses={"tiny": 0.02}), decoding=["prompt=good", "temperature=0"], margin=0.2
    )
    assert {name: found.decoding[name] for name in decoding} == decoding
    assert found.decoding == found.study.default and found.engine["engine.dtype"] == "tiny"
    assert not found.verdict.recommends_default
    assert found.verdict.recommended.utility.mean < found.verdict.default.utility.mean
    kept = answer.evidence(found.verdict)
    assert kept.utility == found.verdict.seen.utility.mean
    assert kept.difference == found.verdict.difference.mean < 0
    assert set(found.seconds) == {("default", "default"), ("seen", "default")}


def test_the_next_is_asked_where_the_fastest_is_refused(tmp_path: Path) -> None:
    plan = Plan(seconds=TINY, losses={"tiny": 0.5})
    found = run(tmp_path, plan)
    assert [guard.test.answer for guard in found.guards] == ["worse", "not worse"]
    assert found.engine["engine.dtype"] == "half"
    assert {guard.test.confidence for guard in found.guards} == {0.975}


def test_the_default_is_kept_where_the_fastest_other_is_shown_to_be_no_faster(tmp_path: Path) -> None:
    slower = {
        ("engine.batch", 16): 1.5,
        ("engine.cache", True): 2.0,
        ("engine.batch", 32): 2,
        ("engine.dtype", "half"): 2,
    }
    found = run(tmp_path, Plan(seconds=slower | {("engine.dtype", "tiny"): 2.0}))
    assert found.engine == found.default_engine and found.guards == ()
    said = found.engine_verdict
    assert (said.kind, said.why) == ("keep the default", "no faster")
    assert said.seen == found.timed and said.seen["engine.batch"] == 16
    assert said.gain is not None and said.gain.high < 1.03
    assert found.whole_gain is not None and found.whole_gain.n_turns == 3


def test_where_all_settings_shape_text_and_are_slower_their_speed_alone_keeps_the_default(tmp_path: Path) -> None:
    plan = Plan(seconds={("engine.dtype", "half"): 1.5, ("engine.dtype", "tiny"): 2.0})
    found = run(tmp_path, plan, settings=["engine.batch=8", "engine.cache=false"])
    assert (found.engine_verdict.kind, found.engine_verdict.why) == ("keep the default", "no faster")
    assert found.guards == () and found.timed is not None and found.timed["engine.dtype"] == "half"


def test_where_nothing_else_starts_the_default_is_kept_for_that(tmp_path: Path) -> None:
    plan = Plan(broken={16: "out of memory: a", True: "no such flag: b"})
    found = run(tmp_path, plan, settings=["engine.dtype=whole", "engine.batch=8,16"])
    assert (found.engine_verdict.kind, found.engine_verdict.why) == ("keep the default", "nothing started")


def test_a_gain_that_is_not_shown_is_undecided_with_the_turns_that_would_decide(tmp_path: Path) -> None:
    plan = Plan(seconds={("engine.cache", True): 0.85}, noise=0.08)
    settings = ["engine.dtype=whole", "engine.batch=8"]
    found = run(tmp_path, plan, settings=settings, n_turns=3)
    said = found.engine_verdict
    assert (said.kind, said.why) == ("undecided", "speed")
    assert said.gain is not None and said.gain.low < 1 < said.gain.high
    assert found.engine == found.default_engine and found.turns_to_decide is not None
    plan = Plan(seconds=plan.seconds, noise=0.08, luck=random.Random(1))
    more = run(tmp_path, plan, settings=settings, n_turns=found.turns_to_decide)
    assert more.engine_verdict.kind == "clear winner"
    n_new = more.timed_gain.n_turns - 3 if more.timed_gain is not None else 0
    assert len(plan.started) == 2 * n_new  # the search and the first three turns are not measured again


def test_turns_end_when_they_decide(tmp_path: Path) -> None:
    plan = Plan(seconds={("engine.cache", True): 0.5}, noise=0.03)
    found = run(tmp_path, plan, settings=["engine.dtype=whole", "engine.batch=8"], n_turns=24)
    assert found.timed_gain is not None and found.timed_gain.n_turns == 3


def test_an_engine_that_fails_in_the_finals_is_no_end(tmp_path: Path) -> None:
    plan = Plan(seconds=FAST_CACHE)

    def break_finals(line: str) -> None:
        if line.startswith("finals"):
            plan.broken = {True: "lost the device: x"}

    found = run(tmp_path, plan, settings=["engine.dtype=whole", "engine.batch=8"], on_say=break_finals)
    assert found.engine == found.default_engine
    assert (found.engine_verdict.kind, found.engine_verdict.why) == ("undecided", "not judged")
    assert any("failed in the finals: lost the device" in note for note in found.notes)


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
    return run(tmp_path_factory.mktemp("whole"), plan, budget=SMALL), len(plan.started)


@pytest.mark.parametrize("when", [1, 4, 8, 12])
def test_interrupted_anywhere_it_resumes_and_pays_nothing_twice(
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
        run(tmp_path, first, budget=SMALL, on_say=interrupt)
    assert first.n_running == 0
    again = Plan(seconds=seconds)
    found = run(tmp_path, again, budget=SMALL)
    assert found.engine == expected.engine and found.decoding == expected.decoding
    assert found.guards == expected.guards
    # Seconds are differences of a clock, which has run on.
    assert {each.engine: each.seconds for each in found.starts} == pytest.approx(
        {each.engine: each.seconds for each in expected.starts}
    )
    assert found.paid == expected.paid and found.verdict == expected.verdict
    assert len(first.started) + len(again.started) <= n_started + 1  # the one that ran when it was killed
    assert bought_twice(tmp_path) == 0


def bought_twice(folder: Path) -> int:
    with sqlite3.connect(folder / "study.db") as connection:
        samples = connection.execute(
            "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id "
            "WHERE study NOT LIKE '%/speed'"
        ).fetchall()
    return sum(count - 1 for count in Counter(samples).values())


def test_a_finished_search_is_shown_again_without_an_engine(tmp_path: Path) -> None:
    first = run(tmp_path, Plan(seconds=TINY), budget=SMALL)
    again = Plan(seconds=TINY)
    found = run(tmp_path, again, budget=SMALL)
    assert again.started == [] and again.answered == []
    assert plain(found) == plain(first)


def test_another_margin_is_judged_anew_from_what_is_there(tmp_path: Path) -> None:
    run(tmp_path, Plan(seconds=TINY, losses={"tiny": 0.02, "half": 0.02}), margin=0.3)
    again = Plan(seconds=TINY, losses={"tiny": 0.02, "half": 0.02})
    strict = run(tmp_path, again, margin=0.01)
    assert strict.guards[0].test.answer != "not worse"
    assert strict.engine["engine.dtype"] != "tiny"


def test_a_single_turn_decides_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, Plan(seconds=FAST_CACHE), settings=["engine.dtype=whole"], n_turns=1)
    assert found.engine_verdict.kind == "undecided" and found.engine == found.default_engine
    assert found.turns_to_decide == 3
    assert found.timed_gain is not None and found.timed_gain.high == math.inf


def test_a_margin_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="the margin must be"):
        run(tmp_path, Plan(), margin=0.0)


def test_a_larger_budget_decides_what_was_undecided(tmp_path: Path) -> None:
    """More examples are answered under the default engine, and then as many under the other."""
    small = run(tmp_path, Plan(seconds=TINY), budget=3_000)
    assert {guard.test.answer for guard in small.guards} == {"undecided"}
    large = run(tmp_path, Plan(seconds=TINY), budget=16_000)
    assert large.guards[0].test.difference.n > small.guards[0].test.difference.n
    assert large.guards[0].test.answer == "not worse"
    assert bought_twice(tmp_path) == 0
