"""A finished study's answer comes back from its log whole, and only for the same question."""

from pathlib import Path

import pytest

from infertune.bank.usage import Usage
from infertune.selection.recommendation import Point, Recommendation
from infertune.selection.regret_bound import Margin, RegretBound
from infertune.selection.verdict import Side, Verdict
from infertune.statistics.intervals import Interval
from infertune.study.finished import Finished, keep, kept
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration, Unsupported

ASKED = {"task": "abc", "budget": [1000, None, None], "wanted": {"prefer": "utility"}}


def answer() -> Finished:
    side = Side(utility=Interval(mean=0.5, low=0.4, high=0.6, n=60), cost_tokens=81.5, answered_share=0.99)
    best = Configuration({"decoding.temperature": 0.5, "prompt.template": "a"})
    return Finished(
        recommendation=Recommendation(
            recommended=best,
            seen=best,
            default=Configuration({"decoding.temperature": 1.0, "prompt.template": "a"}),
            on_tune=Point(configuration=best, utility=0.6, cost_tokens=80.0),
            verdict=Verdict(
                kind="undecided",
                seen=side,
                default=side,
                difference=Interval(mean=0.1, low=-0.1, high=0.3, n=60),
                recommends_default=False,
                chance_worse=0.04,
                examples_to_decide=120,
            ),
            budget_to_decide=2.5,
            front=(Point(configuration=best, utility=0.6, cost_tokens=80.0, answered_share=0.9),),
            n_as_good=3,
            promise=RegretBound(
                confidence=0.95, finalists=None, tried=Margin(within=0.2, n_candidates=9, n_examples=24)
            ),
            explored=((80.0, 0.6), (20.0, 0.1)),
            spent=Usage(prompt_tokens=900, completion_tokens=90, n_requests=30, seconds=1.5),
            seconds=1.25,
            n_trials=9,
            n_tune=24,
            notes=("n = 9 left out",),
        ),
        facts={"engine": "fake", "model": "writer"},
        unsupported=(Unsupported(name="decoding.min_p", reason="it changed nothing"),),
        metrics={"prefix_hit_share": 0.5, "last_failure": None},
    )


@pytest.fixture
def log(tmp_path: Path) -> TrialLog:
    return TrialLog(f"sqlite:///{tmp_path / 'study.db'}", "mine")


def test_it_comes_back_whole(log: TrialLog, tmp_path: Path) -> None:
    keep(log, ASKED, answer())
    assert kept(TrialLog(f"sqlite:///{tmp_path / 'study.db'}", "mine"), ASKED) == answer()


def test_another_question_has_another_answer(log: TrialLog) -> None:
    assert kept(log, ASKED) is None
    keep(log, ASKED, answer())
    assert kept(log, ASKED | {"budget": [2000, None, None]}) is None


def test_what_another_version_wrote_is_no_answer(log: TrialLog) -> None:
    log.note("finished", {"asked": ASKED, "answer": {"recommendation": {}}})
    assert kept(log, ASKED) is None
