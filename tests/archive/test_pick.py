"""What is picked keeps its limits, and nothing known that keeps them is better."""

from pathlib import Path

import pytest
from stored import found

import infertune
from infertune.archive import StoredStudy
from infertune.archive.pick import Limits, candidates, pick
from infertune.errors import InvalidInputError, NothingFitsError
from infertune.types import Configuration


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> infertune.Result:
    folder = tmp_path_factory.mktemp("picked")
    return found(folder, database=str(folder / "infertune.db"))


def test_without_limits_it_is_the_recommendation(result: infertune.Result) -> None:
    picked = result.pick()
    assert picked.chosen == picked.best and picked.chosen.confirmed
    assert dict(picked.chosen.configuration) == result.best_config()
    assert picked.chosen.utility == pytest.approx(result.recommendation.verdict.recommended.utility.mean)


@pytest.mark.parametrize("cap", [9.5, 11.0, 14.0, 18.0])
def test_a_cost_cap_is_kept_and_nothing_better_keeps_it(result: infertune.Result, cap: float) -> None:
    chosen = result.pick(max_cost_tokens=cap).chosen
    assert chosen.cost_tokens <= cap
    with StoredStudy("planted", result.file.database) as study:
        known = [each for each in candidates(study) if each.cost_tokens <= cap]
    if chosen.configuration != Configuration(result.best_config()):
        assert chosen.utility == max(each.utility for each in known)


def test_every_replay_choice_of_what_was_tried_is_a_candidate(result: infertune.Result) -> None:
    with StoredStudy("planted", result.file.database) as study:
        known = {each.configuration: each for each in candidates(study)}
        pieces = [trial.evidence for trial in study.trials if trial.evidence is not None]
    assert {
        Configuration({**piece.order.configuration, **choice}) for piece in pieces for choice in piece.choices
    } <= {*known}
    tried = {int(each["strategy.n"]) for each in known}
    assert {1, 3} <= tried


def test_what_nothing_keeps_is_said_with_the_nearest(result: infertune.Result) -> None:
    with pytest.raises(
        NothingFitsError, match=r"tried has at most 2 tokens.*utility of at least 0.99; the nearest has"
    ):
        result.pick(max_cost_tokens=2, min_utility=0.99)
    with pytest.raises(NothingFitsError, match="a time that is not known"):
        result.pick(max_latency_seconds=1.0)  # of a fake engine no time is known
    assert NothingFitsError.exit_code == 3


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"max_cost_tokens": 0}, "max_cost_tokens must be above 0"), ({"min_utility": 1.2}, "between 0 and 1")],
)
def test_limits_that_are_none(limits: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        Limits(**limits)


def test_a_study_under_way_can_be_picked_from(tmp_path: Path) -> None:
    from planted import Interrupted, interrupting

    with pytest.raises(Interrupted):
        found(tmp_path, progress=interrupting(500))
    with StoredStudy(None, tmp_path / "infertune.db") as study:
        assert not study.is_finished
        assert pick(study, Limits(max_cost_tokens=30)).chosen.cost_tokens <= 30
