"""The schedule of speculative lengths: careful, ties to the shortest, whole loads only, resumable."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.load.slo import Slo
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.event_log import EventLog
from infertune.serving.search.speculation import SpeculationEvidence, loads_to_measure, measured, schedule, with_length
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.types import Configuration


def told(load: int, length: int, *values: float) -> SpeculationEvidence:
    return SpeculationEvidence(load=load, length=length, values=values)


def test_the_best_at_each_load_and_neighbours_joined() -> None:
    found = schedule(
        [
            *(told(1, n, v, v, v) for n, v in ((0, 10.0), (2, 15.0), (4, 20.0))),
            *(told(4, n, v, v, v) for n, v in ((0, 30.0), (2, 36.0), (4, 40.0))),
            *(told(16, n, v, v, v) for n, v in ((0, 90.0), (2, 100.0), (4, 80.0))),
            *(told(64, n, v, v, v) for n, v in ((0, 200.0), (2, 150.0), (4, 90.0))),
        ]
    )
    assert found.steps == ((1, 15, 4), (16, 63, 2), (64, 64, 0))


def test_what_varies_is_trusted_less() -> None:
    """By hand: the median of 20 less 1.4826 times 6 is 11.1, below the steady 14."""
    assert told(1, 4, 14.0, 20.0, 26.0).careful == pytest.approx(20 - 1.4826 * 6)
    found = schedule([told(1, 0, 14.0, 14.0, 14.0), told(1, 4, 14.0, 20.0, 26.0)])
    assert found.steps == ((1, 1, 0),)


def test_of_equal_ones_the_shortest() -> None:
    assert schedule([told(1, n, 10.0, 10.0) for n in (4, 2, 0, 8)]).steps == ((1, 1, 0),)


@settings(deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from([1, 4, 16, 64]), st.sampled_from([0, 2, 4])), st.floats(1.0, 99.0)))
def test_the_steps_cover_every_load_once(values: dict[tuple[int, int], float]) -> None:
    evidence = [told(load, length, value) for (load, length), value in values.items()]
    try:
        found = schedule(evidence)
    except InvalidInputError:
        lengths = {each.length for each in evidence}
        whole = [n for n in (1, 4, 16, 64) if {e.length for e in evidence if e.load == n} == lengths]
        assert len(lengths) < 2 or not whole
        return
    assert found.steps[0][0] == 1
    for one, two in zip(found.steps, found.steps[1:], strict=False):
        assert one[1] + 1 == two[0]
        assert one[2] != two[2]
    assert all(low <= high for low, high, _ in found.steps)


def test_loads() -> None:
    assert loads_to_measure(1) == (1,)
    assert loads_to_measure(64) == (1, 4, 16, 64)
    assert loads_to_measure(40) == (1, 4, 16, 40)


def test_length_nothing_is_no_speculation() -> None:
    settings = {"engine.max_num_seqs": 8, "engine.speculative_method": "ngram", "engine.speculative_tokens": 4}
    assert with_length(settings, "ngram", 0) == Configuration(
        {"engine.max_num_seqs": 8, "engine.speculative_method": "none"}
    )
    assert with_length(settings, "ngram", 2)["engine.speculative_tokens"] == 2


def test_on_a_simulated_server_it_is_long_for_few_and_short_for_many(tmp_path: Path) -> None:
    launcher = SimulatedLauncher()
    log = EventLog(tmp_path / "a.db", "s")
    account = LoadAccount(launcher, log, Slo(()), launcher.clock)
    asked = {
        "method": "ngram",
        "lengths": (0, 1, 4, 8),
        "loads": (1, 8, 64),
        "repeats": 3,
        "room": 4000.0,
        "seed": 0,
    }
    evidence, complete = measured(account, launcher.space.default_configuration(), **asked)  # type: ignore[arg-type]
    assert complete
    found = schedule(evidence)
    assert found.steps[0][2] >= 4
    assert found.steps[-1][2] <= 1
    assert launcher.n_started == 4
    assert launcher.n_open == 0
    fresh = SimulatedLauncher()
    account = LoadAccount(fresh, log, Slo(()), fresh.clock)
    assert measured(account, launcher.space.default_configuration(), **asked) == (evidence, True)  # type: ignore[arg-type]
    assert fresh.n_started == 0
    log.close()


def test_a_budget_that_ends_is_told(tmp_path: Path) -> None:
    launcher = SimulatedLauncher()
    log = EventLog(tmp_path / "a.db", "s")
    account = LoadAccount(launcher, log, Slo(()), launcher.clock)
    evidence, complete = measured(
        account,
        launcher.space.default_configuration(),
        method="ngram",
        lengths=(0, 4),
        loads=(1, 8),
        repeats=2,
        room=60.0,
        seed=0,
    )
    assert not complete
    with pytest.raises(InvalidInputError):
        schedule(evidence)
    log.close()
