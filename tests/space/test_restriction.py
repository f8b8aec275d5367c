"""What an engine does not honour is out of the space before anything is spent, and a configuration cannot set it."""

from itertools import combinations

import numpy as np
import pytest

from infertune.errors import InvalidInputError
from infertune.space import Parameter, SearchSpace
from infertune.space.default_space import default_space
from infertune.space.names import PROMPT_KIND
from infertune.space.notation import changed
from infertune.space.restriction import check_supported, narrowed
from infertune.types import Scalar, Unsupported

KINDS = {"ask": {"chat", "system"}, "shots": {"plain"}, "quiz": {"plain"}}
SPACE = default_space(prompts=tuple(KINDS), max_tokens=(4, 16))
SETTINGS = {
    "decoding.temperature": 1.0,
    "decoding.top_p": 1.0,
    "decoding.top_k": 0,
    "decoding.min_p": 0.0,
    "decoding.repetition_penalty": 1.0,
    "decoding.max_tokens": 16,
    "strategy.n": 1,
}


def without(name: str, value: Scalar | None = None, space: SearchSpace = SPACE) -> tuple[SearchSpace, tuple[str, ...]]:
    found = narrowed(space, [Unsupported(name=name, value=value, reason="it said so")], kinds=KINDS)
    return found.space, found.notes


@pytest.mark.parametrize(("name", "neutral"), SETTINGS.items())
def test_a_parameter_stays_where_it_changes_nothing(name: str, neutral: Scalar) -> None:
    space, notes = without(name)
    assert space[name].values() == (neutral,)
    assert notes == (f"{SPACE[name].alias} is not searched and stays at {neutral:g}: it said so",)
    assert [p for p in space.parameters if p.name != name] == [p for p in SPACE.parameters if p.name != name]


@pytest.mark.parametrize("names", list(combinations(SETTINGS, 2)), ids=" ".join)
def test_every_draw_of_the_narrowed_space_is_one_of_the_whole(names: tuple[str, ...]) -> None:
    found = narrowed(SPACE, [Unsupported(name=name, reason="x") for name in names], kinds=KINDS)
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = found.space.sample(rng)
        SPACE.validate(drawn)
        assert all(drawn.get(name, SETTINGS[name]) == SETTINGS[name] for name in names)


def test_a_value_that_the_user_fixed_gives_way_with_a_note() -> None:
    space, notes = without("decoding.min_p", space=changed(SPACE, ["min_p=0.2"]))
    assert space["min_p"].values() == (0.0,)
    assert notes


def test_what_is_neutral_already_needs_no_note() -> None:
    space = changed(SPACE, ["min_p=0"])
    assert without("decoding.min_p", space=space) == (space, ())


def test_a_choice_is_left_out() -> None:
    space, notes = without("strategy.name", "best_of_n")
    assert space["voter"].values() == ("first", "majority")
    assert notes == ("voter=best_of_n is left out: it said so",)
    assert without("strategy.name", "nobody") == (SPACE, ())
    assert without("strategy.nothing", "x") == (SPACE, ())
    assert without("decoding.nothing") == (SPACE, ())


def test_a_default_that_is_left_out_is_replaced() -> None:
    space, _ = without("decoding.top_k", 0)
    assert space["top_k"].values() == (10, 50)
    assert space.default_configuration()["decoding.top_k"] == 10


def test_a_kind_of_prompt_is_all_its_templates() -> None:
    space, notes = without(PROMPT_KIND, "plain")
    assert space["prompt"].values() == ("ask",)
    assert len(notes) == 2
    with pytest.raises(InvalidInputError, match=r"prompt\.template must have another value .* has none: it said so"):
        narrowed(SPACE, [Unsupported(name=PROMPT_KIND, value=kind, reason="it said so") for kind in ("chat", "plain")],
                 kinds=KINDS)  # fmt: skip


def test_templates_with_a_system_turn_are_a_kind() -> None:
    space, notes = without(PROMPT_KIND, "system")
    assert space["prompt"].values() == ("shots", "quiz")
    assert notes == ("prompt=ask is left out: it said so",)


def test_an_extra_setting_is_gone_altogether() -> None:
    extra = Parameter(
        name="decoding.presence_penalty", tier="request", kind="float", low=-2, high=2, step=1, default=0.0
    )
    space, notes = without("decoding.presence_penalty", space=SPACE.replaced([extra]))
    assert space == SPACE
    assert notes == ("presence_penalty is left out: it said so",)


@pytest.mark.parametrize(
    ("name", "value", "set_to"),
    [
        ("decoding.min_p", None, {"decoding.min_p": 0.1}),
        ("decoding.repetition_penalty", None, {"decoding.repetition_penalty": 1.2}),
        ("strategy.name", "best_of_n", {"strategy.name": "best_of_n", "strategy.n": 3}),
        (PROMPT_KIND, "plain", {"prompt.template": "shots"}),
    ],
)
def test_a_configuration_that_sets_it_is_refused(name: str, value: Scalar | None, set_to: dict[str, Scalar]) -> None:
    unsupported = [Unsupported(name=name, value=value, reason="it said so")]
    default = SPACE.default_configuration()
    check_supported(default, SPACE, unsupported, kinds=KINDS)
    with pytest.raises(InvalidInputError, match=r"on this engine.*it said so"):
        check_supported(default.with_values(set_to), SPACE, unsupported, kinds=KINDS)


def test_a_shorter_limit_can_be_asked_for_where_it_cannot_be_recomputed() -> None:
    shorter = SPACE.default_configuration().with_values({"decoding.max_tokens": 4})
    check_supported(shorter, SPACE, [Unsupported(name="decoding.max_tokens", reason="x")], kinds=KINDS)
