"""Bursts whose shares within the SLO follow a known curve."""

import numpy as np
from scipy import special

from infertune.serving.measure.figures import Count, Figures


def burst(level: float, counts: tuple[Count, ...], *, cut: bool = False, n: int = 40) -> Figures:
    return Figures(
        rate=level,
        concurrency=None,
        n=n,
        n_planned=n,
        n_failed=0,
        cut=cut,
        seconds=n / level,
        counts=counts,
        within=min((count.within for count in counts), default=float(n)),
        prompt_tokens=100.0,
        completion_tokens=20.0,
        request_rate=level,
        output_rate=20.0 * level,
        user_rate=30.0,
        latencies={"p50_ttft": 0.1, "mean_tpot": 0.03, "mean_itl": 0.03, "p50_e2e": 1.0},
        lateness=0.0,
        in_flight=level,
        counters={},
    )


class Curve:
    """The share within falls from 1 to 0 about a capacity; what is needed is reached just there.

    Args:
        capacity: Where the share is what is needed.
        sharpness: How fast it falls, in logits for a logarithm of the load.
    """

    def __init__(self, capacity: float, *, needed: float = 0.99, sharpness: float = 30.0, seed: int = 0) -> None:
        self.capacity, self.needed, self.sharpness = capacity, needed, sharpness
        self.rng = np.random.default_rng(seed)
        self.levels: list[float] = []

    def press(self, level: float, turn: int) -> Figures:
        assert turn == self.levels.count(level)
        self.levels.append(level)
        logit = np.log(self.needed / (1 - self.needed)) - self.sharpness * np.log(level / self.capacity)
        n = max(20, int(10 * level))
        within = float(self.rng.binomial(n, special.expit(logit)))
        return burst(level, (Count(within=within, n=float(n), needed=self.needed),), n=n)
