"""Every misfit at once, in words; what fits is exactly what msgspec accepts."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.files.fitting import UNFIT, fit, fit_fields


class Round(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="round"):
    radius: float
    colour: Literal["red", "green"] = "red"


class Square(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="square"):
    side: int

    def problems(self) -> list[str]:
        return [] if self.side > 0 else ["'side' must be above 0", "it has no area"]


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    shapes: tuple[Round | Square, ...] = ()
    sizes: float | int | Square = 1
    words: dict[str, str | tuple[str, ...]] = {}
    text: str | None = None
    either: tuple[int, ...] | dict[str, float] = ()
    anything: Any = None
    flag: bool = False


@dataclass(frozen=True, kw_only=True)
class Options:
    deep: bool = False
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "(" in self.patterns:
            raise InvalidInputError("'(' is no pattern")


WRONG = {
    "nam": "x",
    "shapes": [
        {"kind": "round", "radius": "wide", "colour": "gren"},
        {"kind": "rond"},
        {"radius": 1},
        {"kind": "square", "side": -1},
        "round",
        {"kind": "round", "radius": 2},
    ],
    "words": {"a": 3, "b": ["x", None]},
    "sizes": "big",
    "text": False,
    "either": None,
}
SAID = [
    "unknown key 'nam'; did you mean 'name'?",
    "must have the key 'name'",
    "'shapes[0].radius' must be a number, but is 'wide'",
    "'shapes[0].colour' must be red or green, but is 'gren'; did you mean 'green'?",
    "'shapes[1].kind' must be round or square, but is 'rond'; did you mean 'round'?",
    "'shapes[2]' must have the key 'kind', one of round, square",
    "'shapes[3]': 'side' must be above 0",
    "'shapes[3]': it has no area",
    "'shapes[4]' must be a mapping with the key kind, but is 'round'",
    "'sizes' must be a number or a mapping with the key kind, but is 'big'",
    "'words.a' must be text or a list, but is 3; quote it",
    "'words.b[1]' must be text, but is empty",
    "'text' must be text, but is false",
    "'either' must be a list or a mapping, but is empty",
]


def test_all_misfits_are_told_with_their_places() -> None:
    found, problems = fit(WRONG, Outer)
    assert found is UNFIT
    assert problems == SAID


def test_the_fields_that_fit_are_kept() -> None:
    found, problems = fit_fields(WRONG, Outer)
    assert problems == SAID
    assert found == {"shapes": (Round(2.0),), "words": {"b": ("x",)}}


def test_what_a_class_itself_refuses_is_a_misfit_too() -> None:
    assert fit({"patterns": ["("]}, Options, path="options") == (UNFIT, ["'options': '(' is no pattern"])
    assert fit({"patterns": ["x"]}, Options) == (Options(patterns=("x",)), [])
    assert fit({"dep": 1, "deep": 1}, Options)[1] == [
        "unknown key 'dep'; did you mean 'deep'?",
        "'deep' must be true or false, but is 1",
    ]


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 2) | st.sampled_from(["x", "round", "red"])
KEYS = st.sampled_from(
    ["name", "shapes", "sizes", "words", "text", "flag", "kind", "radius", "colour", "side", "other"]
)
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
SHAPES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["round", "square"]) | DATA},
    optional={"radius": LEAVES, "side": LEAVES, "colour": LEAVES},
)
ALMOST = st.fixed_dictionaries(
    {"name": st.just("x") | LEAVES},
    optional={
        "either": DATA,
        "shapes": st.lists(SHAPES, max_size=2),
        "sizes": LEAVES | SHAPES,
        "words": DATA,
        "flag": LEAVES,
    },
)


@given(ALMOST | DATA)
def test_what_fits_is_what_msgspec_accepts(value: Any) -> None:
    found, problems = fit(value, Outer)
    try:
        expected = msgspec.convert(value, Outer)
    except msgspec.ValidationError:
        assert problems and found is UNFIT
        return
    own = [shape for shape in (*expected.shapes, expected.sizes) if isinstance(shape, Square) and shape.side <= 0]
    assert bool(problems) == bool(own)
    if not own:
        assert found == expected


@pytest.mark.parametrize("value", [None, 3, "x", [], True])
def test_what_is_no_mapping_is_said(value: Any) -> None:
    found, (problem,) = fit(value, Outer)
    assert found is UNFIT
    assert problem.startswith("must be a mapping with keys such as name, shapes, sizes, but is ")


class Only(msgspec.Struct, forbid_unknown_fields=True):
    x: int = 0


class Optional(msgspec.Struct, forbid_unknown_fields=True):
    only: Only | None = None


def test_a_key_without_a_name_is_an_unknown_one() -> None:
    assert fit({"only": {"": 1}}, Optional) == (UNFIT, ["unknown key '' under 'only'; valid: x"])


@pytest.mark.parametrize(
    ("number", "problem"),
    [(float("nan"), "'x' must be a number, but is NaN"), (10**300, "'x' must have at most 18 digits")],
)
def test_numbers_that_cannot_be_meant(number: float, problem: str) -> None:
    found, problems = fit({"x": number}, WithNumber)
    assert (found, problems) == (UNFIT, [problem])


class WithNumber(msgspec.Struct):
    x: int | float
