import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.types import Configuration

scalars = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
assignments = st.dictionaries(st.text(min_size=1, max_size=6), scalars, max_size=6)


@given(assignments)
def test_order_does_not_matter(values):
    forwards, backwards = Configuration(values), Configuration(dict(reversed(values.items())))
    assert forwards == backwards
    assert hash(forwards) == hash(backwards)
    assert (forwards.digest, forwards.canonical) == (backwards.digest, backwards.canonical)


@given(assignments)
def test_canonical_json_gives_the_configuration_back(values):
    assert Configuration(json.loads(Configuration(values).canonical)) == Configuration(values)


@given(assignments, assignments)
def test_equal_exactly_when_the_values_are(left, right):
    same = left.keys() == right.keys() and all(
        left[name] == right[name] and isinstance(left[name], bool) == isinstance(right[name], bool) for name in left
    )
    assert (Configuration(left) == Configuration(right)) == same
    assert (Configuration(left).digest == Configuration(right).digest) == same


def test_whole_floats_are_ints_and_truth_is_not_one():
    assert Configuration({"a": 1}).digest == Configuration({"a": 1.0}).digest
    assert Configuration({"a": -0.0}) == Configuration({"a": 0})
    assert Configuration({"a": 1}) != Configuration({"a": True})


def test_digest_is_stable_over_versions():
    assert Configuration({"strategy.n": 3, "decoding.temperature": 0.7}).digest == "b60b2013fd69a920"


def test_with_values_leaves_the_original():
    first = Configuration({"a": 1})
    assert dict(first.with_values({"a": 2, "b": "x"})) == {"a": 2, "b": "x"}
    assert dict(first) == {"a": 1}


@pytest.mark.parametrize("value", [np.float64(0.5), np.int64(1), None, [1], float("nan"), float("inf")])
def test_only_native_scalars(value):
    with pytest.raises(TypeError, match="a must be"):
        Configuration({"a": value})
