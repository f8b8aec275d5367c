"""The search for the settings of a server: servers start outside, loads press them inside.

The budget is one of seconds, in which servers start and are pressed. Three fifths of it are the search's: the default
settings first, then the random control and the model in turns, whichever has spent less, so that both have spent the
same when the search ends, but for the trial under way. The control proposes without looking; the model learns from all
trials, the control's too. The rest of the budget is the finals'.
"""

import math
from collections.abc import Callable, Mapping

from infertune.configuration import Configuration
from infertune.engines.vllm.failures import ServerFailure
from infertune.engines.vllm.process import ServerFailed
from infertune.errors import BudgetError
from infertune.load.load import Load
from infertune.serving import finals, proposals
from infertune.serving.capacity import Effort
from infertune.serving.feasibility import Feasibility, Outcome, check
from infertune.serving.figures import Figures, held
from infertune.serving.finals import Finalist
from infertune.serving.found import Found, Progress, short, words
from infertune.serving.goal import FEWEST_REQUESTS, Goal, Measured, measure
from infertune.serving.paid import Account, Hopeless, PaidServer
from infertune.serving.proposals import Scored, Surrogate
from infertune.serving.speed import SpeedModel
from infertune.serving.trial import Arm, Trial
from infertune.space import SearchSpace
from infertune.types import Scalar

