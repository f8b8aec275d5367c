"""Gumbel noise that is a pure function of (seed, example, sample, position, token).

Adding it to log-probabilities and taking the largest is an exact draw (Gumbel 1954; Maddison et al. 2014). Because
the noise of a token does not depend on the setting, two settings that share a seed make the same draw wherever
their distributions agree: common random numbers, which make paired comparisons sharper for free.
"""

import hashlib
import math

import torch
from torch import Tensor

# SplitMix64 (Steele, Lea & Flood 2014), its constants read as signed 64-bit numbers because torch shifts those.
_GAMMA = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64

GUMBEL_MAX = -math.log(-math.log1p(-(2.0**-33))) + 1e-3
"""No noise exceeds this: uniforms have 32 bits. What lies further below the best score can be skipped."""


def sample_key(seed: int, example_id: str, sample: int) -> int:
    """Return the signed 64-bit key of one sample of one example under one seed."""
    name = f"{seed}\0{sample}\0{example_id}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little", signed=True)


def position_keys(sample_keys: Tensor, positions: Tensor) -> Tensor:
    """Return the key of each row's next draw.

    Args:
        sample_keys: int64 ``[rows]`` from `sample_key`.
        positions: int64 ``[rows]``, the index of the token about to be drawn, from 0.
    """
    return _mix(sample_keys + (positions + 1) * _GAMMA)


def gumbel(keys: Tensor, tokens: Tensor) -> Tensor:
    """Return float32 standard Gumbel noise of shape ``[rows, tokens]``.

    Args:
        keys: int64 ``[rows]`` from `position_keys`.
        tokens: int64 token ids, ``[tokens]`` or ``[rows, tokens]``.
    """
    bits = _mix(keys[:, None] + (tokens + 1) * _GAMMA)
    # The upper half of the bits, centred in its cell: u in (0, 1). An exponential -log(1 - u) keeps its relative
    # precision near 0, where the large Gumbel values that win come from.
    uniform = ((bits >> 32) & 0xFFFFFFFF).to(torch.float32).add_(0.5).mul_(2.0**-32)
    return uniform.neg_().log1p_().neg_().log_().neg_()


def _mix(state: Tensor) -> Tensor:
    """Finalise SplitMix64; the masks make torch's arithmetic right shifts logical."""
    state = state ^ ((state >> 30) & (2**34 - 1))
    state = state * _MIX_1
    state = state ^ ((state >> 27) & (2**37 - 1))
    state = state * _MIX_2
    return state ^ ((state >> 31) & (2**33 - 1))
