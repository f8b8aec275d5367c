"""FLAML's BlendSearch, with a plain evaluation or with EcoOptiGen's (Wang, Liu, Awadallah 2023).

EcoOptiGen evaluates a configuration by an exponential search in the number of responses, each by one in the number of
examples, and prunes by cost alone: cost grows with n and max_tokens, so what one configuration of a prompt could or
could not afford bounds the others. Written after its description; where a smaller number of responses is affordable,
they are thrown away and all requested again, as there. Differences, all in its favour: the mean prompt is known for
each prompt template and not only for the first, and what is evaluated before that is judged by its cost too.
"""

import logging
import math
from collections.abc import Generator
from typing import Any

from flaml import BlendSearch, tune
from protocol import Best, Outcome, Peer, Task, Wish, serve

_TRIES = 200  # BlendSearch answers nothing when it would repeat itself or a local search has ended
_SLACK = 0.1


class Flaml(Peer):
    """Variants ``blendsearch``, every configuration on the same examples, and ``ecooptigen``."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        logging.disable(logging.WARNING)
        space = {
            axis.name: tune.randint(0, len(axis.values))
            if axis.ordered
            else tune.choice(list(range(len(axis.values))))
            for axis in task.axes
        }
        self._search = BlendSearch(
            metric="value",
            mode="max",
            space=space,
            cost_attr="cost",
            cost_budget=task.budget_tokens,
            seed=task.seed + 20,
        )
        self._eco = EcoOptiGen(task) if task.options["variant"] == "ecooptigen" else None
        self._under_way: dict[int, tuple[dict[str, Any], Generator[Wish, Outcome, tuple[float, int]]]] = {}
        self._n_trials = 0
        self._best = Best()

    def ask(self) -> Wish | None:
        """Return the first step of a new trial; those pruned for nothing are told to the library at once."""
        for _ in range(_TRIES):
            self._n_trials += 1
            config = self._search.suggest(str(self._n_trials))
            if config is None:
                continue
            point = [int(config[axis.name]) for axis in self.task.axes]
            evaluation = self._eco.evaluate(self._n_trials, point) if self._eco else self._plain(self._n_trials, point)
            self._under_way[self._n_trials] = config, evaluation
            wish = self._step(self._n_trials, None)
            if wish is not None:
                return wish
        return None

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Go on with the trial's evaluation."""
        following = self._step(wish.trial, outcome)
        if following is not None:
            self.continuing.append(following)

    def _step(self, trial: int, outcome: Outcome | None) -> Wish | None:
        config, evaluation = self._under_way[trial]
        try:
            return next(evaluation) if outcome is None else evaluation.send(outcome)
        except StopIteration as end:
            value, cost = end.value
            del self._under_way[trial]
            self._search.on_trial_complete(str(trial), {"value": value, "cost": cost, "config": config})
            return None

    def _plain(self, trial: int, point: list[int]) -> Generator[Wish, Outcome, tuple[float, int]]:
        wish = Wish(trial, point, self.task.flat_examples)
        outcome = yield wish
        self._best.add(wish, outcome)
        return outcome.value, round(outcome.cost * len(outcome.scores))

    def recommend(self) -> list[int] | None:
        """Return the best observed; EcoOptiGen's only where it was evaluated whole."""
        return self._eco.best.point() if self._eco else self._best.point()