SEARCH_SHARE = 0.6
DEFAULT_SHARE = 0.3  # at most, of the first trial, which has everything to find out
SEARCH_EFFORT = Effort(most_bursts=7, tolerance=0.15)
FINAL_EFFORT = Effort(most_bursts=4, tolerance=0.06, step=1.12)
FINAL_LENGTH = 2.0  # times a burst of the search
MOST_FINALISTS = 3
FIRST_RATE = 1.0  # requests per second, where nothing says what a server may be good for
_FIRST_ERROR = 0.3  # of the logarithm of the speed model's guess; a trial begins so much below it
_MOST_FITTED = 40  # bursts are enough for three factors
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
        self._speed = speed
        self._on_progress = on_progress
        self._trials: list[Trial] = []
        self._void: list[str] = []
        self._fitted: dict[int, SpeedModel] = {}  # after so many trials
        self._spent: dict[str, float] = {"default": 0.0, "random": 0.0, "model": 0.0, "finals": 0.0}

    def run(self) -> Found:
        """Spend the budget.

        Raises:
            BudgetError: It does not buy a measurement of the default.
            infertune.serving.feasibility.SearchStopped: The same failure came three times in a row.
        """
        limit = SEARCH_SHARE * self._budget
        self._try("default", self._space.default_configuration(), DEFAULT_SHARE * self._budget)
        first = self._trials[0]
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
            check(
                [
                    trial.outcome if trial.failure else Outcome(configuration=trial.configuration)
                    for trial in self._trials
                ]
            )
        finalists = self._finals()
        return Found(
            goal=self._goal,
            space=self._space,
            trials=self._trials,
            finalists=finalists,
            verdict=finals.verdict(finalists, first.configuration),
            budget=self._budget,
            spent=self._spent,
            bought=self._account.bought,
            void=self._void,
            burst_seconds=self._burst_seconds,
        )

    def _proposed(self, arm: Arm) -> Configuration | None:
        number = len(self._trials)
        if arm == "random":
            tried = [trial.configuration for trial in self._trials]
            return proposals.random_draw(self._space, tried, seed=self._seed, number=number)
        return proposals.next_configuration(
            self._space,
            self._scored(),
            self._outcomes(),
            estimate=self._estimate(),
            seed=self._seed,
            number=number,
        )

    def _try(self, arm: Arm, configuration: Configuration, limit: float) -> None:
        before = self._account.spent - self._account.restarts
        chance = float(Feasibility(self._space, self._outcomes()).chances([configuration])[0]) if self._trials else 1.0
        start, beat = self._guess(configuration), self._to_beat()
        failure: ServerFailure | None = None
        measured: Measured | None = None
        start_seconds = 0.0
        self._say("search", f"trial {len(self._trials)} ({arm}): starting")
        try:
            with self._account.open(configuration, "trial") as server:
                start_seconds = server.start_seconds
                measured = measure(
                    self._goal,
                    self._pressed(server, limit, "search", f"trial {len(self._trials)} ({arm})"),
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
        self._trials.append(
            Trial(
                number=len(self._trials),
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
                        start=self._rate_of(configuration),
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
        ranked = sorted((t for t in self._trials if t.score is not None), key=lambda trial: -(trial.score or 0.0))
        best = [trial.configuration for trial in ranked if trial.number]
        n_bursts = FINAL_EFFORT.most_bursts if self._goal.is_of_capacity else 2
        each = self._start_seconds() + n_bursts * FINAL_LENGTH * self._burst_seconds
        room = int((self._budget - self._account.spent) / (finals.FEWEST_TURNS * each))
        n = min(max(room, 2), MOST_FINALISTS)
        default = [self._trials[0].configuration] if self._trials[0].failure is None else []
        return [*default, *best[: n - len(default)]]

    def _guess(self, configuration: Configuration) -> float:
        """Return a rate that settings may be good for."""
        known = next((trial for trial in self._trials if trial.score is not None), None)
        if known is None or known.measured is None or known.score is None:
            guess = FIRST_RATE
            if self._speed is not None:
                guess = self._speed.capacity(configuration, self._goal.slo) * math.exp(-_FIRST_ERROR)
        else:
            mean, _ = Surrogate(self._space, self._scored(), self._estimate()).expected([configuration])
            guess = known.measured.rate * math.exp(float(mean[0]) - known.score)
        # Smaller rates take longer than a burst should; where one is needed, broken promises will lead to it.
        return max(guess, FEWEST_REQUESTS / (_LONGEST_BURST * self._burst_seconds))

    def _rate_of(self, configuration: Configuration) -> float:
        """Return a rate to begin the finals with: what the search was surer of, as its bursts saw no queue grow."""
        measured = next(trial.measured for trial in self._trials if trial.configuration == configuration)
        if measured is None or measured.score is None:
            return self._guess(configuration)
        return measured.rate * math.exp(measured.low - measured.score)

    def _to_beat(self) -> float | None:
        lows = [trial.measured.low for trial in self._trials if trial.measured is not None and trial.score is not None]
        return max(lows, default=None)

    def _scored(self) -> list[Scored]:
        return [
            Scored(configuration=trial.configuration, score=trial.score, error=trial.measured.error)
            for trial in self._trials
            if trial.measured is not None and trial.score is not None
        ]

    def _outcomes(self) -> list[Outcome]:
        return [trial.outcome for trial in self._trials]

    def _estimate(self) -> proposals.Estimate | None:
        """Return the speed model's estimate of the score, with the factors that all bursts so far show."""
        if self._speed is None:
            return None
        if len(self._trials) not in self._fitted:
            measured = [trial for trial in self._trials if trial.measured is not None]
            told = [(trial.configuration, each) for trial in measured for each in trial.measured.bursts]  # type: ignore[union-attr]
            self._fitted = {len(self._trials): self._speed.fitted(told[-_MOST_FITTED:])}
        speed = self._fitted[len(self._trials)]
        return lambda configuration: math.log(speed.capacity(configuration, self._goal.slo))

    def _start_seconds(self) -> float:
        return max((trial.start_seconds for trial in self._trials), default=0.0)

    def _least_seconds(self) -> float:
        return self._start_seconds() + _FEWEST_BURSTS * self._burst_seconds

    def _say(self, phase: str, doing: str) -> None:
        self._on_progress(
            Progress(phase=phase, doing=doing, trials=self._trials, spent=self._account.spent, budget=self._budget)
        )


def n_devices(settings: Mapping[str, Scalar]) -> int:
    """Return on how many devices a server runs, as far as its settings say."""
    return math.prod(int(settings.get(f"engine.{name}_parallel_size", 1)) for name in ("tensor", "pipeline"))
