"""What decoding settings leave of token distributions such as language models have: how far samples can still differ.

A model is not asked. Next tokens are taken to follow power laws of the rank (Zipf 1949), from one of which the first
token is nearly certain to one that leaves it open; the settings act on them as they do in `infertune.decoding.draw`.
Two settings that leave the same are the same setting, whatever their numbers say: a high temperature with top_k 1 is
greedy decoding.
"""

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from infertune.space.names import DECODING, TEMPERATURE
from infertune.types import Scalar
from infertune.types.arrays import FloatArray

EXPONENTS = (1.2, 2.0, 4.0)  # the first token has 0.24, 0.61 and 0.92 of the mass
N_TOKENS = 400
_LOGITS = -np.array(EXPONENTS)[:, None] * np.log(np.arange(1.0, N_TOKENS + 1))
_SOON = 0.3
_GREEDY = 1e-3  # a lower temperature is 0


def heat(configuration: Mapping[str, Scalar]) -> float:
    """Return how much of the model's own distribution is left: 1 - exp(-d / 0.3).

    d is the chance that two tokens differ, relative to that of the model's own distribution.

    Args:
        configuration: With dotted names; what it lacks is neutral.

    Returns:
        0 for greedy decoding, 0.96 for neutral settings, at most 1.
    """
    return 1.0 - math.exp(-_disagreement(*_settings(configuration)) / _SOON)


def variety(configuration: Mapping[str, Scalar]) -> float:
    """Return how far the samples of an example may differ, as far as more of them gain by it.

    That is 1 - exp(-T / 0.3) with the temperature T, times the root of what truncations leave of d.

    Args:
        configuration: With dotted names; what it lacks is neutral.

    Returns:
        0 for greedy decoding, 0.96 for neutral settings, at most 1.
    """
    temperature, *truncations = _settings(configuration)
    alone = _disagreement(temperature, 0.0, 1.0, 0.0)
    if alone == 0.0:
        return 0.0
    left = min(_disagreement(temperature, *truncations) / alone, 1.0)
    return (1.0 - math.exp(-temperature / _SOON)) * math.sqrt(left)


def _settings(configuration: Mapping[str, Scalar]) -> tuple[float, float, float, float]:
    def number(name: str, neutral: float) -> float:
        return float(configuration.get(name, neutral))

    return (
        number(TEMPERATURE, 1.0),
        number(f"{DECODING}top_k", 0.0),
        number(f"{DECODING}top_p", 1.0),
        number(f"{DECODING}min_p", 0.0),
    )


@lru_cache(maxsize=16384)
def _disagreement(temperature: float, top_k: float, top_p: float, min_p: float) -> float:
    left = _left(temperature, top_k, top_p, min_p)
    return float(((1.0 - (left * left).sum(axis=1)) / _NEUTRAL).mean())


def _left(temperature: float, top_k: float, top_p: float, min_p: float) -> FloatArray:
    """Return the distributions that the settings leave, ``[n_exponents, N_TOKENS]``."""
    if temperature < _GREEDY:
        return np.asarray(np.eye(1, N_TOKENS).repeat(len(EXPONENTS), axis=0))
    found = np.exp(_LOGITS / temperature)
    if top_k >= 1:
        found[:, int(top_k) :] = 0.0
    found /= found.sum(axis=1, keepdims=True)
    if top_p < 1.0:
        found[found.cumsum(axis=1) - found >= top_p] = 0.0
    if min_p > 0.0:
        found[found < min_p * found[:, :1]] = 0.0
    return np.asarray(found / found.sum(axis=1, keepdims=True))


_NEUTRAL: FloatArray = 1.0 - (_left(1.0, 0.0, 1.0, 0.0) ** 2).sum(axis=1)
