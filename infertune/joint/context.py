"""What all parts of a joint search share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from infertune.allocators import Allocator
from infertune.bank import SampleBank
from infertune.bank.notes import once
from infertune.bank.usage import Usage
from infertune.budget import Budget
from infertune.joint.running import OnDemand, Slot
from infertune.selection.recommendation import Recommendation
from infertune.selection.select import Wanted
from infertune.space import SearchSpace
from infertune.study import Study
from infertune.study.look import Look
from infertune.study.progress import Progress
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.types import Configuration, Engine

GUARDS = "guards"  # in the log: the names of their studies


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSide:
    """An engine with a decoding.

    Attributes:
        engine: Its settings; ``facts`` those that it has with them.
        decoding: A complete configuration of decoding.
    """

    engine: Configuration
    facts: Mapping[str, str]
    decoding: Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class JointContext:
    """The circumstances of one joint search.

    Attributes:
        name: Of the study under the default engine; those of guards are called ``NAME/...``.
        space: Of decoding.
        slot: In which all engines run.
        search: Gives each study its way to search.
        log_of: Gives each study its log, in the bank's database.
        budget: Of all studies together; shares are of it.
        on_progress: Called as `Study` calls it.
    """

    name: str
    task: Task
    space: SearchSpace
    slot: Slot
    search: Callable[[], Allocator]
    bank: SampleBank
    log_of: Callable[[str], TrialLog]
    budget: Budget
    seed: int
    wanted: Wanted
    on_progress: Callable[[Progress], None]

    @property
    def log(self) -> TrialLog:
        """What is noted of the joint search itself."""
        return self.log_of(joint_name(self.name))

    def engine(self, side: EngineSide) -> Engine:
        """Return the engine of a side, which starts when it is asked for what the bank lacks."""
        return OnDemand(self.slot, side.engine, side.facts)

    def study(self, name: str, engine: Engine, space: SearchSpace, budget: Budget) -> Recommendation:
        """Run a study of the decoding under one engine."""
        return Study(
            name=name,
            task=self.task,
            space=space,
            engine=engine,
            search=self.search(),
            bank=self.bank,
            log=self.log_of(name),
            budget=budget,
            seed=self.seed,
            wanted=self.wanted,
            on_progress=self.on_progress,
        ).run()

    def seconds(self, study: str) -> float:
        """Return how long a study has been generating."""
        return float(self.log_of(study).noted("seconds") or 0.0)

    def spent(self, study: str) -> Usage:
        """Return what a study has spent, with its look at a server."""
        return self.bank.spent(study).with_extra(*Look(self.log_of(study)).cost)

    def used(self, *studies: str) -> float:
        """Return the share of the budget that some studies have used."""
        spent = [(self.spent(name), self.seconds(name)) for name in studies]
        return self.budget.share_used(
            prompt_tokens=sum(each.all_prompt_tokens for each, _ in spent),
            completion_tokens=sum(each.all_completion_tokens for each, _ in spent),
            seconds=sum(seconds for _, seconds in spent),
        )

    def share_of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the share of the budget that some tokens would take; of seconds, as many as the study's took."""
        pace = self.seconds(self.name) / max(self.spent(self.name).tokens, 1)
        return self.budget.share_used(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            seconds=pace * (prompt_tokens + completion_tokens),
        )

    def guards(self) -> Sequence[str]:
        """Return the names of all studies of guards, those of earlier budgets among them."""
        return list(self.log.noted(GUARDS) or [])

    def add_guard(self, study: str) -> None:
        """Note the name of a study of a guard before it begins."""
        once(self.log, GUARDS, lambda known: [*(known or []), study], holds=lambda known: study in known)


def journals(name: str, default: Configuration, log_of: Callable[[str], TrialLog]) -> Callable[[Configuration], Look]:
    """Return where the looks at an engine's server are kept: the study of this name pays for the default one's."""
    own, others = Look(log_of(name)), Look(log_of(joint_name(name)))
    return lambda settings: own if settings == default else others


def joint_name(study: str) -> str:
    """Return the name under which the log keeps what is joint about a study."""
    return f"{study}/joint"
