"""One study as its database holds it: task, space, trials, samples and, where it is finished, its answer.

Nothing is generated and nothing is bought: what is not in the bank is not known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal

from infertune.archive import names
from infertune.bank import SampleBank
from infertune.bank.usage import Usage
from infertune.errors import DataUnavailableError, EngineError
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.parts import Part
from infertune.evaluation.scoring import CachedScorer
from infertune.selection.recommendation import Recommendation
from infertune.study import confirmation, finished, opening, task_store
from infertune.study.finished import Finished
from infertune.study.logged_trial import LoggedTrial
from infertune.study.opening import Opening
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.types import Request, Response, Unsupported

Split = Literal["tune", "confirm"]


class StoredStudy:
    """Opens a study; close it, or use it in a ``with`` statement.

    Args:
        name: Of the study; None for the only one of the database.
        database: SQLite file or PostgreSQL URL.

    Attributes:
        name: Of the study.
        database: As given.

    Raises:
        InvalidInputError: There is no such database, or no such study in it.
        DataUnavailableError: It is damaged, or of an earlier infertune that kept less.
    """

    def __init__(self, name: str | None, database: str | Path) -> None:
        with names.opened(database) as engine:
            self.name = names.the_one(engine, name)
        self.database = str(database)
        self._bank = SampleBank(database)
        self._log = TrialLog(self._bank.url, self.name)

    @cached_property
    def opening(self) -> Opening:
        """What it was begun with.

        Raises:
            DataUnavailableError: An earlier infertune began it, or a joint search did.
        """
        found = opening.kept(self._log)
        if found is None:
            raise DataUnavailableError(
                f"study '{self.name}' in {self.database} was begun by an earlier infertune, which kept less, or by a "
                "joint search: the command that began it shows its answer again"
            )
        return found

    @cached_property
    def task(self) -> Task:
        """Its task, with every example, as it was."""
        return task_store.kept(self._bank.url, self.opening.task)

    @cached_property
    def finished(self) -> Finished:
        """What came of it.

        Raises:
            DataUnavailableError: It has not come to its end.
        """
        found = finished.last(self._log)
        if found is None:
            raise DataUnavailableError(
                f"study '{self.name}' in {self.database} has no answer yet: the command that began it resumes it, and "
                f"`infertune trials` shows what was tried"
            )
        return found

    @property
    def is_finished(self) -> bool:
        """Whether it has an answer."""
        return finished.last(self._log) is not None

    @property
    def recommendation(self) -> Recommendation:
        """Its answer."""
        return self.finished.recommendation

    @property
    def confirmed(self) -> tuple[Part, ...]:
        """What its confirmation holds."""
        return confirmation.held(self._log)

    @cached_property
    def trials(self) -> Sequence[LoggedTrial]:
        """What was tried, in its order."""
        return self._log.trials()

    def spent_by_prompt(self) -> Iterator[tuple[str, str, Usage]]:
        """Yield what it has paid for each example under each prompt: the example's id, the prompt's digest, a sum."""
        return self._bank.spent_by_prompt(self.name)

    @property
    def spent(self) -> Usage:
        """What it has paid so far for answers."""
        return self._bank.spent(self.name)

    def evaluator(self, split: Split) -> Evaluator:
        """Return what evaluates any configuration on what the bank holds of it."""
        account = Account(study=self.name, engine=_Bought(self.opening), bank=self._bank, budget=None)
        return Evaluator(
            scorer=self._scorer,
            examples=self.task.tune if split == "tune" else self.task.confirm,
            space=self.opening.space,
            account=account,
            seed=self.opening.seed,
        )

    def close(self) -> None:
        """Close the database; it may be called twice."""
        self._bank.close()

    def __enter__(self) -> "StoredStudy":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _scorer(self) -> CachedScorer:
        return CachedScorer(self.task)


class _Bought:
    """Stands for the engine of a study that is over: it has its facts, and answers nothing."""

    batch_size = None

    def __init__(self, known: Opening) -> None:
        self.facts: Mapping[str, str] = known.facts
        self.samples_per_prompt = known.samples_per_prompt
        self.unsupported: Sequence[Unsupported] = ()

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Raise EngineError."""
        raise EngineError("a study that is read again buys nothing")

    def close(self) -> None:
        """Do nothing: there is nothing to free."""
