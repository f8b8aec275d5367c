"""Plain data crosses unchanged, as one object where it was one; bytes that are no message are refused."""

import datetime
import math
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from pathlib import PosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.tasks.sandbox.decoder import Decoder
from infertune.tasks.sandbox.encoder import Encoder
from infertune.tasks.sandbox.plain import MOST_DEPTH, Malformed


def refuse(message, value):
    raise Malformed("not plain")


def crossed(value):
    to = Encoder(refuse)
    to.value(value)
    of = Decoder(bytes(to.out), refuse)
    result = of.value()
    of.end()
    return result


keys = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False)
keys |= st.tuples(st.integers(), st.text()) | st.frozensets(st.integers())
atoms = keys | st.floats() | st.complex_numbers() | st.builds(bytearray, st.binary()) | st.decimals() | st.fractions()
atoms |= st.dates() | st.datetimes() | st.times() | st.timedeltas() | st.uuids() | st.integers(-(2**2000), 2**2000)
atoms |= st.builds(range, st.integers(), st.integers(), st.integers(1))
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.lists(inner).map(deque)
        | st.dictionaries(keys, inner).map(OrderedDict)
    ),
    max_leaves=30,
)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, float | Decimal | complex):
        return repr(a) == repr(b)
    if isinstance(a, list | tuple | deque):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return a == b


@given(values)
def test_plain_data_crosses_unchanged(value):
    assert same(crossed(value), value)


@pytest.mark.parametrize(
    "value", [0.0, -0.0, math.inf, -math.inf, 5e-324, 2**63, -(2**63), -(2**63) - 1, "\udc80", ""]
)
def test_the_edges_cross_unchanged(value):
    assert same(crossed(value), value)
    assert same(crossed([value] * 6), [value] * 6)


def test_what_was_one_object_stays_one():
    inner = [1]
    a, b, c = crossed((inner, {"x": inner}, inner))
    assert a is b["x"] is c
    inner.append(inner)
    result = crossed(inner)
    assert result[1] is result


def test_instances_of_subclasses_cross_as_what_they_hold():
    class Colour(StrEnum):
        RED = "red"

    class Level(IntEnum):
        LOW = 1

    class Words(list):
        pass

    kinds = [(Colour.RED, "red"), (Level.LOW, 1), (Words("ab"), ["a", "b"]), (Counter("aab"), Counter("aab"))]
    kinds += [(defaultdict(None, a=1), defaultdict(None, a=1)), (deque([1, 2], 5), deque([1, 2], 5))]
    kinds += [(PosixPath("a"), PosixPath("a")), (Decimal("NaN"), Decimal("NaN")), (Fraction(1, 3), Fraction(1, 3))]
    kinds += [(uuid.UUID(int=5), uuid.UUID(int=5)), (datetime.timedelta(-1, 5), datetime.timedelta(-1, 5))]
    for value, held in kinds:
        assert same(crossed(value), held), value
    assert crossed(deque([1], 5)).maxlen == 5
    point = crossed(namedtuple("Point", "x y")(1, 2))
    assert (point, point.x, point._fields) == ((1, 2), 1, ("x", "y"))


@given(st.integers(1, 300))
@settings(max_examples=20)
def test_depth_is_limited(depth):
    value = None
    for _ in range(depth):
        value = [value]
    if depth < MOST_DEPTH:
        assert crossed(value) == value
    else:
        with pytest.raises(Malformed):
            crossed(value)


@given(st.binary())
def test_bytes_that_are_no_message_are_refused(data):
    of = Decoder(data, refuse)
    try:
        of.value()
        of.end()
    except Malformed:
        pass


@given(values, st.data())
def test_a_message_with_one_byte_changed_is_read_or_refused(value, data):
    to = Encoder(refuse)
    to.value(value)
    place = data.draw(st.integers(0, len(to.out) - 1))
    to.out[place] = data.draw(st.integers(0, 255))
    of = Decoder(bytes(to.out), refuse)
    try:
        of.value()
        of.end()
    except Malformed:
        pass


@pytest.mark.parametrize("value", [object(), len, int, 1 << (2**20 + 8)], ids=["object", "len", "int", "large"])
def test_what_is_not_plain_or_too_large_is_refused(value):
    with pytest.raises(Malformed):
        crossed([value])
