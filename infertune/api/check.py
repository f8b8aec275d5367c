"""``infertune.check``: whether an answer still holds, for a pipeline that runs after every upgrade.

Each ``confirm`` example is asked anew, as often as the confirmation did and with its seed, and its score is paired
with the one that the answer file has. A sequential test ends it as soon as it knows. Nothing is taken from a database:
samples of before an upgrade would tell nothing of it.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from infertune.api.evaluation import facts_note, parts_of
from infertune.api.subject import Given, Subject, subject
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.engines.options import EngineOptions, given
from infertune.engines.start import checked, looked, looks, start, starting
from infertune.errors import BudgetError, EngineError, InvalidInputError
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.parts import orders
from infertune.evaluation.scoring import CachedScorer
from infertune.report.check import Check
from infertune.report.live import Status, View
from infertune.report.status import probe_status
from infertune.space.extra_settings import extra_ends
from infertune.space.restriction import check_supported
from infertune.statistics.betting import SequentialTest
from infertune.statistics.intervals import paired_difference
from infertune.study.look import Look
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration, Engine, Scalar
from infertune.types.evidence import Order

MARGIN = 0.05
ALPHA = 0.05
_ACCOUNT = "check"
_FIRST = 8  # examples at once, where the engine does not say how many it serves


def check(
    config: str | Path,
    *,
    task: str | None = None,
    model: str | None = None,
    engine: str | EngineOptions | None = None,
    engine_options: Mapping[str, Scalar] | None = None,
    data: str | Path | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    budget_tokens: int | str | None = None,
    progress: bool = True,
) -> Check:
    """Tell whether the answer of a study still holds.

        found = infertune.check("capitals.yaml", engine=infertune.OpenAI(base_url="http://127.0.0.1:8000/v1"))
        sys.exit(found.exit_code)

    Args:
        config: An answer file with the scores of its confirmation.
        task: As of `infertune.evaluate`; by default those of the file. Likewise what follows.
        margin: A fall of utility by less is none; in (0, 1).
        alpha: Largest chance of a wrong outcome, in (0, 1).
        budget_tokens: Most tokens to spend; by default every example may be asked once.
        progress: Whether progress is shown on standard error.

    Raises:
        InvalidInputError: The file has no scores, or the task is not as it was.
        EngineError: Nothing was answered.
    """
    options = given(engine) if isinstance(engine, EngineOptions) else {}
    asked = Given(
        config=Path(config),
        task=task,
        data=None if data is None else Path(data),
        settings=(),
        split="confirm",
        model=model,
        engine=engine.engine if isinstance(engine, EngineOptions) else engine,
        options=options | dict(engine_options or {}),
        seed=None,
        database=None,
    )
    budget = None if budget_tokens is None else Budget.of(tokens=budget_tokens)
    view = View() if progress else View(Console(quiet=True))
    return checked_again(subject(asked), view, margin=margin, alpha=alpha, budget=budget)


def checked_again(wanted: Subject, view: View, *, margin: float, alpha: float, budget: Budget | None) -> Check:
    """Ask examples until it is known whether the answer holds, or until there are none."""
    baseline = _baseline(wanted)
    for name, value in (("margin", margin), ("alpha", alpha)):
        if not 0 < value < 1:
            raise InvalidInputError(f"`{name}` must lie between 0 and 1, but is {value:g}")
    test = SequentialTest(-margin, low=-1.0, high=1.0, alpha=alpha)
    places = sorted(baseline)
    with view, ExitStack() as opened:
        view.say(f"{wanted.source} on {wanted.model}: {len(places)} examples with a score of then")
        for note in wanted.notes:
            view.say(f"Note: {note}.")
        view.say(starting(wanted.engine, wanted.model, wanted.options))
        checked(wanted.engine, wanted.options)
        space = wanted.space.fixed(wanted.configuration)
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        bank = opened.enter_context(closing(SampleBank(Path(folder) / "check.db")))
        look = Look(TrialLog(bank.url, _ACCOUNT)) if looks(wanted.engine) else None
        running: Engine = opened.enter_context(
            closing(
                start(
                    wanted.engine,
                    wanted.model,
                    wanted.options,
                    extra=extra_ends(space),
                    on_probe=lambda step: view.update(lambda: probe_status(step)),
                    journal=look,
                )
            )
        )
        if said := looked(running):
            view.say(said)
        kinds = {name: template.kinds for name, template in wanted.task.prompts.items()}
        check_supported(wanted.configuration, wanted.space, running.unsupported, kinds=kinds)
        account = Account(
            study=_ACCOUNT, engine=running, bank=bank, budget=budget, looked=look.cost if look else (0, 0)
        )
        evaluator = Evaluator(
            scorer=CachedScorer(wanted.task),
            examples=wanted.task.confirm,
            space=space,
            account=account,
            seed=wanted.seed,
        )
        parts = parts_of(wanted, len(wanted.task.confirm), None)
        rounds = _Rounds(
            evaluator, wanted.configuration, orders(evaluator, wanted.configuration, parts), baseline, test
        )
        for some in _batches(places, getattr(running, "batch_size", None) or _FIRST):
            more = rounds.ask(some)
            view.update(rounds.status)
            if not more:
                break
        pairs, facts_now = rounds.pairs, dict(running.facts)
    if not pairs and budget is not None and account.share_used >= 1:
        raise BudgetError(f"the budget must buy at least one example, but was spent before; try {budget.times(10)}")
    if not pairs:
        raise EngineError("no example was answered, so nothing can be said")
    then, now, tokens_now = (np.array(each) for each in zip(*pairs, strict=True))
    note = facts_note(wanted.facts, facts_now)
    return Check(
        source=wanted.source,
        outcome="cannot tell" if test.answer is None else "holds" if test.answer == "above" else "fell",
        margin=margin,
        alpha=alpha,
        difference=paired_difference(now, then),
        was=float(then.mean()),
        now=float(now.mean()),
        was_tokens=wanted.evidence.cost_tokens if wanted.evidence is not None else float("nan"),
        now_tokens=float(tokens_now.mean()),
        n_examples=rounds.n_asked,
        n_failed=rounds.n_asked - len(pairs),
        n_possible=len(places),
        spent_tokens=account.spent.tokens,
        notes=(*wanted.notes, *([note] if note else [])),
    )


def _baseline(wanted: Subject) -> dict[int, float]:
    """Return the scores of then by the number of the example."""
    if wanted.incomparable or wanted.evidence is None:
        why = wanted.incomparable or "it has no figures"
        raise InvalidInputError(f"{wanted.source} must be of the task as it is now, but {why}")
    scores = wanted.evidence.scores_by_place
    n = len(wanted.task.confirm)
    if len(scores) < 2 or max(scores) >= n:
        raise InvalidInputError(
            f"{wanted.source} must hold the scores of its confirmation, but has {len(scores)} for {n} examples; "
            "`infertune show` with `out` writes it again from the study's database"
        )
    return scores


def _batches(places: list[int], size: int) -> Iterator[list[int]]:
    for start_at in range(0, len(places), size):
        yield places[start_at : start_at + size]


class _Rounds:
    """Asks examples, some at a time, and lets the test see those that were answered, in their order.

    Attributes:
        pairs: Score then, score now and tokens now of each example that the test has seen.
        n_asked: Examples so far.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        configuration: Configuration,
        wished: Sequence[Order],
        baseline: Mapping[int, float],
        test: SequentialTest,
    ) -> None:
        self._evaluator = evaluator
        self._configuration = configuration
        self._wished = wished
        self._baseline = baseline
        self._test = test
        self.pairs: list[tuple[float, float, float]] = []
        self.n_asked = 0

    def ask(self, places: Sequence[int]) -> bool:
        """Ask these examples; return whether it is worth asking more."""
        some = [replace(each, examples=tuple(set(each.examples).intersection(places))) for each in self._wished]
        complete = self._evaluator.buy(some)
        found = {place: pair for order in some if order.examples for place, pair in self._answered(order).items()}
        # Where the budget has ended, the first of them were asked, whatever they answered.
        self.n_asked += len(places) if complete else len(found)
        for place in places:
            if place in found:  # once there is an answer, what was under way changes nothing but the figures
                score, tokens = found[place]
                self.pairs.append((self._baseline[place], score, tokens))
                self._test.see(score - self._baseline[place])
        return complete and self._test.answer is None

    def status(self) -> Status:
        """Return how far it is."""
        n, spent = len(self._baseline), self._evaluator.account.spent.tokens
        facts = f"{len(self.pairs)} of {n} examples compared, {spent:,} tokens spent"
        return Status(phase="check", share=self.n_asked / n, facts=facts)

    def _answered(self, order: Order) -> dict[int, tuple[float, float]]:
        """Return score and tokens of those examples that were answered, or refused for good."""
        places = {self._evaluator.examples[place].id: place for place in order.examples}
        return {
            places[name]: (float(score), float(tokens))
            for each in self._evaluator.candidates(self._evaluator.evidence(order))
            if each.configuration == self._configuration
            for name, score, tokens in zip(each.example_ids, each.scores, each.tokens, strict=True)
        }
