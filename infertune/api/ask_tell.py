"""``infertune.Study``: ask for the next call, make it wherever and however you like, and tell what came of it."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rich.console import Console

from infertune.api.function import FunctionResult, function_result
from infertune.api.function_question import by_id, function_question
from infertune.api.task_space import Values
from infertune.engines.asked import AskedEngine, Call
from infertune.engines.function import checked_cost, checked_score
from infertune.errors import InvalidInputError
from infertune.report.live import View
from infertune.space import SearchSpace
from infertune.study.renamed import DEFAULT

__all__ = ["Call", "Study"]


class Study:
    """A study of anything that has settings, whose calls are yours: by threads, on machines, by hand.

    The search, the paired statistics, the regret bound and resuming are those of `infertune.optimize`.

        study = infertune.Study({"k": "1..8", "rerank": [False, True]}, budget=20_000, examples=rows, name="rag")
        while (call := study.ask()) is not None:
            score, n_tokens = pipeline(call.example, seed=call.seed, **call.configuration)
            study.tell(call, score, n_tokens)
        print(study.result())

    What was told is kept at once. The same study again, after a crash too, asks for what is left. Its methods may be
    called from any thread, one at a time.

    Args:
        space: As of `infertune.maximize`, likewise ``budget``, ``examples``, ``max_cost``, ``prefer``, ``search``,
            ``seed`` and ``database``.
        name: Of the study; an existing one is resumed.
        in_flight: Most calls that are asked for and not told, at least 1. With several, ``ask`` returns None not only
            at the end, but also while the next call depends on what is under way: see ``done``.

    Raises:
        InvalidInputError: Something that was given cannot be.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Values],
        *,
        budget: int,
        name: str,
        examples: Sequence[Any] | None = None,
        max_cost: float | None = None,
        tolerance: float | None = None,
        prefer: Literal["utility", "balanced", "cost"] = "utility",
        search: str = DEFAULT,
        seed: int = 0,
        database: str | Path = "infertune.db",
        in_flight: int = 1,
    ) -> None:
        if in_flight < 1:
            raise InvalidInputError(f"in_flight must be at least 1, not {in_flight}")
        named = by_id(examples)
        self._name = name
        self._engine = AskedEngine(name, named, in_flight)
        self._question, self._file = function_question(
            self._engine,
            space,
            named,
            study=name,
            model=name,
            budget=budget,
            max_cost=max_cost,
            tolerance=tolerance,
            prefer=prefer,
            search=search,
            seed=seed,
            database=database,
        )
        self._thread: threading.Thread | None = None
        self._result: FunctionResult | None = None
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self._result is not None

    def ask(self) -> Call | None:
        """Return the next call to make; None at the end, or while that depends on calls that are not told.

        Raises:
            BudgetError: The budget is too small for any honest answer.
            EngineError: Most calls fail.
            StudyInUseError: Another process has the study.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"infertune-{self._name}", daemon=True)
            self._thread.start()
            self._engine.wait_for_study(goes_on=False)
        self._check()
        call = self._engine.next_call()
        if call is None and not self.done:
            self._engine.wait_for_study(goes_on=True)  # there may be room for more by now
            self._check()
            call = self._engine.next_call()
        return call

    def tell(self, call: Call, score: float | None = None, cost: float = 1, *, error: str = "") -> None:
        """Take in what a call brought; when this returns, it is kept.

        Args:
            call: As ``ask`` gave it.
            score: In [0, 1].
            cost: In tokens, or whatever the budget is in.
            error: Why there is no score; the call then counts neither as right nor as wrong.

        Raises:
            InvalidInputError: That is no score, or no call that was asked for.
            EngineError: Most calls fail.
        """
        self._check()
        if not self._engine.is_open(call):
            raise InvalidInputError("the call must be one that ask() gave and that was not told before")
        if (score is None) == (not error):
            raise InvalidInputError("a call must be told its score, or the error that it had")
        outcome = error or (checked_score(score, self._name), checked_cost(cost, self._name))
        if self._engine.told(call, outcome):
            self._engine.wait_for_study(goes_on=True)
            self._check()

    def result(self) -> FunctionResult:
        """Return the answer, as `infertune.maximize` does.

        Raises:
            InvalidInputError: The study is not at its end.
        """
        self._check()
        if self._result is None:
            raise InvalidInputError("a study has a result when it is done: ask and tell until then")
        return self._result

    def close(self) -> None:
        """Leave the study where it stands, for another process to go on with; it may be called twice."""
        self._engine.close()
        if self._thread is not None and self._thread.is_alive():
            self._engine.wait_for_study(goes_on=True)
            self._thread.join()
        if not self.done and self._error is None:
            self._error = InvalidInputError("the study was closed: make it again to resume it")

    def __enter__(self) -> "Study":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        view = View(Console(quiet=True))
        try:
            self._result = function_result(self._question, self._file, view, lambda progress: None)
        except BaseException as error:  # raised where somebody asks
            self._error = error
        finally:
            self._engine.end()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
