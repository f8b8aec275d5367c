"""What the figures of a probe prove: rules that are wrong less than once in a thousand, whatever the model.

No rule asks for equality with one expected text: logits in 16 bits tie so often that even ``top_k=1`` leaves a choice,
and greedy text depends on what else is in the batch. Each rule compares two groups of samples which would be
exchangeable if the setting were ignored, so its error is bounded for every distribution of texts.
"""

import math
from collections.abc import Sequence
from typing import Literal

Verdict = Literal["honoured", "ignored", "refused", "unclear", "not tried"]

N_SAMPLES = 32
"""Samples of each of the two groups that `narrower` compares."""
N_FEWER = 18
"""By how many distinct texts the narrowed group must fall short.

The number of distinct texts changes by at most 1 with each of the 64 samples, and the two groups have the same mean
where the setting is ignored, so by McDiarmid's inequality the probability is at most exp(-18^2 / 32) < 5e-5 for one
prompt, and below 1.5e-4 for the three that are tried.
"""
N_DIVERSE = 26
"""Distinct texts without which a control says nothing about a setting that narrows."""

N_TRIPLES = 10
N_ROUNDS = 3
MAX_TAIL = 3e-4
"""Of `different`, in each of at most three rounds; together below 1e-3."""
NO_SIGN = 0.05
N_SEEDS = 12
N_SAME_SEED = 5
"""Of 12 seeds, how many must bring the same text twice, and another than the next seed.

The control must be diverse as well. Where a seed is ignored and one text has the probability p, both happen with at
most P(Binomial(32, p) <= 7) P(Binomial(12, p^2 (1 - p)) >= 5), which is below 2e-4 for every p; several likely texts
are less likely still to come again.
"""
N_NESTED = 6
"""Of 12 samples of one request, how many must be those of the single seeds: below 2e-4 in the same way."""


def narrower(control: Sequence[str], narrowed: Sequence[str]) -> Verdict:
    """Say whether a setting that should leave nearly one text did, beside as many samples without it."""
    n_control, n_narrowed = len(set(control)), len(set(narrowed))
    if n_control - n_narrowed >= N_FEWER:
        return "honoured"
    return "ignored" if n_control >= N_DIVERSE else "unclear"


def different(first: Sequence[str], second: Sequence[str], changed: Sequence[str], *, is_last: bool = True) -> Verdict:
    """Say whether a changed setting changes the texts of some prompts, each of which was also asked twice without it.

    Of the three texts of a prompt one may stand out. Where the setting is ignored each is as likely to, so that the
    changed one stands out in k of m prompts with the tail of Binomial(m, 1/3).

    Args:
        first: One text a prompt, without the change; ``second`` likewise.
        changed: With it.
        is_last: Whether no more texts can be had, of which three rounds are: ``unclear`` asks for more.
    """
    alone = others = 0
    for one, two, other in zip(first, second, changed, strict=True):
        if one == two != other:
            alone += 1
        elif one != two and other in (one, two):
            others += 1
    if list(first) == list(second) == list(changed):
        return "ignored"
    if alone + others == 0:
        return "unclear"
    tail = binomial_tail(alone, alone + others, 1 / 3)
    if tail < MAX_TAIL:
        return "honoured"
    return "ignored" if is_last and tail > NO_SIGN else "unclear"


def repeats(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the texts of some seeds come twice, and are not those of the next seed."""
    following = [*first[1:], first[0]]
    triples = zip(first, second, following, strict=True)
    return sum(one == two != other for one, two, other in triples) >= N_SAME_SEED


def binomial_tail(k: int, n: int, p: float) -> float:
    """Return the probability of at least k successes in n trials."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
