"""The search for the settings of a server: servers start outside, loads press them inside.

The budget is one of seconds, in which servers start and are pressed. Three fifths of it are the search's: the default
settings first, then the random control and the model in turns, whichever has spent less, so that both have spent the
same when the search ends, but for the trial under way. The control proposes without looking; the model learns from all
trials, the control's too. The rest of the budget is the finals'.
"""

import math
from collections.abc import Callable

from infertune.configuration import Configuration
from infertune.engines.vllm.failures import ServerFailure
from infertune.engines.vllm.process import ServerFailed
from infertune.errors import BudgetError
from infertune.load.load import Load
from infertune.serving.measure.capacity import Effort
from infertune.serving.measure.figures import Figures, held
from infertune.serving.measure.goal import Goal, n_devices
from infertune.serving.measure.paid import Account, Hopeless, PaidServer
from infertune.serving.measure.worth import FEWEST_REQUESTS, Measured, measure
from infertune.serving.search import finals, proposals
from infertune.serving.search.feasibility import Outcome, check
from infertune.serving.search.finals import Finalist
from infertune.serving.search.found import Found, Progress, short, words
from infertune.serving.search.known import Known
from infertune.serving.search.speed import SpeedModel
from infertune.serving.search.trial import Arm, Trial
from infertune.space import SearchSpace

SEARCH_SHARE = 0.6
DEFAULT_SHARE = 0.3  # at most, of the first trial, which has everything to find out
SEARCH_EFFORT = Effort(most_bursts=7, tolerance=0.15)
FINAL_EFFORT = Effort(most_bursts=4, tolerance=0.06, step=1.12)
FINAL_LENGTH = 2.0  # times a burst of the search
MOST_FINALISTS = 3
_LONGEST_BURST = 2.0  # times what a burst should take, of a server's first
_SECOND_SEED = 1000  # further than any load is tried
_FEWEST_BURSTS = 2  # that a trial must have room for


