"""Gumbel noise that is a pure function of (seed, example, sample, position, token).

Adding it to log-probabilities and taking the largest is an exact draw (Gumbel 1954; Maddison et al. 2014). Because
the noise of a token does not depend on the setting, two settings that share a seed make the same draw wherever
their distributions agree: common random numbers, which make paired comparisons sharper for free.

Hashing a whole vocabulary at every step would cost as much as a small model, so the noise is built such that the
few tokens with much of it can be listed without looking at the others. A Gumbel variable exceeds LOUD with
probability q, for each token independently; the tokens for which it does lie at geometric gaps, which are drawn
directly. The others have a Gumbel variable known not to exceed LOUD. Both are exact, so all tokens together carry
independent standard Gumbel noise.
"""

import hashlib
import math

import torch
from torch import Tensor

LOUD = 7.0
"""Noise above this is loud; of 50 000 tokens about 45 are."""

# A standard Gumbel is -log of a standard exponential, so it is loud when the exponential is below this.
_LOUD_EXPONENTIAL = math.exp(-LOUD)
_LOUD_PROBABILITY = -math.expm1(-_LOUD_EXPONENTIAL)

# SplitMix64 (Steele, Lea & Flood 2014), its constants read as signed 64-bit numbers because torch has those.
_GAMMA = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64

# Streams of one key: token t uses counter t; the loud tokens' gaps and heights count from far above any token.
_GAPS = 2**40
_HEIGHTS = 2**41


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
    return _hash(sample_keys, positions)


def quiet_noise(keys: Tensor, tokens: Tensor) -> Tensor:
    """Return the float32 noise, at most LOUD, that tokens have unless `loud_tokens` lists them.

    Args:
        keys: int64 from `position_keys`, of a shape that broadcasts with ``tokens``.
        tokens: int64 token ids.
    """
    # An exponential known to be at least x is x plus an exponential: it has no memory.
    return -torch.log(_LOUD_EXPONENTIAL - torch.log1p(-_uniform(keys, tokens))).float()


def loud_tokens(keys: Tensor, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Return int64 ids and float32 noise, both ``[rows, width]``, of the tokens whose noise exceeds LOUD.

    Args:
        keys: int64 ``[rows]`` from `position_keys`.
        vocabulary: Number of tokens. Ids at or beyond it fill short rows.
    """
    expected = vocabulary * _LOUD_PROBABILITY
    width = math.ceil(expected + 10 * math.sqrt(expected) + 20)  # more are never seen: ten standard deviations
    column = torch.arange(width, device=keys.device)
    gaps = torch.log1p(-_uniform(keys[:, None], column + _GAPS)) / -_LOUD_EXPONENTIAL
    tokens = (gaps.floor().long() + 1).cumsum(dim=-1) - 1
    exponential = -torch.log1p(-_LOUD_PROBABILITY * _uniform(keys[:, None], column + _HEIGHTS))
    return tokens, -torch.log(exponential).float()


def _uniform(keys: Tensor, counters: Tensor) -> Tensor:
    """Return float64 uniforms in (0, 1) of 53 bits."""
    return ((_hash(keys, counters) >> 11) & (2**53 - 1)).double().add_(0.5).mul_(2.0**-53)


def _hash(keys: Tensor, counters: Tensor) -> Tensor:
    """Return output ``counters`` of the SplitMix64 stream ``keys``; the masks make torch's right shifts logical."""
    state = keys + (counters + 1) * _GAMMA
    state = (state ^ ((state >> 30) & (2**34 - 1))) * _MIX_1
    state = (state ^ ((state >> 27) & (2**37 - 1))) * _MIX_2
    return state ^ ((state >> 31) & (2**33 - 1))
