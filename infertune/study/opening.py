"""What a study was begun with, kept with its log, so that it is read again by its name alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from infertune.budget import Prices
from infertune.space import Parameter, SearchSpace
from infertune.space.condition import Constraint
from infertune.study.trial_log import TrialLog
from infertune.types import Scalar

_KEY = "opening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a study was begun with.

    Attributes:
        task: Its key in the task store.
        asked_task: The task as it was named: a name, or a path from the folder where the study ran.
        data: The file that was given in place of the task's own data, if one was.
        options: Of the engine, as given.
        facts: Of the engine that answers.
        samples_per_prompt: As in `infertune.strategies.prompt_bill.n_prompts`.
        parameters: Of the space, without what the engine does not honour; ``constraints`` likewise.
    """

    task: str
    asked_task: str
    data: str | None
    model: str
    engine: str
    options: Mapping[str, Scalar]
    facts: Mapping[str, str]
    samples_per_prompt: int | None
    search: str
    seed: int
    prices: Prices | None
    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...]

    @property
    def space(self) -> SearchSpace:
        """What is searched."""
        return SearchSpace(self.parameters, self.constraints)


def keep(log: TrialLog, opening: Opening) -> None:
    """Keep it, in place of what an earlier run of the study was begun with."""
    log.note(_KEY, msgspec.to_builtins(opening))


def kept(log: TrialLog) -> Opening | None:
    """Return what was kept; None of a study of another infertune."""
    try:
        return msgspec.convert(log.noted(_KEY), Opening)
    except msgspec.ValidationError:
        return None
