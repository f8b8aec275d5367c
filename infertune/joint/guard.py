"""The utility under other engine settings beside that of the default engine, on the same untouched examples."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infertune.bank import SampleBank
from infertune.configuration import Configuration
from infertune.errors import EngineError
from infertune.evaluate import Candidate
from infertune.evaluator import Evaluator
from infertune.noninferiority import NonInferiority, non_inferiority
from infertune.select import on_common_examples
from infertune.space import SearchSpace
from infertune.spending import Spending
from infertune.tasks import Task
from infertune.types import Engine, Example, Request, Response, Unsupported
from infertune.verdict import Verdict, judge


@dataclass(frozen=True, slots=True)
class Gone:
    """An engine that answers no more; what it has answered is in the bank under its facts."""

    facts: Mapping[str, str]

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing is asked of it."""
        return ()

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Fail: whoever asks has forgotten that it is gone."""
        raise EngineError("this engine is closed")

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Compares configurations of engines on the examples of ``confirm``.

    Attributes:
        facts: Of the default engine; seed likewise of its samples.
        decoding: The configuration of the default engine that must not be fallen behind.
        margin: The loss of utility that would be too much.
        confidence: Of each answer.
    """

    task: Task
    space: SearchSpace
    bank: SampleBank
    seed: int
    facts: Mapping[str, str]
    decoding: Configuration
    margin: float
    confidence: float

    @property
    def n_examples(self) -> int:
        """How many examples the default engine has answered, and so how many can be compared."""
        return len(self._examples())

    def buy(self, engine: Engine, decoding: Configuration, *, study: str) -> None:
        """Buy what the bank lacks of another engine's answers to the examples that the default engine has answered.

        Args:
            engine: Running with other settings.
            decoding: Its configuration.
            study: Who pays.
        """
        spending = Spending(study=study, engine=engine, bank=self.bank)
        spending.buy(self._evaluator(spending).requests([decoding], self._examples()))

    def test(self, facts: Mapping[str, str], decoding: Configuration) -> NonInferiority:
        """Compare what the bank holds.

        Raises:
            EngineError: No example was answered by both.
        """
        old = self._answered(self.facts, self.decoding)
        new = self._answered(facts, decoding)
        if old is None or new is None:
            raise EngineError("no example of the confirmation was answered under both engines")
        old, new = on_common_examples([old, new])
        return non_inferiority(new.scores, old.scores, margin=self.margin, confidence=self.confidence)

    def verdict(self, facts: Mapping[str, str], decoding: Configuration, default: Configuration) -> Verdict:
        """Return what the confirmation says of it beside the default decoding under the default engine.

        Raises:
            EngineError: No example was answered by both.
        """
        old = self._answered(self.facts, default)
        new = self._answered(facts, decoding)
        if old is None or new is None:
            raise EngineError("no example of the confirmation was answered under both engines")
        old, new = on_common_examples([old, new])
        return judge(new, old)

    def _examples(self) -> list[Example]:
        answered = self._answered(self.facts, self.decoding)
        ids = set(answered.example_ids) if answered is not None else set()
        return [example for example in self.task.confirm if example.id in ids]

    def _answered(self, facts: Mapping[str, str], decoding: Configuration) -> Candidate | None:
        spending = Spending(study="", engine=Gone(facts), bank=self.bank)
        return self._evaluator(spending).evaluate_complete(decoding, self.task.confirm)

    def _evaluator(self, spending: Spending) -> Evaluator:
        return Evaluator(task=self.task, space=self.space, spending=spending, seed=self.seed)
