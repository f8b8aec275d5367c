"""Which settings matter: against functions whose shares are known, and a study whose effects are planted."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import infertune
from infertune.archive import StoredStudy
from infertune.archive.importance import importances
from infertune.archive.path import path
from infertune.archive.surface import UtilitySurface
from infertune.errors import DataUnavailableError
from infertune.report.importance import as_json
from infertune.space import Parameter, SearchSpace
from infertune.types import Configuration

STEPS = [0.0, 0.25, 0.5, 0.75, 1.0]


def known(space: SearchSpace, utility: Any) -> UtilitySurface:
    """Return a surface that is a function, in place of what a study knows."""

    class Known:
        def __init__(self) -> None:
            self.space = space

        def means(self, configurations: Sequence[Configuration]) -> np.ndarray:
            return np.array([float(utility(each)) for each in configurations])

        def difference(self, a: Configuration, b: Configuration) -> tuple[float, float]:
            return float(utility(b) - utility(a)), 0.0

        def tokens(self, configuration: Configuration) -> float:
            return 100.0 * float(configuration["argument.x"])

    return cast("UtilitySurface", Known())


def number(name: str) -> Parameter:
    return Parameter(name=f"argument.{name}", tier="request", kind="float", default=0.0, low=0.0, high=1.0)


def at(x: float, y: float, z: float) -> Configuration:
    return Configuration({"argument.x": x, "argument.y": y, "argument.z": z})


SPACE = SearchSpace((number("x"), number("y"), number("z")))


def test_shares_of_variance_are_those_of_the_function() -> None:
    """Of x * y on the unit square each explains 3/7 alone and 4/7 together with the other; z does nothing."""
    surface = known(SPACE, lambda c: c["argument.x"] * c["argument.y"])
    found = {each.name: each for each in importances(surface, at(1, 1, 0), at(0, 0, 0))}
    for name in ("argument.x", "argument.y"):
        assert found[name].alone == pytest.approx(3 / 7, abs=0.06)
        assert found[name].total == pytest.approx(4 / 7, abs=0.06)
    assert (found["argument.z"].alone, found["argument.z"].total) == (0, 0)


def test_how_often_a_conclusion_holds() -> None:
    """x helps where y is above 0.3 and harms elsewhere: so in 70% of the space."""
    surface = known(SPACE, lambda c: c["argument.x"] * (1 if c["argument.y"] > 0.3 else -1))
    found = {each.name: each for each in importances(surface, at(1, 1, 0), at(0, 1, 0))}
    x = found["argument.x"]
    assert x.holds == pytest.approx(0.7, abs=0.05) and x.gain == pytest.approx(0.7 - 0.3, abs=0.1)
    assert found["argument.y"].holds is None, "the same in both"


def test_nothing_matters_where_nothing_differs() -> None:
    for each in importances(known(SPACE, lambda c: 0.5), at(1, 1, 1), at(0, 0, 0)):
        assert (each.alone, each.total, each.holds, each.gain) == (0, 0, 0, 0)


def test_the_path_takes_the_most_useful_change_first_and_adds_up() -> None:
    def utility(c: Configuration) -> float:
        x, y, z = (float(c[f"argument.{name}"]) for name in "xyz")
        return 0.1 * x + 0.3 * y + 0.2 * x * z

    steps = path(known(SPACE, utility), at(0, 0, 0), at(1, 1, 1))
    assert [step.name for step in steps] == ["argument.y", "argument.x", "argument.z"]
    assert [step.adds.mean for step in steps if step.adds] == pytest.approx([0.3, 0.1, 0.2])
    assert [step.worth.mean for step in steps if step.worth] == pytest.approx([0.3, 0.3, 0.2])
    assert [step.cost_tokens for step in steps] == [0, 100, 0]
    assert path(known(SPACE, utility), at(0, 0, 0), at(0, 0, 0)) == []


def test_a_setting_that_exists_only_beside_another_comes_with_it() -> None:
    from infertune.space import Condition

    inner = Parameter(
        name="argument.y",
        tier="request",
        kind="float",
        default=0.0,
        low=0.0,
        high=1.0,
        when=Condition("argument.x", ">", 0.5),
    )
    space = SearchSpace((number("x"), inner))
    surface = known(space, lambda c: c["argument.x"] + c.get("argument.y", 0.0))
    start, end = Configuration({"argument.x": 0.0}), Configuration({"argument.x": 1.0, "argument.y": 1.0})
    steps = path(surface, start, end)
    assert [step.name for step in steps] == ["argument.x"] and steps[0].adds and steps[0].adds.mean == 2


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> infertune.Result:
    """Return a study of a function: x is worth 0.4, y 0.15, z nothing."""

    def chance(configuration: dict[str, float], example: float, seed: int) -> tuple[float, int]:
        right = 0.3 + 0.4 * configuration["x"] + 0.15 * configuration["y"]
        return float(np.random.default_rng([seed, int(1e6 * example)]).random() < right), 10

    examples = list(np.random.default_rng(0).random(600))
    database = tmp_path_factory.mktemp("planted") / "infertune.db"
    return infertune.maximize(
        chance,
        {"x": STEPS, "y": STEPS, "z": STEPS},
        examples=examples,
        budget=60_000,
        database=database,
        study="planted",
        progress=False,
    )


def test_a_study_tells_its_planted_effects(planted: infertune.Result) -> None:
    shares = {row["name"].rpartition(".")[2]: row for row in planted.importance()}
    assert next(iter(shares)) == "x" and shares["x"]["total"] > 0.6
    assert shares["z"]["total"] < 0.15
    truth = {"x": 0.4, "y": 0.15, "z": 0.0}
    for step in planted.path():
        name = step.name.rpartition(".")[2]
        effect = truth[name] * (float(step.now) - float(step.was))  # type: ignore[arg-type]
        assert step.adds and step.adds.low - 0.05 <= effect <= step.adds.high + 0.05
    assert (first := planted.path()[0]).name == "argument.x" and first.adds and first.adds.tells


def test_too_little_says_nothing(tmp_path: Path) -> None:
    database = tmp_path / "infertune.db"
    infertune.maximize(
        lambda configuration, example: 0.5,
        {"x": [1]},
        examples=list(range(20)),
        budget=200,
        database=database,
        study="one",
        progress=False,
    )
    with StoredStudy("one", database) as study, pytest.raises(DataUnavailableError, match="at least two config"):
        UtilitySurface(study)


def test_what_the_model_knows_nothing_of_is_left_open() -> None:
    """A vote needs more than one sample: with n taken back alone there is no such combination."""
    surface = known(SPACE, lambda c: np.nan if c["argument.x"] == 0 and c["argument.y"] == 1 else c["argument.x"])
    steps = path(surface, at(0, 0, 0), at(1, 1, 0))
    assert [step.name for step in steps] == ["argument.x", "argument.y"]
    assert steps[0].adds and steps[0].worth is None and steps[1].adds is not None
    assert "nan" not in json.dumps(as_json(steps, [])).lower()
