"""Pruning by cost as published with EcoOptiGen: a configuration too dear in use is found out on few answers.

Wang, Liu and Awadallah 2023, "Cost-Effective Hyperparameter Optimization for Large Language Model Generation
Inference", arXiv:2303.04673, in the form that FLAML's `Completion` gives it. Cost is taken to grow with the number of
samples n and with max_tokens. What has kept the cost cap or broken it is remembered by *region*, the part of a
configuration (its prompt) in which that holds. n is doubled from the largest that is known to keep the cap, and for
each n the examples are doubled, until a bound for means over part of a finite list tells whether all would keep it.
"""

import math
from collections.abc import Generator, Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from infertune.types.arrays import FloatArray

Verdict = Literal["complete", "over", "pruned", "failed"]

_WIDTH = 0.1  # of the bound at one example, as a share of the allowance; the published constant, without a confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is looked at next: the first ``n_samples`` of the examples from ``start`` to before ``stop``."""

    n_samples: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What a step brought.

    Attributes:
        outputs: Generated tokens of all its samples together, ``[stop - start]``.
        allowance: Most generated tokens that a request may have on average to keep the cap; None while nobody knows
            how long the prompts are.
    """

    outputs: FloatArray
    allowance: float | None


class Bounds:
    """What is known of the n that keep the cap and of those that do not, by region and max_tokens.

    Attributes:
        kept: The largest n that was found to keep it, ``{region: {max_tokens: n}}``.
        broke: The smallest that was found not to.
    """

    def __init__(self) -> None:
        self.kept: dict[Hashable, dict[int, int]] = {}
        self.broke: dict[Hashable, dict[int, int]] = {}

    def most_kept(self, region: Hashable, max_tokens: int, allowance: float | None) -> int:
        """Return the largest n that keeps the cap for sure; 1 where nothing is known."""
        known = [n for limit, n in self.kept.get(region, {}).items() if limit >= max_tokens]
        by_length = 1 if allowance is None else math.floor(allowance / max_tokens)
        return max([max(known, default=1), by_length])

    def least_broke(self, region: Hashable, max_tokens: int) -> int | None:
        """Return the smallest n that breaks it for sure, if any is known."""
        known = [n for limit, n in self.broke.get(region, {}).items() if limit <= max_tokens]
        return min(known, default=None)

    def keeps(self, region: Hashable, max_tokens: int, n: int) -> None:
        """Note an n that keeps the cap."""
        own = self.kept.setdefault(region, {})
        own[max_tokens] = max(n, own.get(max_tokens, n))

    def breaks(self, region: Hashable, max_tokens: int, n: int) -> None:
        """Note an n that breaks it."""
        own = self.broke.setdefault(region, {})
        own[max_tokens] = min(n, own.get(max_tokens, n))


def slack(n_seen: int, n_examples: int) -> float:
    """Return the share of the allowance by which a mean over the first of the examples may be off.

    0.1 sqrt(rho / n_seen), where rho is the factor of Hoeffding's and Serfling's inequality for draws without
    replacement: it ends at 0 when all examples are seen.
    """
    if 2 * n_seen > n_examples:
        rho = (1 - n_seen / n_examples) * (1 + 1 / n_seen)
    else:
        rho = 1 - (n_seen - 1) / n_examples
    return _WIDTH * math.sqrt(rho / n_seen)


def evaluation(
    bounds: Bounds,
    region: Hashable,
    *,
    n: int,
    max_tokens: int,
    n_examples: int,
    allowance: float | None,
    capped: bool,
) -> Generator[Step, Seen | None, Verdict]:
    """Evaluate a configuration step by step; is sent what each step brought, None where a request failed.

    Args:
        bounds: Used and added to.
        region: Of the configuration.
        n: Its number of samples.
        max_tokens: Its own.
        n_examples: To evaluate it on in full.
        allowance: As far as it is known beforehand; see Seen.
        capped: Whether there is a cap at all.

    Returns:
        ``complete`` after a step that saw n samples of the last examples; ``pruned`` before any step.
    """
    if not capped:
        seen = yield Step(n_samples=n, start=0, stop=n_examples)
        return "failed" if seen is None else "complete"
    kept = bounds.most_kept(region, max_tokens, allowance)
    broke = bounds.least_broke(region, max_tokens)
    if n > kept and broke is not None and n >= broke:
        return "pruned"
    k = min(n, kept + 1)
    while True:
        outputs: list[float] = []
        start, stop = 0, 1
        while True:
            seen = yield Step(n_samples=k, start=start, stop=stop)
            if seen is None:
                bounds.breaks(region, max_tokens, k)  # as published: what does not come back in time is too long
                return "failed"
            outputs.extend(seen.outputs.tolist())
            mean, off = float(np.mean(outputs)), slack(stop, n_examples)
            if seen.allowance is not None:
                if mean > seen.allowance * (1 + off):
                    bounds.breaks(region, max_tokens, k)
                    return "over"
                if mean <= seen.allowance * (1 - off) and (k < n or stop == n_examples):
                    bounds.keeps(region, max_tokens, k)
                    if k < n:
                        break  # the rest of the examples is seen with more samples
            if stop == n_examples:
                break
            start, stop = stop, min(2 * stop, n_examples)
        if k == n:
            return "complete"
        k = min(2 * k, n)
