"""The search for the settings of a server: servers start outside, loads press them inside.

The default settings come first. Then the random control and the model take turns, whichever has spent less, so that
both have spent the same when the search ends, but for the trial under way. The control proposes without looking; the
model learns from all trials, the control's too. What was seen best meets the default in the finals; when these have
nothing left to decide and there is time, the search goes on. How the budget is divided is said in
`infertune.serving.search.split`, who meets whom in `infertune.serving.search.finals`.
"""

import math
from collections.abc import Callable

from infertune.errors import BudgetError, InvalidInputError
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.goal import Goal
from infertune.serving.measure.score import FEWEST_REQUESTS
from infertune.serving.search import proposals
from infertune.serving.search.comparison import FEWEST_TURNS
from infertune.serving.search.feasibility import TrialOutcome, check
from infertune.serving.search.history import FINAL_EFFORT, History
from infertune.serving.search.known import Known
from infertune.serving.search.result import ServingProgress, ServingSearchResult
from infertune.serving.search.roofline import SpeedModel
from infertune.serving.search.split import DEFAULT_SHARE, FINAL_BURSTS, FINAL_LENGTH, Split
from infertune.serving.search.steps import ARMS, Arm, Server, Step, noted_step
from infertune.serving.search.verdict import verdict
from infertune.space import SearchSpace
from infertune.types import Configuration

_LONGEST_BURST = 2.0  # times what a burst should take, of a server's first


