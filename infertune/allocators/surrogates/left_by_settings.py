"""What decoding settings leave of token distributions such as language models have: how far samples can still differ.

A model is not asked. Next tokens are taken to follow power laws of the rank (Zipf 1949), from one of which the first
token is nearly certain to one that leaves it open; the settings act on them as they do on tokens.
Two settings that leave the same are the same setting, whatever their numbers say: a high temperature with top_k 1 is
greedy decoding.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from infertune.decoding.decoded import decoded
from infertune.decoding.settings import TRUNCATIONS
from infertune.space.names import DECODING, TEMPERATURE
from infertune.types import Scalar
from infertune.types.arrays import FloatArray

EXPONENTS = (1.2, 2.0, 4.0)  # the first token has 0.24, 0.61 and 0.92 of the mass
N_TOKENS = 400
_LOGITS = -np.array(EXPONENTS)[:, None] * np.log(np.arange(1.0, N_TOKENS + 1))
_SOON = 0.3
_TRUNCATIONS = tuple(DECODING + name for name in TRUNCATIONS)


def heat(configuration: Mapping[str, Scalar]) -> float:
    """Return how much of the model's own distribution is left: 1 - exp(-d / 0.3).

    d is the chance that two tokens differ, relative to that of the model's own distribution.

    Args:
        configuration: With dotted names; what it lacks is neutral.

    Returns:
        0 for greedy decoding, 0.96 for neutral settings, at most 1.
    """
    temperature = (TEMPERATURE, configuration.get(TEMPERATURE, 1.0))
    return 1.0 - math.exp(-_disagreement((temperature, *_truncations(configuration))) / _SOON)


def variety(configuration: Mapping[str, Scalar]) -> float:
    """Return how far the samples of an example may differ, as far as more of them gain by it.

    That is 1 - exp(-T / 0.3) with the temperature T, times the root of what truncations leave of d.

    Args:
        configuration: With dotted names; what it lacks is neutral.

    Returns:
        0 for greedy decoding, 0.96 for neutral settings, at most 1.
    """
    temperature = (TEMPERATURE, configuration.get(TEMPERATURE, 1.0))
    alone = _disagreement((temperature,))
    if alone == 0.0:
        return 0.0
    left = min(_disagreement((temperature, *_truncations(configuration))) / alone, 1.0)
    return (1.0 - math.exp(-float(temperature[1]) / _SOON)) * math.sqrt(left)


@lru_cache(maxsize=16384)
def _disagreement(settings: tuple[tuple[str, Scalar], ...]) -> float:
    """Return the chance that two tokens differ, relative to that of the model's own distribution."""
    return float((_differing(settings) / _differing(())).mean())


def _differing(settings: Sequence[tuple[str, Scalar]]) -> FloatArray:
    chances = decoded(_LOGITS, dict(settings))
    return np.asarray(1.0 - (chances * chances).sum(axis=1))


def _truncations(configuration: Mapping[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    return tuple((name, configuration[name]) for name in _TRUNCATIONS if name in configuration)