class EcoOptiGen:
    """The evaluation, with what it has learned of what is affordable.

    Attributes:
        best: Of those evaluated on all examples.
    """

    def __init__(self, task: Task) -> None:
        self.best = Best()
        self._task = task
        self._names = [axis.name for axis in task.axes]
        self._valid: dict[int, dict[int, int]] = {}  # of a prompt, by max_tokens: most responses known affordable
        self._invalid: dict[int, dict[int, int]] = {}  # fewest known too dear
        self._prompt_tokens: dict[int, float] = {}

    def evaluate(self, trial: int, point: list[int]) -> Generator[Wish, Outcome, tuple[float, int]]:
        """Ask for what it needs, step by step; return the value, and the tokens spent."""
        n, most = self._value(point, "strategy.n", 1), self._value(point, "decoding.max_tokens", 1)
        region = point[self._names.index("prompt.template")] if "prompt.template" in self._names else 0
        if self._value(point, "decoding.temperature", 1.0) == 0:
            n = 1  # all responses of greedy decoding are one
        n_all, spent = self._task.flat_examples, 0
        k = self._start(region, n, most)
        if k is None:
            return -math.inf, 0
        previous = 0
        held: list[tuple[float, float, float]] = []  # score, prompt and generated tokens of each example
        while True:
            known, early = 0, False
            d = 1 if self._task.cap else n_all
            while True:
                outcome = yield Wish(trial, point, d, n_samples=k, first_example=known, skip=previous)
                spent += round(sum(outcome.prompt_tokens) + sum(outcome.sample_tokens))
                new = list(zip(outcome.scores, outcome.prompt_tokens, outcome.sample_tokens, strict=True))
                if previous:
                    had = held[known:d]
                    new = [(s, p, t + old[2]) for (s, p, t), old in zip(new, had, strict=True)]
                    held[known:d] = new
                else:
                    held += new
                mean = sum(tokens for _, _, tokens in held[:d]) / d
                slack, target = _slack(d, n_all), self._target(region)
                if target is not None and mean > target * (1 + slack):
                    at = self._invalid.setdefault(region, {})
                    at[most] = min(k, at.get(most, k))
                    return 0.0, spent
                if target is not None and mean <= target * (1 - slack) and (k < n or d == n_all):
                    self._note_valid(region, most, k)
                    if k < n:
                        early = True
                        break
                if d == n_all:
                    break
                known, d = d, min(2 * d, n_all)
            if k == n:
                return self._whole(trial, point, region, held), spent
            previous = 0 if early else k
            if early:
                held = []
            k = min(2 * k, n)

    def _whole(self, trial: int, point: list[int], region: int, held: list[tuple[float, float, float]]) -> float:
        scores, prompts, tokens = (list(column) for column in zip(*held, strict=True))
        self._prompt_tokens.setdefault(region, sum(prompts) / len(prompts))
        cost = (sum(prompts) + sum(tokens)) / len(held)
        utility = sum(scores) / len(scores)
        over = max(0.0, cost / self._task.cap - 1.0) if self._task.cap else 0.0
        value = utility - self._task.scale * over
        self.best.add(Wish(trial, point, len(held)), Outcome(value, cost, scores, prompts, tokens))
        return value

    def _start(self, region: int, n: int, most: int) -> int | None:
        """Return the number of responses to begin with; None where n is known to be too dear."""
        target = self._target(region)
        if self._task.cap is None:
            return n
        affordable = max((k for at, k in self._valid.get(region, {}).items() if at >= most), default=1)
        if target is not None:
            affordable = max(affordable, int(target // most))
        if n <= affordable:
            return n
        too_dear = min((k for at, k in self._invalid.get(region, {}).items() if at <= most), default=None)
        return None if too_dear is not None and n >= too_dear else affordable + 1

    def _note_valid(self, region: int, most: int, k: int) -> None:
        at = self._valid.setdefault(region, {})
        at[most] = max(k, at.get(most, k))

    def _target(self, region: int) -> float | None:
        """Return what may be generated for a request; None before the mean prompt is known."""
        if self._task.cap is None or region not in self._prompt_tokens:
            return None
        return self._task.cap - self._prompt_tokens[region]

    def _value(self, point: list[int], name: str, otherwise: Any) -> Any:
        if name not in self._names:
            return otherwise
        at = self._names.index(name)
        return self._task.axes[at].values[point[at]]


def _slack(d: int, n_all: int) -> float:
    """Return the half width of the Hoeffding-Serfling bound on the mean of d of all examples, times 0.1 as there."""
    rho = (1 - d / n_all) * (1 + 1 / d) if 2 * d > n_all else 1 - (d - 1) / n_all
    return _SLACK * math.sqrt(rho / d)


if __name__ == "__main__":
    serve(Flaml)
