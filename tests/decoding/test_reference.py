"""What settings leave of a distribution: the same for settings that are the same, and less the more they take away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.decoding.reference import variety
from infertune.types import Scalar


def of(temperature: float, **truncations: float) -> float:
    settings: dict[str, Scalar] = {f"decoding.{name}": value for name, value in truncations.items()}
    return variety({"decoding.temperature": temperature, **settings})


@pytest.mark.parametrize("temperature", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("alone", [{"top_k": 1}, {"top_p": 0.01}, {"min_p": 0.999}])
def test_what_leaves_one_token_is_greedy_decoding(temperature: float, alone: dict[str, float]) -> None:
    assert of(temperature, **alone) == of(0.0) == 0.0


def test_neutral_settings_do_nothing() -> None:
    assert of(0.7, top_k=0, top_p=1.0, min_p=0.0) == of(0.7)
    assert variety({}) == of(1.0)


@given(st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.integers(1, 100), st.floats(0.05, 1.0), st.floats(0.0, 0.9))
def test_heat_adds_and_truncation_takes(one: float, other: float, top_k: int, top_p: float, min_p: float) -> None:
    cool, hot = sorted((one, other))
    assert 0.0 <= of(cool) <= of(hot) + 1e-9 <= 1.0 + 1e-9
    for taken in ({"top_k": top_k}, {"top_p": top_p}, {"min_p": min_p}):
        assert of(hot, **taken) <= of(hot) + 1e-9
    assert np.isfinite(of(hot, top_k=top_k, top_p=top_p, min_p=min_p))
