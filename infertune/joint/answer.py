"""What a joint search says: the settings of both sides, how much faster they are, and how the utility was guarded."""

from collections.abc import Mapping
from dataclasses import dataclass

from infertune.configuration import Configuration
from infertune.joint.speed import Gain
from infertune.noninferiority import NonInferiority
from infertune.recommendation import Recommendation
from infertune.spent import Spent
from infertune.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of the engine with some settings, and the burst that it took.

    Attributes:
        engine: The settings.
        seconds: Of the machine for each request; None where it failed.
        tokens_per_second: Likewise.
        shapes_text: Whether its facts are others than the default engine's, so that it has samples of its own.
        facts: As the engine gave them; empty where it did not start.
        failure: Why it failed, else empty.
    """

    engine: Configuration
    seconds: float | None = None
    tokens_per_second: float | None = None
    shapes_text: bool = False
    facts: Mapping[str, str]
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """One engine that shapes text, and what the guard said of it.

    Attributes:
        decoding: The configuration that was recommended under it.
        test: Of that, against the default engine with the decoding that was recommended there.
        verdict: Of that, beside both defaults.
    """

    engine: Configuration
    decoding: Configuration
    test: NonInferiority
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class JointRecommendation:
    """The answer.

    Attributes:
        study: The search of decoding under the default engine.
        starts: Of the search, in their order; the first is the default engine's.
        guards: In the order of their being asked.
        default_engine: Settings; `engine` are the recommended ones.
        decoding: The recommended configuration of decoding.
        seconds: Machine seconds for each request, mean over the turns of the finals, by (engine, decoding), each
            ``default`` or ``recommended``; decoding recommended beside the default engine is that of `study`.
        engine_gain: Of the recommended engine over the default one, both with their recommended decoding; None where
            they are one.
        whole_gain: Of both recommended sides over both defaults.
        kept: Why the default engine was kept, where another was measured to be faster.
        speed_spent: What the bursts took; no part of the study's budget.
        notes: What the user should know.
    """

    study: Recommendation
    starts: tuple[Start, ...]
    guards: tuple[Guarded, ...]
    default_engine: Configuration
    engine: Configuration
    decoding: Configuration
    seconds: Mapping[tuple[str, str], float]
    engine_gain: Gain | None
    whole_gain: Gain
    kept: str
    speed_spent: Spent
    notes: tuple[str, ...]

    @property
    def guarded(self) -> Guarded | None:
        """What the guard said of the recommended engine; None where it shapes no text and its utility is equal."""
        return next((each for each in self.guards if each.engine == self.engine), None)

    @property
    def verdict(self) -> Verdict:
        """The recommended engine and decoding beside both defaults, on examples that no search has seen."""
        return self.guarded.verdict if self.guarded is not None else self.study.verdict
