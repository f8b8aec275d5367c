"""What settings leave of a distribution: the same for settings that are the same, and less the more they take away."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.allocators.surrogates.left_by_settings import heat, variety
from infertune.types import Scalar

BOTH = pytest.mark.parametrize("read", [heat, variety])


def of(read: Callable[[Mapping[str, Scalar]], float], temperature: float, **truncations: float) -> float:
    settings: dict[str, Scalar] = {f"decoding.{name}": value for name, value in truncations.items()}
    return read({"decoding.temperature": temperature, **settings})


@BOTH
@pytest.mark.parametrize("temperature", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("alone", [{"top_k": 1}, {"top_p": 0.01}, {"min_p": 0.999}])
def test_what_leaves_one_token_is_greedy_decoding(
    read: Callable[[Mapping[str, Scalar]], float], temperature: float, alone: dict[str, float]
) -> None:
    assert of(read, temperature, **alone) == of(read, 0.0) == 0.0


@BOTH
def test_neutral_settings_do_nothing(read: Callable[[Mapping[str, Scalar]], float]) -> None:
    assert of(read, 0.7, top_k=0, top_p=1.0, min_p=0.0) == of(read, 0.7)
    assert read({}) == of(read, 1.0)


@BOTH
@given(st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.integers(1, 100), st.floats(0.05, 1.0), st.floats(0.0, 0.9))
def test_heat_adds_and_truncation_takes(
    read: Callable[[Mapping[str, Scalar]], float], one: float, other: float, top_k: int, top_p: float, min_p: float
) -> None:
    cool, hot = sorted((one, other))
    assert 0.0 <= of(read, cool) <= of(read, hot) + 1e-9 <= 1.0 + 1e-9
    for taken in ({"top_k": top_k}, {"top_p": top_p}, {"min_p": min_p}):
        assert of(read, hot, **taken) <= of(read, hot) + 1e-9
    assert np.isfinite(of(read, hot, top_k=top_k, top_p=top_p, min_p=min_p))