class Search:
    """One search.

    Args:
        account: Opens servers, and knows what was spent.
        space: Of the engine's settings.
        goal: What is sought.
        budget: Seconds, above 0.
        burst_seconds: That a burst of the search lasts.
        seed: Of proposals, arrivals and draws.
        speed: An estimate to begin with; None for none.
        on_progress: Called before every burst.
    """

    def __init__(
        self,
        account: Account,
        space: SearchSpace,
        goal: Goal,
        *,
        budget: float,
        burst_seconds: float,
        seed: int = 0,
        speed: SpeedModel | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._account = account
        self._space = space
        self._goal = goal
        self._budget = budget
        self._burst_seconds = burst_seconds
        self._seed = seed
        self._known = Known(space, goal, speed, least_rate=FEWEST_REQUESTS / (_LONGEST_BURST * burst_seconds))
        self._on_progress = on_progress
        self._void: list[str] = []
        self._spent: dict[str, float] = {"default": 0.0, "random": 0.0, "model": 0.0, "finals": 0.0}

    def run(self) -> Found:
        """Spend the budget.

        Raises:
            BudgetError: It does not buy a measurement of the default.
            infertune.serving.search.feasibility.SearchStopped: The same failure came three times in a row.
        """
        limit = SEARCH_SHARE * self._budget
        self._try("default", self._space.default_configuration(), DEFAULT_SHARE * self._budget)
        first = self._known.trials[0]
        if first.failure is None and (first.measured is None or not first.measured.bursts):
            least = (first.start_seconds + _LONGEST_BURST * self._burst_seconds) / DEFAULT_SHARE
            raise BudgetError(
                f"{DEFAULT_SHARE:.0%} of the budget must buy the start of a server, which took "
                f"{first.start_seconds:.0f} s, and a burst: give --budget-seconds {math.ceil(least)} or more"
            )
        while self._account.spent + self._least_seconds() <= limit:
            arms: tuple[Arm, ...] = ("random", "model")
            proposed = None
            for arm in sorted(arms, key=lambda arm: self._spent[arm]):
                proposed = self._proposed(arm)
                if proposed is not None:
                    self._try(arm, proposed, limit)
                    break
            if proposed is None:
                break
            trials = self._known.trials
            check([trial.outcome if trial.failure else Outcome(configuration=trial.configuration) for trial in trials])
        finalists = self._finals()
        return Found(
            goal=self._goal,
            space=self._space,
            trials=self._known.trials,
            finalists=finalists,
            verdict=finals.verdict(finalists, first.configuration),
            budget=self._budget,
            spent=self._spent,
            bought=self._account.bought,
            void=self._void,
            burst_seconds=self._burst_seconds,
        )

    def _proposed(self, arm: Arm) -> Configuration | None:
        number = len(self._known.trials)
        if arm == "random":
            tried = [trial.configuration for trial in self._known.trials]
            return proposals.random_draw(self._space, tried, seed=self._seed, number=number)
        return proposals.next_configuration(
            self._space,
            self._known.scored,
            self._known.outcomes,
            estimate=self._known.estimate(),
            seed=self._seed,
            number=number,
        )

    def _try(self, arm: Arm, configuration: Configuration, limit: float) -> None:
        before = self._account.spent - self._account.restarts
        chance = self._known.chance(configuration)
        start, beat = self._known.guess(configuration), self._known.to_beat
        failure: ServerFailure | None = None
        measured: Measured | None = None
        start_seconds = 0.0
        self._say("search", f"trial {len(self._known.trials)} ({arm}): starting")
        try:
            with self._account.open(configuration, "trial") as server:
                start_seconds = server.start_seconds
                measured = measure(
                    self._goal,
                    self._pressed(server, limit, "search", f"trial {len(self._known.trials)} ({arm})"),
                    seconds=self._burst_seconds,
                    effort=SEARCH_EFFORT,
                    start=start,
                    n_devices=n_devices(configuration),
                    beat=beat,
                    seed=self._seed,
                )
        except ServerFailed as error:
            failure = error.failure
        seconds = self._account.spent - self._account.restarts - before
        self._spent[arm] += seconds
        self._known.trials.append(
            Trial(
                number=len(self._known.trials),
                arm=arm,
                configuration=configuration,
                measured=measured,
                failure=failure,
                seconds=seconds,
                start_seconds=start_seconds,
                chance=chance,
            )
        )

    def _pressed(
        self, server: PaidServer, limit: float, phase: str, what: str
    ) -> Callable[[Load, int, int, Hopeless | None], Figures | None]:
        """Return what presses a server while the budget lasts; the same seeds for every server."""

        def press(load: Load, n_requests: int, turn: int, hopeless: Hopeless | None) -> Figures | None:
            # A burst lasts as long as its requests take to come; of one sent all at once that is not known before.
            lasts = n_requests / load.rate if load.rate is not None else self._burst_seconds
            if self._account.spent + lasts > limit:
                return None
            self._say(phase, f"{what}: {words(load)}, {n_requests} requests")
            found = server.press(load, n_requests=n_requests, seed=self._seed + turn, hopeless=hopeless)
            if found.void and not held(found) and self._account.spent + lasts <= limit:
                # A late generator makes latencies longer, so what was held was held; what was broken is asked again.
                self._void.append(found.void)
                again = self._seed + turn + _SECOND_SEED
                found = server.press(load, n_requests=n_requests, seed=again, hopeless=hopeless)
            if found.void:
                self._void.append(found.void)
            return found

        return press

    def _finals(self) -> list[Finalist]:
        configurations = self._finalists()
        before = self._account.spent
        costs: list[float] = []

        def one(configuration: Configuration, turn: int) -> Measured | ServerFailure | None:
            begun = self._account.spent
            what = f"turn {turn + 1}: {short(configuration, self._space)}"
            self._say("finals", f"{what}: starting")
            try:
                with self._account.open(configuration, f"turn {turn}") as server:
                    found = measure(
                        self._goal,
                        self._pressed(server, self._budget, "finals", what),
                        seconds=FINAL_LENGTH * self._burst_seconds,
                        effort=FINAL_EFFORT,
                        start=self._known.rate_of(configuration),
                        n_devices=n_devices(configuration),
                        seed=self._seed + turn + 1,
                    )
            except ServerFailed as error:
                return error.failure
            finally:
                costs.append(self._account.spent - begun)
            return found if found.bursts and found.end != "no budget" else None

        finalists = finals.in_turns(
            configurations,
            one,
            has_room=lambda n: self._account.spent + n * sum(costs) / len(costs) <= self._budget,
        )
        self._spent["finals"] = self._account.spent - before
        return finalists

    def _finalists(self) -> list[Configuration]:
        """Return the best few and the default; as few as leave room for two turns, but two at least."""
        best = [trial.configuration for trial in self._known.ranked if trial.number]
        n_bursts = FINAL_EFFORT.most_bursts if self._goal.is_of_capacity else 2
        each = self._known.start_seconds + n_bursts * FINAL_LENGTH * self._burst_seconds
        room = int((self._budget - self._account.spent) / (finals.FEWEST_TURNS * each))
        n = min(max(room, 2), MOST_FINALISTS)
        default = [self._known.trials[0].configuration] if self._known.trials[0].failure is None else []
        return [*default, *best[: n - len(default)]]

    def _least_seconds(self) -> float:
        return self._known.start_seconds + _FEWEST_BURSTS * self._burst_seconds

    def _say(self, phase: str, doing: str) -> None:
        self._on_progress(
            Progress(
                phase=phase, doing=doing, trials=self._known.trials, spent=self._account.spent, budget=self._budget
            )
        )
