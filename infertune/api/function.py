"""``infertune.maximize``: any Python function, searched as models are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from infertune.api.decoding import Question
from infertune.api.function_question import by_id, function_question
from infertune.api.optimization import answered
from infertune.api.result import Result
from infertune.api.task_space import Values
from infertune.engines.function import FunctionEngine, name_of
from infertune.recipes.answer_file import AnswerFile
from infertune.report.answer import Answer
from infertune.report.live import View
from infertune.space import SearchSpace
from infertune.space.names import ARGUMENT
from infertune.study.progress import Progress
from infertune.study.renamed import DEFAULT
from infertune.types import Scalar


def maximize(
    function: Callable[..., Any],
    space: SearchSpace | Mapping[str, Values],
    *,
    budget: int,
    examples: Sequence[Any] | None = None,
    max_cost: float | None = None,
    tolerance: float | None = None,
    prefer: Literal["utility", "balanced", "cost"] = "utility",
    search: str = DEFAULT,
    seed: int = 0,
    study: str | None = None,
    database: str | Path = "infertune.db",
    progress: bool | Callable[[Progress], None] = True,
) -> "FunctionResult":
    """Find the settings with which a function scores best, and say how sure that is.

    The search, the paired statistics, the regret bound and resuming are those of `infertune.optimize`.

        def answer(configuration, example, seed):
            text, n_tokens = pipeline(example["question"], k=configuration["k"], seed=seed)
            return float(text == example["answer"]), n_tokens

        result = infertune.maximize(answer, {"k": "1..8"}, examples=rows, budget=200_000)

    Args:
        function: Takes any of ``configuration`` (names to values), ``example`` and ``seed``, by these names; returns a
            score in [0, 1], or a pair of score and cost. A call that raises counts neither as right nor as wrong.
        space: Values by name, of which the first is the default, such as ``{"k": "1..8", "rerank": [False, True]}``.
        budget: Most cost to spend; a call that returns no cost costs 1.
        examples: Of any kind; about 60% of them are searched on, and the others confirm. Without them the function is
            called on repetitions that differ by their seed alone.
        max_cost: Most mean cost per call of what is recommended.
        tolerance: The search ends early, once nothing is believed to score more than this much better than what it
            found.
        prefer: As of `infertune.optimize`, likewise ``search``, ``seed``, ``database`` and ``progress``.
        study: Its name; an existing one is resumed. By default the function's name.

    Raises:
        InvalidInputError: Something that was given cannot be, or the function returned no score.
        BudgetError: The budget is too small for any honest answer.
        EngineError: Most calls fail.
    """
    named = by_id(examples)
    question, file = function_question(
        FunctionEngine(function, named),
        space,
        named,
        study=study or name_of(function),
        model=name_of(function),
        budget=budget,
        max_cost=max_cost,
        tolerance=tolerance,
        prefer=prefer,
        search=search,
        seed=seed,
        database=database,
    )
    view = View() if progress is True else View(Console(quiet=True))
    return function_result(question, file, view, progress if callable(progress) else lambda progress: None)


class FunctionResult(Result):
    """The answer of a study of a function: as of a model, in the function's own words."""

    __slots__ = ()

    @classmethod
    def of(cls, answer: Answer, file: AnswerFile) -> "FunctionResult":
        """Return the answer of a study of a function, which shows the function's own settings alone."""
        parameters = answer.space.parameters
        names = tuple(parameter.name for parameter in parameters if parameter.name.startswith(ARGUMENT))
        return cls(answer=replace(answer, cost="cost per call", settings=names), file=file)

    def best_config(self) -> dict[str, Scalar]:
        """Return the recommended settings, as the function takes them."""
        recommended = self.recommendation.recommended
        return {self.answer.label(name): recommended[name] for name in self.answer.shown(recommended)}


def function_result(
    question: Question, file: AnswerFile, view: View, on_progress: Callable[[Progress], None]
) -> FunctionResult:
    """Run a study of a function to its answer, as `answered` does."""
    found = answered(question, file, view, on_progress=on_progress)
    return FunctionResult.of(found.answer, found.file)
