"""Runs a peer, a library in a process of its own, on the books of the benchmark.

It buys complete configurations: for each the prompt and n samples of that `max_tokens`, whatever was bought for
others. Its own examples it pays once: those of a lower fidelity, or of the same configuration asked for again, are
remembered, as in any user's cache. The examples come in the same order for all, and what is far over the cap after
eight is stopped.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.search.methods.axes import Axes
from benchmarks.search.optimum import worth
from benchmarks.search.peers.bridge import HERE, Bridge
from benchmarks.search.peers.protocol import Outcome, Task, Wish
from benchmarks.search.problem import Bought, Purchase
from benchmarks.search.race import Method, Setting
from infertune import plugins
from infertune.strategies import Strategy
from infertune.types import Configuration

GUARD_EXAMPLES = 8
GUARD_SLACK = 1.5
MOST_LOSS = 0.5  # of the scale: what is far over the cap counts as just as bad, and drowns no other differences
_MOST_FREE = 300  # answers from memory in a row: a library that wants nothing new has stopped


@dataclass(frozen=True)
class Peer:
    """How a peer is started; called with a setting it is a method.

    Attributes:
        script: In the folder of the peers, without its ending.
        environment: Its own, by name; None for this Python.
        any_budget: Whether it does not look at its budget, so that one long run has all shorter ones in it.
        options: For the script.
    """

    script: str
    environment: str | None = None
    any_budget: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, setting: Setting) -> Method:
        return _Running(setting, self)


class _Evidence:
    """What was bought of one complete configuration, on its first examples."""

    def __init__(self) -> None:
        self.scores: list[float] = []
        self.prompt_tokens: list[float] = []
        self.sample_tokens: list[float] = []

    def add(self, scores: list[float], prompt_tokens: list[float], sample_tokens: list[float]) -> None:
        self.scores += scores
        self.prompt_tokens += prompt_tokens
        self.sample_tokens += sample_tokens

    def cost(self, n: int) -> float:
        return (sum(self.prompt_tokens[:n]) + sum(self.sample_tokens[:n])) / n

    def outcome(self, n: int, cap: float | None, scale: float, *, stopped: bool = False) -> Outcome:
        scores, cost = self.scores[:n], self.cost(n)
        utility = sum(scores) / n
        return Outcome(
            value=max(worth(utility, cost, cap, scale), utility - scale * MOST_LOSS),
            cost=cost,
            scores=scores,
            prompt_tokens=self.prompt_tokens[:n],
            sample_tokens=self.sample_tokens[:n],
            stopped=stopped,
        )


class _Running:
    """One run of a peer.

    Attributes:
        n_trials: Questions to the library that were answered with something to evaluate.
    """

    def __init__(self, setting: Setting, peer: Peer) -> None:
        problem = setting.problem
        self._problem = problem
        self._axes = Axes(problem)
        task = Task(
            axes=self._axes.axes,
            seed=problem.seed,
            budget_tokens=setting.budget_tokens,
            cap=problem.cap,
            n_workers=setting.n_workers,
            n_examples=problem.n_examples,
            scale=problem.scale,
            options=dict(peer.options),
        )
        self._bridge = Bridge(HERE / f"{peer.script}.py", peer.environment, task)
        self._memory: dict[Configuration, _Evidence] = {}
        self._next: deque[tuple[Wish, Purchase]] = deque()
        self._under_way: dict[int, tuple[Wish, Purchase]] = {}
        self._trials: set[int] = set()

    @property
    def n_trials(self) -> int:
        return len(self._trials)

    @property
    def ask_seconds(self) -> list[float]:
        return self._bridge.ask_seconds

    def ask(self) -> Purchase | None:
        for _ in range(_MOST_FREE):
            if self._next:
                break
            wish = self._bridge.ask()
            if wish is None:
                return None
            self._trials.add(wish.trial)
            self._go_on(wish)
        else:
            return None
        wish, purchase = self._next.popleft()
        self._under_way[id(purchase)] = wish, purchase
        return purchase

    def tell(self, bought: Bought) -> None:
        wish, purchase = self._under_way.pop(id(bought.purchase))
        part = _part(bought, self._axes.configuration(wish.point), wish.skip)
        if wish.n_samples is not None:
            evidence = _Evidence()
            evidence.add(*part)
            self._bridge.tell(wish, evidence.outcome(len(purchase.examples), self._problem.cap, self._problem.scale))
            return
        evidence = self._memory.setdefault(self._axes.configuration(wish.point), _Evidence())
        # Another worker may have bought the same meanwhile; both paid.
        known = len(evidence.scores) - int(purchase.examples[0])
        evidence.add(*(each[known:] for each in part))
        self._go_on(wish)

    def recommend(self) -> Configuration:
        point = self._bridge.recommend()
        return self._axes.default() if point is None else self._axes.configuration(point)

    def close(self) -> None:
        self._bridge.close()

    def _go_on(self, wish: Wish) -> None:
        """Buy what a wish still lacks; tell when it lacks nothing or is stopped."""
        configuration = self._axes.configuration(wish.point)
        if wish.n_samples is not None:
            self._next.append((wish, self._purchase(configuration, wish.first_example, wish.n_examples, wish)))
            return
        cap, evidence = self._problem.cap, self._memory.get(configuration, _Evidence())
        known = len(evidence.scores)
        guarded = cap is not None and wish.n_examples > GUARD_EXAMPLES
        if guarded and known >= GUARD_EXAMPLES and cap and evidence.cost(GUARD_EXAMPLES) > GUARD_SLACK * cap:
            self._bridge.tell(wish, evidence.outcome(GUARD_EXAMPLES, cap, self._problem.scale, stopped=True))
        elif known >= wish.n_examples:
            self._bridge.tell(wish, evidence.outcome(wish.n_examples, cap, self._problem.scale))
        else:
            until = GUARD_EXAMPLES if guarded and known < GUARD_EXAMPLES else wish.n_examples
            self._next.append((wish, self._purchase(configuration, known, until, wish)))

    def _purchase(self, configuration: Configuration, start: int, until: int, wish: Wish) -> Purchase:
        names = {parameter.name for parameter in self._problem.space.parameters if parameter.tier == "request"}
        n_samples = int(configuration["strategy.n"]) if wish.n_samples is None else wish.n_samples
        paid = np.zeros((until - start, n_samples), dtype=bool)
        paid[:, wish.skip :] = True
        return Purchase(
            configuration=Configuration({name: v for name, v in configuration.items() if name in names}),
            examples=np.arange(start, until),
            n_samples=n_samples,
            max_tokens=int(configuration["decoding.max_tokens"]),
            paid=paid,
        )


def _part(bought: Bought, configuration: Configuration, skip: int) -> tuple[list[float], list[float], list[float]]:
    """Return score, prompt tokens and newly generated tokens of each example; no score where n is another."""
    extractor = str(configuration.get("strategy.extractor", bought.default_extractor))
    table = bought.table(int(configuration["decoding.max_tokens"]), extractor)
    n = int(configuration["strategy.n"])
    scores = np.zeros(len(bought.prompt_tokens))
    if table.n_samples == n:
        strategy: Strategy = plugins.load("strategies", str(configuration["strategy.name"]))()
        scores = strategy.expected(table, n).scores
    return scores.tolist(), bought.prompt_tokens.tolist(), table.tokens[:, skip:].sum(axis=1).tolist()