class ServingSearch:
    """One search.

    Args:
        account: Opens servers, and knows what was spent.
        log: Of the study; the account's own.
        space: Of the engine's settings.
        goal: What is sought.
        budget: Seconds, above 0.
        burst_seconds: That a burst of the search lasts.
        seed: Of proposals, arrivals and draws.
        speed: An estimate to begin with; None for none.
        on_progress: Called before every start and burst.
    """

    def __init__(
        self,
        account: LoadAccount,
        log: EventLog,
        space: SearchSpace,
        goal: Goal,
        *,
        budget: float,
        burst_seconds: float,
        seed: int = 0,
        speed: SpeedModel | None = None,
        on_progress: Callable[[ServingProgress], None] = lambda _: None,
    ) -> None:
        if space.n_configurations < 2:
            raise InvalidInputError("there must be settings to choose between, such as `settings` max_num_seqs=16,64")
        self._account = account
        self._log = log
        self._space = space
        self._goal = goal
        self._budget = budget
        self._burst_seconds = burst_seconds
        self._seed = seed
        self._known = Known(space, goal, speed, least_rate=FEWEST_REQUESTS / (_LONGEST_BURST * burst_seconds))
        self._on_progress = on_progress
        self._history = History(
            account, space, goal, self._known, burst_seconds=burst_seconds, seed=seed, say=self._say
        )

    def run(self) -> ServingSearchResult:
        """Spend the budget, or what earlier runs left of it.

        Raises:
            BudgetError: It does not buy the default, another trial, and two rounds of the finals.
            infertune.serving.search.feasibility.SearchStopped: The same failure came three times in a row.
        """
        while (step := noted_step(self._log, len(self._history.steps), self._next)) is not None:
            self._take(step)
        finals = self._history.finals
        return ServingSearchResult(
            goal=self._goal,
            space=self._space,
            trials=self._known.trials,
            finals=finals,
            verdict=verdict(finals),
            budget=self._budget,
            to_decide=self._to_decide(),
            spent={arm: self._history.spent(arm) for arm in ARMS},
            bought=self._account.bought,
            void=self._history.void,
            burst_seconds=self._burst_seconds,
        )

    def _take(self, step: Step) -> None:
        self._history.take(step)
        trials = self._known.trials
        if step.arm != "finals":
            check(
                [each.outcome if each.failure else TrialOutcome(configuration=each.configuration) for each in trials]
            )

    @property
    def _split(self) -> Split:
        return Split(
            budget=self._budget,
            burst_seconds=self._burst_seconds,
            usual_burst=self._history.usual_burst,
            start_seconds=self._history.start_seconds,
        )

    def _next(self) -> Step | None:
        """Return what to do next; None when the budget is spent or nothing is left to find out."""
        split, spent = self._split, self._history.spent()
        searched = spent - self._history.spent("finals")
        n_tried = len(self._known.trials)
        least = split.least_budget(spent, has_default=n_tried > 0)
        if n_tried < 2 and self._budget < least:
            starting = f"{split.start_seconds:.0f} s to start" if split.start_seconds else "however fast they start"
            raise BudgetError(
                "the budget must buy the default settings, another trial and two rounds of both: six servers, "
                f"{starting}, with two or three bursts of {split.usual_burst:.0f} s each; give `budget_seconds` "
                f"{math.ceil(least)} or more"
            )
        if not n_tried:
            return self._trial("default", self._space.default_configuration(), DEFAULT_SHARE * self._budget)
        finals = self._history.finals
        is_free = n_tried < 2 or not finals.undecided
        room = split.trial_room(spent, searched, finals.n_members, is_free=is_free)
        if room >= split.server:
            arms: tuple[Arm, ...] = ("random", "model")
            for arm in sorted(arms, key=lambda arm: self._history.spent(arm, restarts=False)):
                proposed = self._proposed(arm)
                if proposed is not None:
                    return self._trial(arm, proposed, room)
        waiting = [*finals.undecided, *finals.rivals]
        # Of settings that have not begun one turn would say nothing; it says something of others that have.
        short = self._budget - spent < split.reserve(finals.n_members)
        late = [each for each in waiting if short and self._history.rounds and not finals.n_turns(each)]
        for configuration in (*(each for each in waiting if each not in late), *late):
            members, n_rounds = finals.members(configuration), len(self._history.rounds)
            lacking = FEWEST_TURNS - finals.n_turns(configuration)
            if room := split.round_room(spent, searched, n_rounds, len(members), n_lacking=lacking):
                return self._round(members, room)
        return None

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

    def _trial(self, arm: Arm, configuration: Configuration, room: float) -> Step:
        return Step(
            number=len(self._history.steps),
            arm=arm,
            servers=(Server(configuration=configuration, rate=self._known.guess(configuration)),),
            room=room,
            burst_seconds=self._burst_seconds,
            beat=self._known.to_beat,
            chance=self._known.chance(configuration),
        )

    def _round(self, members: tuple[Configuration, ...], room: float) -> Step:
        bursts = room / len(members) - self._history.start_seconds
        length = min(max(bursts / FINAL_BURSTS, self._burst_seconds), FINAL_LENGTH * self._burst_seconds)
        servers = tuple(Server(configuration=each, rate=self._rate(each)) for each in members)
        return Step(number=len(self._history.steps), arm="finals", servers=servers, room=room, burst_seconds=length)

    def _rate(self, configuration: Configuration) -> float:
        """Return a rate to begin a turn of the finals with: by earlier turns, or else by the search."""
        shown = self._history.finals.of(configuration)
        rates = [math.log(turn.rate) for turn in shown.turns.values() if turn.score is not None]
        if rates:
            return math.exp(sum(rates) / len(rates)) / math.sqrt(FINAL_EFFORT.step)
        lowest = min((burst.level for turn in shown.turns.values() for burst in turn.bursts), default=math.inf)
        return min(self._known.rate_of(configuration), lowest) / FINAL_EFFORT.step

    def _to_decide(self) -> float | None:
        """Return the budget that would decide what is undecided; None where nothing is."""
        finals = self._history.finals
        said = verdict(finals)
        if said.kind != "undecided" or said.best is None:
            return None
        n_more = said.comparison.turns_to_decide if said.comparison.n else FEWEST_TURNS
        is_untried = len({trial.configuration for trial in self._known.trials}) < self._space.n_configurations
        spent = self._history.spent()
        return self._split.to_decide(
            n_more,
            spent=spent,
            searched=spent - self._history.spent("finals"),
            n_rounds=len(finals.rounds),
            n_members=len(finals.members(said.best)),
            searching=is_untried,
        )

    def _say(self, step: Step, doing: str) -> None:
        self._on_progress(
            ServingProgress(
                phase="finals" if step.arm == "finals" else "search",
                doing=doing,
                trials=self._known.trials,
                spent=self._history.spent(),
                budget=self._budget,
            )
        )
