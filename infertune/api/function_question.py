"""What is asked of a study of a Python function: its space, its examples as a task, and their scores as they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from infertune.api.decoding import Question
from infertune.api.task_space import Values, as_texts
from infertune.budget import Budget
from infertune.errors import InvalidInputError
from infertune.recipes import recipe
from infertune.recipes.answer_file import AnswerFile
from infertune.selection.select import Wanted
from infertune.space import Parameter, SearchSpace, Tier, notation
from infertune.space.names import ARGUMENT, MAX_TOKENS, PROMPT, VOTER, N
from infertune.study.search_names import check_tolerance
from infertune.tasks import Task
from infertune.tasks.calls import CALL, MOST_COST, calls_task
from infertune.types import Engine, Example, Scalar

N_REPEATS = 64  # of a function that takes no example, in each split
_FIXED: Mapping[str, tuple[Tier, Scalar]] = {  # what every study has
    PROMPT: ("request", CALL),
    MAX_TOKENS: ("replay", MOST_COST),
    N: ("replay", 1),
    VOTER: ("replay", "first"),
}


def by_id(examples: Sequence[Any] | None) -> dict[str, Any]:
    """Return the examples under ids of their places; without any, repetitions.

    Raises:
        InvalidInputError: There are too few.
    """
    rows: Sequence[Any] = range(2 * N_REPEATS) if examples is None else examples
    if len(rows) < 4:
        raise InvalidInputError(
            f"there must be at least 4 examples, two to search on and two to confirm, not {len(rows)}"
        )
    width = len(str(len(rows)))
    return {f"{number:0{width}d}": row for number, row in enumerate(rows)}


def function_question(
    engine: Engine,
    space: SearchSpace | Mapping[str, Values],
    examples: Mapping[str, Any],
    *,
    study: str,
    model: str,
    budget: int,
    tolerance: float | None,
    max_cost: float | None,
    prefer: Literal["utility", "balanced", "cost"],
    search: str,
    seed: int,
    database: str | Path,
) -> tuple[Question, AnswerFile]:
    """Return a question about settings that an engine of calls is asked with, and its answer file.

    Args:
        engine: Makes the calls.
        space: Values by name.
        examples: By id.
        study: Its name.
        model: What the calls are of.
        budget: As of `infertune.maximize`, likewise all that follows.
    """
    check_tolerance(search, limits := Budget(tokens=budget, tolerance=tolerance))
    task = _task(study, list(examples), list(examples.values()), seed=0)
    file = AnswerFile(
        path=recipe.default_path(study),
        study=study,
        task=task,
        asked_task=study,
        data=None,
        model=model,
        engine="function",
        options={},
        seed=seed,
        database=str(database),
    )
    question = Question(
        name=study,
        task=task,
        space=_space(space),
        model=model,
        engine="function",
        started=engine,
        options={},
        search=search,
        budget=limits,
        wanted=Wanted(prefer=prefer, max_cost_tokens=max_cost),
        seed=seed,
        database=str(database),
    )
    return question, file


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
    """Return the examples, in an order that is random but fixed, as a task whose answers are scores."""
    order = np.random.default_rng(seed).permutation(len(ids))
    made = [Example(id=ids[at], fields={"id": ids[at]}, reference=_identity(rows[at])) for at in order]
    n_tune = min(max(2, round(0.6 * len(made))), len(made) - 2)
    return calls_task(name, tune=tuple(made[:n_tune]), confirm=tuple(made[n_tune:]))


def _identity(row: Any) -> str:
    """Return what makes an example itself, as far as it can be told: other examples are another study."""
    return repr(row)[:1000]
