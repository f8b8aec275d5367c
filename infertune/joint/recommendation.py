"""What a joint search says: the settings of both sides, how much faster they are, and how the utility was guarded."""

from collections.abc import Mapping
from dataclasses import dataclass

from infertune.joint.engine_trials import Start
from infertune.joint.finals import Corner
from infertune.joint.gain import Gain
from infertune.joint.verdict import EngineVerdict, Guarded
from infertune.selection.recommendation import Recommendation
from infertune.selection.verdict import Verdict
from infertune.types import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a joint search has spent.

    Attributes:
        study_tokens: On the decoding under the default engine.
        guard_tokens: On engines that shape text.
        share: Of the budget, that both together used.
        burst_tokens: On speed, and on looks at servers that are not the default one, beside the budget; in
            ``n_burst_requests`` requests.
    """

    study_tokens: int
    guard_tokens: int
    share: float
    burst_tokens: int
    n_burst_requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JointRecommendation:
    """The answer.

    Attributes:
        study: The search of decoding under the default engine.
        starts: Of the search, in their order; the first is the default engine's.
        guards: In the order of their being asked.
        default_engine: Settings; ``engine`` are the recommended ones.
        decoding: The configuration of decoding that is recommended with them.
        engine_verdict: What is said of the engine's settings.
        verdict: What ``confirm`` says of the recommended engine and decoding beside both defaults.
        timed: Settings of the engine in the finals beside the default one; None for none.
        timed_gain: Of that, each with its recommended decoding.
        seconds: Of the machine for each request, mean over the turns of the finals, by corner; may be empty.
        whole_gain: Of what is recommended over both defaults; None where it is both defaults, or nothing was timed.
        n_confirm: The examples of the task's ``confirm``.
        paid: What it took.
        notes: What the user should know.
    """

    study: Recommendation
    starts: tuple[Start, ...]
    guards: tuple[Guarded, ...]
    default_engine: Configuration
    engine: Configuration
    decoding: Configuration
    engine_verdict: EngineVerdict
    verdict: Verdict
    timed: Configuration | None
    timed_gain: Gain | None
    seconds: Mapping[Corner, float]
    whole_gain: Gain | None
    n_confirm: int
    paid: Paid
    notes: tuple[str, ...]

    @property
    def guarded(self) -> Guarded | None:
        """What the guard said of the recommended engine; None where it shapes no text and its utility is equal."""
        return next((each for each in self.guards if each.engine == self.engine), None)

    @property
    def turns_to_decide(self) -> int | None:
        """About how many turns in all would decide whether the engine that was seen is faster.

        None where that is not what is undecided, or no practical number would.
        """
        said = self.engine_verdict
        if said.why != "speed" or said.gain is None or said.gain.turns_to_decide is None:
            return None
        return said.gain.n_turns + said.gain.turns_to_decide

    @property
    def undecided_guard(self) -> Guarded | None:
        """The guard that leaves the engine undecided; None where none does."""
        said = self.engine_verdict
        return next((each for each in self.guards if said.why == "utility" and each.engine == said.seen), None)

    @property
    def budget_to_decide(self) -> float | None:
        """Times this budget that would about decide a guard; None where none is undecided, or no budget would.

        Examples of ``confirm`` are bought as the budget goes, and more than the task has are in no budget.
        """
        if self.undecided_guard is None:
            return None
        n, more = self.undecided_guard.test.difference.n, self.undecided_guard.test.examples_to_decide
        return None if more is None or n + more > self.n_confirm else (n + more) / n
