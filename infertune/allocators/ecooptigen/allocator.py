"""EcoOptiGen: FLAML's BlendSearch over all settings together, each evaluated as `cost_pruning` has it.

Wang, Liu and Awadallah 2023, arXiv:2303.04673, the reference that other allocators are measured against. A trial is a
complete configuration, n, max_tokens and voter included, on the same few examples; a step of its evaluation is an
order. It differs from FLAML's `Completion.tune` in what it pays: samples are kept, so that more of them, or a shorter
max_tokens, cost the rest alone, where FLAML asks for everything again.
"""

import math
import operator
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from infertune.allocators import Offer
from infertune.allocators.ecooptigen.blend_search import BlendSearch, flaml
from infertune.allocators.ecooptigen.cost_pruning import Bounds, Seen, Step, Verdict, evaluation
from infertune.allocators.ecooptigen.holdings import Holdings
from infertune.allocators.ecooptigen.whole_space import WholeSpace
from infertune.space.names import MAX_TOKENS, PROMPT, N
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

N_TUNING = 20  # examples of every trial: what the published experiments tune on
MOST_IDLE = 100  # proposals in a row that bring nothing to buy; so often FLAML asks before it gives up


class EcoOptiGenAllocator:
    """Gives one order at a time; pure, though it keeps its last replay of the evidence so as to go on from there.

    Args:
        n_tuning: Examples of every trial, where there are as many.

    Raises:
        DataUnavailableError: FLAML is not installed.
    """

    def __init__(self, n_tuning: int = N_TUNING) -> None:
        flaml()  # a study without it ends before it has spent anything
        self._n_tuning = n_tuning
        self._replay: _Replay | None = None

    def order(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        """Return the next step's order; None while one is under way, and when nothing new is proposed any more."""
        return None if pending else self._replayed(offer, evidence).order

    def ranking(self, offer: Offer, evidence: Sequence[Evidence]) -> list[Configuration]:
        """Return first what was evaluated within the cap, best observed first, as FLAML recommends.

        Then the rest by cost: what was evaluated whole, and the cheapest choice of what was not.
        """
        if not evidence:
            return []
        cap = math.inf if offer.cap_tokens is None else offer.cap_tokens
        best: dict[Configuration, tuple[tuple[float, ...], Configuration]] = {}

        def consider(rank: tuple[float, ...], request: Configuration, choice: Configuration) -> None:
            if request not in best or rank < best[request][0]:
                best[request] = rank, request.with_values(choice)

        for request, choice, utility, tokens in self._replayed(offer, evidence).complete:
            consider((0, -utility) if tokens <= cap else (1, tokens), request, choice)
        for piece in evidence:
            tokens = piece.tokens.mean(axis=1)
            cheapest = int(tokens.argmin())
            consider((2, float(tokens[cheapest])), piece.order.configuration, piece.choices[cheapest])
        return [complete for _, complete in sorted(best.values(), key=lambda pair: pair[0])]

    def recommend(self, offer: Offer, evidence: Sequence[Evidence]) -> Configuration:
        """Return the first of the ranking, without evidence the default."""
        ranking = self.ranking(offer, evidence)
        return ranking[0] if ranking else offer.space.default_configuration()

    def _replayed(self, offer: Offer, evidence: Sequence[Evidence]) -> "_Replay":
        if self._replay is None or not self._replay.leads_to(offer, evidence):
            self._replay = _Replay(offer, self._n_tuning)
        self._replay.go_on(evidence, offer.failed)
        return self._replay


@dataclass(slots=True, kw_only=True)
class _Trial:
    """One proposal under evaluation.

    Attributes:
        request: Its values of the request tier.
        choice: Those of the replay tier.
        steps: Of its evaluation.
        step: The one it stands at.
        had: Samples of each of the step's examples that were there before.
        spent: Tokens that it took so far, without those of samples that were there.
    """

    request: Configuration
    choice: Configuration
    steps: Generator[Step, Seen | None, Verdict]
    step: Step = field(default_factory=lambda: Step(n_samples=0, start=0, stop=0))
    had: dict[int, int] = field(default_factory=dict)
    spent: float = 0.0

    @property
    def max_tokens(self) -> int:
        return int(self.choice[MAX_TOKENS])


class _Replay:
    """A search from its beginning, fed with evidence piece by piece, each when a step lacks something.

    Attributes:
        order: What the step lacks that it stands at; None at the end.
        complete: Request tier, replay choice, utility and tokens per request of every trial that was evaluated whole.
    """

    def __init__(self, offer: Offer, n_tuning: int) -> None:
        self._circumstances = _circumstances(offer)
        self._cap = offer.cap_tokens
        self._least_samples = offer.n_choices[0]  # with fewer there is nothing that the space could use
        self._n_examples = min(n_tuning, offer.n_examples)
        self._space = WholeSpace(offer.space, offer.configurations, offer.n_choices)
        self._search = BlendSearch(self._space.parameters, offer.seed)
        self._bounds = Bounds()
        self._holdings = Holdings()
        self._taken: list[Evidence] = []
        self._failed: tuple[Order, ...] = ()
        self._n_idle = 0
        self._trial: _Trial | None = None
        self.order: Order | None = None
        self.complete: list[tuple[Configuration, Configuration, float, float]] = []

    def leads_to(self, offer: Offer, evidence: Sequence[Evidence]) -> bool:
        """Whether going on from here gives what going on from the beginning would."""
        return (
            self._circumstances == _circumstances(offer)
            and len(self._taken) <= len(evidence)
            and all(map(operator.is_, self._taken, evidence))  # as far as the shorter reaches
            and self._failed == offer.failed[: len(self._failed)]
        )

    def go_on(self, evidence: Sequence[Evidence], failed: tuple[Order, ...]) -> None:
        """Go on as far as the evidence reaches."""
        self._failed = failed
        self.order = None
        while self._n_idle < MOST_IDLE:
            trial = self._trial
            if trial is None:
                self._begin()
                continue
            lacking = [example for example in trial.had if not self._holds(trial, example)]
            if not lacking:
                self._advance(trial, self._seen(trial))
                continue
            wish = Order(
                configuration=trial.request,
                examples=tuple(lacking),
                n_samples=max(trial.step.n_samples, self._least_samples),
                max_tokens=trial.max_tokens,
            )
            following = evidence[len(self._taken)] if len(self._taken) < len(evidence) else None
            # Its own answer first: what failed may have failed much later than this was answered.
            if (following is None or not _answers(following.order, wish)) and self._is_hopeless(wish):
                self._advance(trial, None)
            elif following is not None:
                self._taken.append(following)
                self._holdings.add(following, _region(following.order.configuration))
            else:
                self.order = wish
                return

    def _begin(self) -> None:
        values = self._search.propose()
        found = None if values is None else self._space.complete(values)
        if found is None:
            self._n_idle += 1
            if values is not None:
                self._search.tell(utility=-math.inf, cost=0.0)
            return
        request, choice = found
        steps = evaluation(
            self._bounds,
            _region(request),
            n=int(choice[N]),
            max_tokens=int(choice[MAX_TOKENS]),
            n_examples=self._n_examples,
            allowance=self._allowance(request),
            capped=self._cap is not None,
        )
        self._trial = _Trial(request=request, choice=choice, steps=steps)
        self._advance(self._trial, None)

    def _advance(self, trial: _Trial, seen: Seen | None) -> None:
        """Give the trial what its step brought, and tell the search when that was the last."""
        try:
            trial.step = trial.steps.send(seen)
        except StopIteration as end:
            self._trial = None
            self._n_idle = 0 if trial.spent else self._n_idle + 1
            self._search.tell(utility=self._utility(trial, end.value), cost=trial.spent)
        else:
            examples = range(trial.step.start, trial.step.stop)
            trial.had = {each: self._holdings.n_samples(trial.request, each, trial.max_tokens) for each in examples}

    def _utility(self, trial: _Trial, verdict: Verdict) -> float:
        """Return what the search is told, and note what may be recommended.

        FLAML says 0 of what turned out over the cap or failed, whichever way its metric is optimised. Utility lies in
        [0, 1] and is maximised here, so that 0 is the worst, as it is meant.
        """
        if verdict == "pruned":
            return -math.inf
        if verdict != "complete":
            return 0.0
        utility, tokens = self._holdings.figures(trial.request, trial.choice, self._n_examples).mean(axis=1).tolist()
        self.complete.append((trial.request, trial.choice, utility, tokens))
        return float(utility)

    def _holds(self, trial: _Trial, example: int) -> bool:
        return self._holdings.n_samples(trial.request, example, trial.max_tokens) >= trial.step.n_samples

    def _seen(self, trial: _Trial) -> Seen:
        """Return what a step brought whose samples are all there, and count what they took."""
        lengths = {each: self._holdings.length(trial.request, each, trial.max_tokens) for each in trial.had}
        prompts = self._holdings.prompt_tokens(_region(trial.request))
        for example, had in trial.had.items():
            n_new = max(trial.step.n_samples, self._least_samples) - had
            trial.spent += prompts[example] + n_new * lengths[example] if n_new > 0 else 0.0
        outputs = trial.step.n_samples * np.array(list(lengths.values()))
        return Seen(outputs=outputs, allowance=self._allowance(trial.request))

    def _allowance(self, request: Configuration) -> float | None:
        """Return the cap less the mean prompt tokens, which as published is unknown until a trial is complete.

        FLAML then takes those of that trial for all others. Prompts of a task differ by more than whole answers, so
        here each has its own, of its examples seen so far.
        """
        prompts = self._holdings.prompt_tokens(_region(request))
        own = [tokens for example, tokens in prompts.items() if example < self._n_examples]
        return self._cap - float(np.mean(own)) if self._cap is not None and self.complete and own else None

    def _is_hopeless(self, wish: Order) -> bool:
        """Whether some of it was asked for and never came, or came longer and cannot be cut."""
        limit = wish.max_tokens or 0
        for failed in self._failed:
            longer = failed.max_tokens is None or failed.max_tokens >= limit
            same = failed.configuration == wish.configuration and failed.n_samples >= wish.n_samples
            if same and longer and not set(wish.examples).isdisjoint(failed.examples):
                return True
        return any(
            self._holdings.was_ordered(wish.configuration, example, wish.n_samples, limit) for example in wish.examples
        )


def _answers(order: Order, wish: Order) -> bool:
    return (
        order.configuration == wish.configuration
        and order.n_samples == wish.n_samples
        and order.max_tokens == wish.max_tokens
        and set(order.examples) <= set(wish.examples)
    )


def _circumstances(offer: Offer) -> tuple[object, ...]:
    """Return what decides beside the evidence; the budget does not, which the study ends."""
    return offer.space, offer.configurations, offer.n_examples, offer.n_choices, offer.cap_tokens, offer.seed


def _region(request: Configuration) -> object:
    """Return the part of a configuration in which costs are comparable, by the published rule its prompt."""
    return request.get(PROMPT)
