"""Which engines are started: the default, single changes of it, and combinations that should be fast."""

import math
from collections.abc import Callable

from infertune.joint.proposals import WORTH, propose
from infertune.space import Condition, Constraint, Parameter, SearchSpace
from infertune.types import Configuration, Scalar


def choice(name: str, *choices: Scalar, when: Condition | None = None) -> Parameter:
    full = f"engine.{name}"
    return Parameter(name=full, tier="engine", kind="choice", choices=choices, default=choices[0], when=when)


SPACE = SearchSpace((choice("a", 1, 2, 4, 8), choice("b", False, True), choice("c", "x", "y")))


def walk(space: SearchSpace, seconds: Callable[[Configuration], float | None]) -> list[Configuration]:
    tried: dict[Configuration, float | None] = {}
    while (found := propose(space, tried)) is not None:
        assert found not in tried and space.allows(found)
        tried[found] = seconds(found)
        if tried[found] is None and len(tried) == 1:
            break
    return list(tried)


def product(configuration: Configuration) -> float:
    factors = {("engine.a", 2): 0.9, ("engine.a", 4): 0.7, ("engine.a", 8): 2.0, ("engine.b", True): 0.8}
    return math.prod(factors.get(item, 1.0) for item in configuration.items())


def test_the_default_then_single_changes_the_nearest_values_first() -> None:
    walked = [dict(each) for each in walk(SPACE, product)]
    assert walked[0] == {"engine.a": 1, "engine.b": False, "engine.c": "x"}
    changes = [{name: v for name, v in each.items() if v != walked[0][name]} for each in walked[1:6]]
    assert changes == [{"engine.a": 2}, {"engine.b": True}, {"engine.c": "y"}, {"engine.a": 4}, {"engine.a": 8}]


def test_then_what_should_be_fastest_together() -> None:
    walked = walk(SPACE, product)
    assert {k: walked[6][k] for k in ("engine.a", "engine.b")} == {"engine.a": 4, "engine.b": True}
    assert min(map(product, walked)) == min(map(product, SPACE.configurations()))


def test_what_should_be_slow_is_not_started() -> None:
    walked = walk(SPACE, product)
    fastest = min(map(product, walked))
    assert len(walked) < SPACE.n_configurations
    assert all(product(each) <= WORTH * fastest * 1.001 for each in walked[6:])
    assert len(walk(SPACE, lambda each: 1.0 + 0.5 * sum(each[n] != SPACE[n].default for n in each))) == 6


def test_a_change_that_failed_is_not_combined() -> None:
    walked = walk(SPACE, lambda each: None if each["engine.a"] == 4 else product(each))
    assert sum(each["engine.a"] == 4 for each in walked) == 1


def test_a_default_that_failed_leaves_only_single_changes() -> None:
    assert len(walk(SPACE, lambda each: None)) == 1
    tried: dict[Configuration, float | None] = dict.fromkeys(SPACE.configurations())
    assert propose(SPACE, tried) is None


def test_settings_that_need_another_come_with_it() -> None:
    speculates = Condition("engine.m", "!=", "none")
    space = SearchSpace(
        (choice("m", "none", "ngram"), choice("k", 4, 2, 8, when=speculates), choice("b", False, True))
    )

    def seconds(each: Configuration) -> float:
        return {4: 0.8, 2: 0.6, 8: 0.9}[int(each["engine.k"])] if "engine.k" in each else 1.0

    walked = walk(space, seconds)
    assert {each.get("engine.k") for each in walked} >= {None, 4, 2}
    assert min(map(seconds, walked)) == 0.6


def test_constraints_are_kept() -> None:
    must = Constraint(when=Condition("engine.b", "==", True), must=Condition("engine.c", "==", "y"))
    space = SearchSpace((choice("b", False, True), choice("c", "x", "y")), (must,))
    assert {(each["engine.b"], each["engine.c"]) for each in walk(space, lambda each: 1.0)} == {
        (False, "x"), (False, "y"), (True, "y"),
    }  # fmt: skip
