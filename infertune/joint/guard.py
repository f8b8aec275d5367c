"""The guard: an engine that shapes text is taken only where its utility is shown to be within a margin.

Its decoding is searched under it, beginning with the one that is recommended under the default engine. Then both
engines, each with its own decoding, are compared on the examples of ``confirm`` by a test of non-inferiority.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infertune.budget import Budget
from infertune.errors import BudgetError, EngineError
from infertune.joint.context import EngineSide, JointContext
from infertune.joint.engine_trials import Start
from infertune.joint.pair import Pair
from infertune.joint.stages import Stages
from infertune.joint.verdict import Guarded
from infertune.selection.verdict import Verdict, judge
from infertune.space import SearchSpace
from infertune.space.names import settings_in_words
from infertune.statistics.noninferiority import non_inferiority
from infertune.study.decisions import decided
from infertune.types import Configuration

MAX_GUARDED = 2  # engines with samples of their own that are worth a search of their own
GUARDED_SHARE = 0.2  # of the budget, for each of them
LEAST_SHARE = 0.01  # of the budget, below which nothing more is begun
ERROR = 0.05  # of all guards together


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking.

    Attributes:
        guards: One for each engine that was judged, in their order.
        unjudged: Those that could not be; ``notes`` tell why.
    """

    guards: tuple[Guarded, ...]
    unjudged: tuple[Configuration, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> Guarded | None:
        """The one that may be taken."""
        return next((each for each in self.guards if each.test.answer == "not worse"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Asks engines for their utility.

    Attributes:
        given: The joint search.
        old: The default engine with the decoding that is recommended there.
        margin: The loss of utility that would be too much.
    """

    given: JointContext
    old: EngineSide
    margin: float

    def ask(self, starts: Sequence[Start]) -> Asked:
        """Ask engines, the fastest first, until one is not worse.

        Args:
            starts: At most MAX_GUARDED. The last may use all that is left of the budget.
        """
        guards: list[Guarded] = []
        unjudged: list[Configuration] = []
        notes: list[str] = []
        for number, start in enumerate(starts, 1):
            share = 1.0 if number == len(starts) else GUARDED_SHARE
            try:
                guards.append(self._judged(start, share, confidence=1 - ERROR / len(starts), say=notes.append))
            except (EngineError, BudgetError) as error:  # it lived through a burst, and not through a study
                notes.append(f"the utility of {settings_in_words(start.engine)} could not be judged: {error}")
                unjudged.append(start.engine)
                continue
            if guards[-1].test.answer == "not worse":
                break
        return Asked(guards=tuple(guards), unjudged=tuple(unjudged), notes=tuple(notes))

    def beside_defaults(self, start: Start, passed: Guarded, default: Configuration) -> Verdict:
        """Compare what is taken with both defaults, on all that is left of the budget."""
        pair = self._pair(start, passed.decoding, replace(self.old, decoding=default))
        share = 1.0 - self.given.used(self.given.name, *self.given.guards())
        new, old = pair.compared(pair.buy("both defaults", share))
        return replace(judge(new, old), recommends_default=False)

    def _judged(self, start: Start, share: float, *, confidence: float, say: Callable[[str], None]) -> Guarded:
        given = self.given
        study = self._name(start)
        given.add_guard(study)

        def room(known: Mapping[str, Any] | None) -> dict[str, Any]:
            left = max(1.0 - given.used(given.name, *given.guards()), 0.0)
            return {
                "until": given.used(study) + min(share, left),
                "is_asked": left >= LEAST_SHARE or known is not None,
            }

        noted = decided(given.log, f"room of {study}", given.budget, {}, room)
        if not noted["is_asked"]:
            raise BudgetError("nothing is left of the budget")

        def search(budget: Budget) -> Configuration:
            space = _beginning_at(given.space, self.old.decoding)
            try:
                return given.study(study, given.engine(_side(start, self.old.decoding)), space, budget).recommended
            except BudgetError as error:
                say(
                    f"under {settings_in_words(start.engine)} decoding was not searched, but is the default engine's: "
                    f"{error}"
                )
                return self.old.decoding

        until = noted["until"]
        reserve = self._pair(start, self.old.decoding, self.old).share_to_compare()
        share_to_search = max(until - given.used(study) - reserve, (until - given.used(study)) / 2)
        best = Stages(given.log, study, given.budget, search).go_on(given.used(study) + share_to_search)
        pair = self._pair(start, best, self.old)
        parts = pair.buy("the guard", until - given.used(study))
        if not parts:
            raise BudgetError("the budget has no room for a confirm example")
        new, old = pair.compared(parts)
        test = non_inferiority(new.scores, old.scores, margin=self.margin, confidence=confidence)
        return Guarded(engine=start.engine, decoding=best, test=test)

    def _pair(self, start: Start, decoding: Configuration, old: EngineSide) -> Pair:
        return Pair(given=self.given, study=self._name(start), new=_side(start, decoding), old=old)

    def _name(self, start: Start) -> str:
        return f"{self.given.name}/{start.engine.digest}/{self.old.decoding.digest}"


def _side(start: Start, decoding: Configuration) -> EngineSide:
    return EngineSide(engine=start.engine, facts=start.facts, decoding=decoding)


def _beginning_at(space: SearchSpace, configuration: Configuration) -> SearchSpace:
    """Return the space with this configuration for its default, so that a study begins at it and compares with it."""
    return space.replaced(
        [
            replace(parameter, default=configuration[parameter.name])
            for parameter in space.parameters
            if parameter.name in configuration
        ]
    )
