"""``infertune.maximize``: any Python function, searched as models are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console

from infertune.api.decoding import Question
from infertune.api.optimization import answered
from infertune.api.result import Result
from infertune.api.task_space import Values, as_texts
from infertune.budget import Budget
from infertune.engines.function import MOST_COST, FunctionEngine, name_of
from infertune.errors import InvalidInputError
from infertune.recipes import recipe
from infertune.recipes.answer_file import AnswerFile
from infertune.report.live import View
from infertune.selection.select import Wanted
from infertune.space import Parameter, SearchSpace, Tier, notation
from infertune.space.names import ARGUMENT, MAX_TOKENS, PROMPT, VOTER, N
from infertune.study.progress import Progress
from infertune.study.renamed import DEFAULT
from infertune.tasks import Task
from infertune.tasks.definition import Definition
from infertune.tasks.prompts import Template
from infertune.types import Example, Scalar

N_REPEATS = 64  # of a function that takes no example, in each split
_CALL = "call"
_FIXED: Mapping[str, tuple[Tier, Scalar]] = {  # what every study has
    PROMPT: ("request", _CALL),
    MAX_TOKENS: ("replay", MOST_COST),
    N: ("replay", 1),
    VOTER: ("replay", "first"),
}


def maximize(
    function: Callable[..., Any],
    space: SearchSpace | Mapping[str, Values],
    *,
    budget: int,
    examples: Sequence[Any] | None = None,
    max_cost: float | None = None,
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
        prefer: As of `infertune.optimize`, likewise ``search``, ``seed``, ``database`` and ``progress``.
        study: Its name; an existing one is resumed. By default the function's name.

    Raises:
        InvalidInputError: Something that was given cannot be, or the function returned no score.
        BudgetError: The budget is too small for any honest answer.
        EngineError: Most calls fail.
    """
    name = study or name_of(function)
    rows: Sequence[Any] = range(2 * N_REPEATS) if examples is None else examples
    if len(rows) < 4:
        raise InvalidInputError(
            f"there must be at least 4 examples, two to search on and two to confirm, not {len(rows)}"
        )
    ids = [f"{number:0{len(str(len(rows)))}d}" for number in range(len(rows))]
    task = _task(name, ids, rows, seed=0)
    engine = FunctionEngine(function, dict(zip(ids, rows, strict=True)))
    file = AnswerFile(
        path=recipe.default_path(name),
        study=name,
        task=task,
        asked_task=name,
        data=None,
        model=name_of(function),
        engine="function",
        options={},
        seed=seed,
        database=str(database),
    )
    question = Question(
        name=name,
        task=task,
        space=_space(space),
        model=name_of(function),
        engine="function",
        started=engine,
        options={},
        search=search,
        budget=Budget(tokens=budget),
        wanted=Wanted(prefer=prefer, max_cost_tokens=max_cost),
        seed=seed,
        database=str(database),
    )
    view = View() if progress is True else View(Console(quiet=True))
    found = answered(question, file, view, on_progress=progress if callable(progress) else lambda progress: None)
    names = tuple(parameter.name for parameter in question.space.parameters if parameter.name.startswith(ARGUMENT))
    return FunctionResult(answer=replace(found.answer, cost="cost per call", settings=names), file=found.file)


class FunctionResult(Result):
    """The answer of a study of a function: as of a model, in the function's own words."""

    __slots__ = ()

    def best_config(self) -> dict[str, Scalar]:
        """Return the recommended settings, as the function takes them."""
        recommended = self.recommendation.recommended
        return {self.answer.label(name): recommended[name] for name in self.answer.shown(recommended)}


def _space(space: SearchSpace | Mapping[str, Values]) -> SearchSpace:
    """Return a function's space with what every study has: one prompt, one sample, one answer."""
    if isinstance(space, SearchSpace):
        own: Sequence[Parameter] = space.parameters
        constraints = space.constraints
    else:
        texts = [text.partition("=") for text in as_texts(space)]
        own = [notation.new(f"{ARGUMENT}{name}", values, tier="request") for name, _, values in texts]
        constraints = ()
    if not own:
        raise InvalidInputError("the space must name at least one setting")
    for each in own:
        if not each.name.startswith(ARGUMENT) or each.tier != "request":
            raise InvalidInputError(
                f"a function's settings must be called {ARGUMENT}NAME, of the tier request, but {each.name} is not"
            )
    return SearchSpace(
        (
            *own,
            *(
                Parameter(name=name, tier=tier, kind="choice", choices=(value,), default=value)
                for name, (tier, value) in _FIXED.items()
            ),
        ),
        tuple(constraints),
    )


def _task(name: str, ids: Sequence[str], rows: Sequence[Any], *, seed: int) -> Task:
    """Return the examples as a task whose answers are scores."""
    order = np.random.default_rng(seed).permutation(len(ids))
    made = [Example(id=ids[at], fields={"id": ids[at]}, reference=_identity(rows[at])) for at in order]
    n_tune = min(max(2, round(0.6 * len(made))), len(made) - 2)
    template = Template(name=_CALL, kind="plain", text="{id}")
    return Task(
        name=name,
        version=1,
        description="",
        source="",
        licence="",
        tune=tuple(made[:n_tune]),
        confirm=tuple(made[n_tune:]),
        prompts={_CALL: template},
        max_tokens_choices=(MOST_COST,),
        stop=(),
        extractors={"score": lambda text, example=None: text},
        scorer=_ScoreItself(),
        definition=Definition(
            name="function",
            version=1,
            fields={"id": "id"},
            reference="id",
            prompts=(template,),
            max_tokens=MOST_COST,
            extraction=(),
            scorer="exact",
        ),
        ideals={},
        places={},
        left_out=(),
        notes=(),
    )


def _identity(row: Any) -> str:
    """Return what makes an example itself, as far as it can be told: other examples are another study."""
    return repr(row)[:1000]


class _ScoreItself:
    """The scorer of what a function returned."""

    def normal_form(self, answer: str) -> str:
        """Return the answer."""
        return answer

    def ideal(self, reference: str) -> None:
        """Nothing is known of what a function should return."""

    def score(self, answer: str, example: Example) -> float:
        """Return the number that the answer is."""
        return float(answer)
