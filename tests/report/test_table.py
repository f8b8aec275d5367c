"""The answer in a terminal: equal points of the front are one line, and a chance is never said to be none."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from infertune.bank.usage import Usage
from infertune.recipes import recipe
from infertune.report import table
from infertune.report.answer import Answer, evidence
from infertune.selection.recommendation import Point, Recommendation
from infertune.selection.regret_bound import RegretBound
from infertune.selection.verdict import Side, Verdict
from infertune.space.default_space import default_space
from infertune.statistics.intervals import Interval

SPACE = default_space(prompts=("short", "long"), max_tokens=(5, 20))
DEFAULT = SPACE.default_configuration()
BEST = DEFAULT.with_values({"decoding.repetition_penalty": 1.1, "prompt.template": "long"})
SIDE = Side(utility=Interval(mean=0.5, low=0.4, high=0.6, n=60), cost_tokens=81.5, answered_share=1.0)
VERDICT = Verdict(
    kind="undecided",
    seen=SIDE,
    default=SIDE,
    difference=Interval(mean=0.1, low=-0.1, high=0.3, n=60),
    recommends_default=False,
    chance_worse=0.04,
)


def found(*front: Point) -> Recommendation:
    return Recommendation(
        recommended=BEST,
        seen=BEST,
        default=DEFAULT,
        on_tune=Point(configuration=BEST, utility=0.6, cost_tokens=80.0),
        verdict=VERDICT,
        budget_to_decide=None,
        front=front,
        n_as_good=1,
        promise=RegretBound(confidence=0.95, finalists=None, tried=None),
        explored=(),
        spent=Usage(),
        seconds=1.0,
        n_trials=9,
        n_tune=24,
        notes=(),
    )


def shown(recommendation: Recommendation) -> list[str]:
    written = recipe.Recipe(
        infertune="0",
        task="mine",
        task_digest="0",
        model="model",
        engine="hf",
        engine_options={},
        seed=0,
        configuration={},
        evidence=evidence(VERDICT),
    )
    answer = Answer(
        study="mine", sampler="infertune", space=SPACE, recipe=written, facts={}, recommendation=recommendation
    )
    out = io.StringIO()
    table.show(answer, Console(file=out, width=120))
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_of_equal_points_the_front_names_the_recommended_or_the_one_with_the_fewest_changes() -> None:
    shorter = DEFAULT.with_values({"decoding.max_tokens": 5})
    cheap = [Point(configuration=one, utility=0.3, cost_tokens=28.0) for one in (shorter, DEFAULT)]
    simpler = DEFAULT.with_values({"prompt.template": "long"})
    dear = [Point(configuration=one, utility=0.6, cost_tokens=80.0) for one in (simpler, BEST)]
    lines = shown(found(*cheap, *dear))
    assert "28 0.300 the default (and 1 more)" in lines
    assert "80 0.600 R repetition_penalty=1.1 prompt=long (and 1 more)" in lines


@pytest.mark.parametrize(("chance", "said"), [(0.0, "<1%"), (0.004, "<1%"), (0.006, "1%"), (0.096, "10%")])
def test_a_chance_is_never_said_to_be_none(chance: float, said: str) -> None:
    doubtful = replace(found(), verdict=replace(VERDICT, chance_worse=chance))
    assert f"with a {said} chance of being worse" in table.advice(doubtful)
