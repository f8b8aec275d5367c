"""What fails is learnt from what failed, by its class, and the same failure again and again ends the search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.serving.search.feasibility import Feasibility, SearchStopped, TrialOutcome, check
from infertune.testing.simulated_launcher import SimulatedLauncher, out_of_memory
from infertune.types import Configuration

SPACE = SimulatedLauncher().space
FAILS = out_of_memory(SimulatedLauncher().hardware)


def tried(n: int, seed: int = 0) -> list[TrialOutcome]:
    rng = np.random.default_rng(seed)
    drawn = [SPACE.sample(rng) for _ in range(n)]
    return [TrialOutcome(configuration=each, failure=FAILS(each) or "", line="no memory") for each in drawn]


def test_a_region_of_failures_is_learnt() -> None:
    """One in nine fails; after forty trials those that would are told from the others."""
    model = Feasibility(SPACE, tried(40))
    everything = list(SPACE.configurations())
    chances = model.chances(everything)
    bad = np.array([FAILS(each) is not None for each in everything])
    assert 0.01 < bad.mean() < 0.2
    order = np.argsort(chances)
    n = int(bad.sum())
    found = bad[order[: 2 * n]].sum() / n
    assert found > 0.8  # of those that fail, among the twice as many that are trusted least


def test_a_setting_that_does_not_matter_does_not_hide_one_that_does() -> None:
    """All trials with 128 sequences failed, whatever else they had, and no other did."""
    outcomes = [
        TrialOutcome(
            configuration=each.configuration, failure="crash" * (each.configuration["engine.max_num_seqs"] == 128)
        )
        for each in tried(24, seed=3)
    ]
    model = Feasibility(SPACE, outcomes)
    fresh = [each.configuration for each in tried(60, seed=2)]
    chances = model.chances(fresh)
    fails = np.array([each["engine.max_num_seqs"] == 128 for each in fresh])
    assert chances[fails].max() < chances[~fails].min()


def test_each_class_has_settings_of_its_own() -> None:
    """Few sequences hang, large steps want memory: neither is blamed on the other's setting."""

    def kind(each: Configuration) -> str:
        if each["engine.max_num_seqs"] == 4:
            return "hang"
        return "out of memory" if each["engine.max_num_batched_tokens"] == 4096 else ""

    outcomes = [
        TrialOutcome(configuration=each.configuration, failure=kind(each.configuration)) for each in tried(40, seed=4)
    ]
    fresh = [each.configuration for each in tried(60, seed=5)]
    shares = Feasibility(SPACE, outcomes).shares(fresh)
    for failure, found in shares.items():
        is_so = np.array([kind(each) == failure for each in fresh])
        assert found[is_so].mean() > 3 * found[~is_so].mean()


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 5))
def test_chances_are_chances(n: int, seed: int) -> None:
    chances = Feasibility(SPACE, tried(max(n, 1), seed)).chances([SPACE.default_configuration()])
    assert 0 < chances[0] <= 1


def test_nothing_failed_so_nothing_is_doubted() -> None:
    outcomes = [TrialOutcome(configuration=each.configuration) for each in tried(10)]
    assert Feasibility(SPACE, outcomes).chances(list(SPACE.configurations())).min() == 1


def outcomes(*kinds: str) -> list[TrialOutcome]:
    return [
        TrialOutcome(configuration=Configuration({"engine.a": 1, "engine.b": at}), failure=kind, line=f"line {at}")
        for at, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    "kinds", [("crash", "crash"), ("crash", "hang", "crash"), ("crash", "crash", "", "crash"), ("", "", "")]
)
def test_the_breaker_waits(kinds: tuple[str, ...]) -> None:
    check(outcomes(*kinds))


def test_the_breaker_passes_over_what_was_expected_once_a_server_has_run() -> None:
    failures = [
        TrialOutcome(configuration=each.configuration, failure="crash", expected=True) for each in outcomes(*"abcd")
    ]
    check([*outcomes(""), *failures])
    with pytest.raises(SearchStopped):
        check(failures)
    with pytest.raises(SearchStopped):
        check([*outcomes(""), *failures, *outcomes("crash", "crash", "crash")])


def test_the_breaker_explains() -> None:
    with pytest.raises(SearchStopped) as caught:
        check(outcomes("", "crash", "crash", "crash"))
    said = str(caught.value)
    assert all(each in said for each in ("crash", "line 3", "a=1", "with settings"))
    assert "b=" not in said
