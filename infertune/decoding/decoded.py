"""Decoding settings on small distributions, by numbers: what temperature and truncations make of some logits."""

from collections.abc import Mapping

import numpy as np

from infertune.types import Scalar
from infertune.types.arrays import FloatArray


def decoded(logits: FloatArray, configuration: Mapping[str, Scalar]) -> FloatArray:
    """Return the chances of tokens, the last axis: temperature, then top_k, top_p of what it left, and min_p.

    Settings that the configuration lacks are neutral.
    """
    temperature = float(configuration.get("decoding.temperature", 1.0))
    highest = logits.max(axis=-1, keepdims=True)
    if temperature == 0:
        return np.asarray(logits == highest, dtype=np.float64)
    with np.errstate(over="ignore"):  # next to no temperature leaves minus infinity
        chances = np.exp((logits - highest) / temperature)
    top_k = int(configuration.get("decoding.top_k", 0))
    top_p = float(configuration.get("decoding.top_p", 1.0))
    min_p = float(configuration.get("decoding.min_p", 0.0))
    if 0 < top_k < logits.shape[-1]:
        chances[chances < np.partition(chances, -top_k, axis=-1)[..., -top_k, None]] = 0.0
    if top_p < 1:
        falling = -np.sort(-chances, axis=-1)
        before = np.cumsum(falling, axis=-1) - falling
        n_kept = (before < top_p * falling.sum(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)
        chances[chances < np.take_along_axis(falling, n_kept - 1, axis=-1)] = 0.0
    if min_p > 0:
        chances[chances < min_p] = 0.0  # the likeliest has 1
    return np.asarray(chances / chances.sum(axis=-1, keepdims=True))
