"""A study that gets its budget in stages repeats them after a kill, and never goes back to a smaller budget."""

from pathlib import Path

import pytest

from infertune.budget import Budget
from infertune.joint.stages import Stages
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration


class Study:
    """Recommends its budget; told to, it is killed instead."""

    def __init__(self) -> None:
        self.budgets: list[int | None] = []
        self.is_killed = False

    def __call__(self, budget: Budget) -> Configuration:
        self.budgets.append(budget.tokens)
        if self.is_killed:
            raise KeyboardInterrupt
        return Configuration({"tokens": budget.tokens or 0})


@pytest.fixture
def log(tmp_path: Path) -> TrialLog:
    return TrialLog(f"sqlite:///{tmp_path}/study.db", "x/joint")


def test_each_goes_on_where_the_one_before_ended(log: TrialLog) -> None:
    study = Study()
    stages = Stages(log, "x", Budget(tokens=1000), study)
    assert [stages.go_on(share)["tokens"] for share in (0.6, 0.8, 1.0)] == [600, 800, 1000]
    assert not stages.has_next


def test_a_killed_stage_is_repeated_with_what_was_noted_and_those_before_are_read(log: TrialLog) -> None:
    first = Study()
    stages = Stages(log, "x", Budget(tokens=1000), first)
    stages.go_on(0.6)
    first.is_killed = True
    with pytest.raises(KeyboardInterrupt):
        stages.go_on(0.9)
    again = Study()
    stages = Stages(log, "x", Budget(tokens=1000), again)
    assert stages.go_on(0.6)["tokens"] == 600 and again.budgets == []
    assert stages.has_next
    assert stages.go_on(0.7)["tokens"] == 900 and again.budgets == [900]


@pytest.mark.parametrize(("tokens", "first"), [(3000, 1800), (1200, 1000), (500, 1000)])
def test_under_another_budget_it_has_at_least_what_it_had(log: TrialLog, tokens: int, first: int) -> None:
    stages = Stages(log, "x", Budget(tokens=1000), Study())
    stages.go_on(0.6)
    stages.go_on(1.0)
    assert Stages(log, "x", Budget(tokens=tokens), Study()).go_on(0.6)["tokens"] == first


def test_what_an_earlier_version_noted_is_read(log: TrialLog) -> None:
    done = [{"limits": [600, None, None], "recommended": {"tokens": 6}}, {"limits": [800, None, None]}]
    log.note("stages of x", {"budget": [1000, None, None], "had": [None, None, None], "stages": done})
    study = Study()
    stages = Stages(log, "x", Budget(tokens=1000), study)
    assert stages.has_next and stages.go_on(0.5)["tokens"] == 6 and study.budgets == []
    assert stages.has_next and stages.go_on(0.5)["tokens"] == 800
    assert not stages.has_next


def test_studies_have_stages_of_their_own(log: TrialLog) -> None:
    Stages(log, "x", Budget(tokens=1000), Study()).go_on(1.0)
    assert Stages(log, "y", Budget(tokens=1000), Study()).go_on(0.5)["tokens"] == 500
