"""What the figures of a probe prove: rules that are wrong less than once in a thousand, whatever the model.

No rule asks for equality with one expected text: logits in 16 bits tie so often that even ``top_k=1`` leaves a choice,
and greedy text depends on what else is in the batch. Each rule compares two groups of samples which would be
exchangeable if the setting were ignored, so its error is bounded for every distribution of texts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["honoured", "ignored", "refused", "unclear", "not tried"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """How many samples `narrower` compares at once, and what it asks of them.

    Attributes:
        size: Of each of the two groups.
        fewer: By how many distinct texts the narrowed group must fall short.
        diverse: Distinct texts without which a control says nothing about a setting.
        most_alike: By how many the narrowed group may fall short where the setting counts as ignored.
    """

    size: int
    fewer: int
    diverse: int
    most_alike: int


GROUPS = (
    Group(size=16, fewer=13, diverse=15, most_alike=2),
    Group(size=32, fewer=18, diverse=26, most_alike=32),
)
"""Half of the samples first, which is enough for most settings; only where they leave it open, the rest.

The number of distinct texts changes by at most 1 with each of the samples of both groups, and the two groups have the
same mean where the setting is ignored, so by McDiarmid's inequality the probability is at most exp(-fewer^2 / size):
below 3e-5 for the first and 5e-5 for the second, for one prompt, and together below 2.2e-4 for the three that are
tried.
"""
N_ALIKE = 6
"""Samples of one and the same text, beside a control of 16 distinct ones, that settle it without the others.

Where the setting is ignored and a text has the probability p, it is all of the six with p^6, and at most one of the
control with f(p) = P(Binomial(16, p) <= 1). The sum of p^6 f(p) over all texts is at most the largest p^5 f(p), for
the probabilities sum to 1: below 7e-5.
"""

N_TRIPLES = 10
N_ROUNDS = 3
MAX_TAIL = 3e-4
"""Of `different`, in each of at most three rounds; together below 1e-3."""
NO_SIGN = 0.05
N_UNCHANGED = 5
"""Prompts whose changed text is one of those without the change; with fewer a setting does not count as ignored.

Where nearly all texts differ, as at a server that cannot be asked for greedy ones, a few that do not are luck.
"""
N_SEEDS = 12
N_FEW_SEEDS = 6
"""Seeds that are tried first; the others where these leave it open."""
N_SAME_SEED = 5
"""Of 12 seeds or of the first 6, how many must bring the same text twice, and another than the next seed.

The control must be diverse as well. Where a seed is ignored and one text has the probability p, both happen with at
most P(Binomial(32, p) <= 7) P(Binomial(12, p^2 (1 - p)) >= 5), which is below 2e-4 for every p; with a control of 16
the first is P(Binomial(16, p) <= 2). Several likely texts are less likely still to come again.
"""
N_NESTED = {N_FEW_SEEDS: 5, N_SEEDS: 6}
"""Of so many samples of one request, how many must be those of the single seeds: below 2e-4 in the same way."""


def narrower(control: Sequence[str], narrowed: Sequence[str], group: Group) -> Verdict:
    """Say whether a setting that should leave nearly one text did, beside samples without it.

    Of any group but the last ``unclear`` asks for the next.

    Args:
        control: As many samples without the setting as the group has.
        narrowed: With it; as many, or fewer, which are ``honoured`` or ``unclear``.
        group: Of which this is.
    """
    n_control, n_narrowed = len(set(control)), len(set(narrowed))
    if n_narrowed == 1 and len(narrowed) >= N_ALIKE and n_control == len(control) >= GROUPS[0].size:
        return "honoured"
    if len(narrowed) < group.size:
        return "unclear"
    if n_control - n_narrowed >= group.fewer:
        return "honoured"
    return "ignored" if is_diverse(control, group) and n_control - n_narrowed <= group.most_alike else "unclear"


def is_diverse(control: Sequence[str], group: Group) -> bool:
    """Whether samples differ so much that a comparison with them says something."""
    return len(set(control)) >= group.diverse


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
    unchanged = sum(other in (one, two) for one, two, other in zip(first, second, changed, strict=True))
    return "ignored" if is_last and unchanged >= N_UNCHANGED and tail > NO_SIGN else "unclear"


def repeats(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the texts of some seeds come twice, and are not those of the next seed."""
    following = [*first[1:], first[0]]
    triples = zip(first, second, following, strict=False)
    return sum(one == two != other for one, two, other in triples) >= N_SAME_SEED


def binomial_tail(k: int, n: int, p: float) -> float:
    """Return the probability of at least k successes in n trials."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
