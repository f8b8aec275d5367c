"""How the seconds of a budget are divided between the search and the finals.

Three fifths are the search's. But what was seen best must meet the default in two rounds of the finals, so a trial is
begun only where there is room for these after it; with a small budget that leaves the search less, and one that has
no room for the default, one other trial and the two rounds is refused. The finals take as many rounds as they have
room for, up to five short ones before they take longer ones; and each as long as what is left allows, so that nothing
stays unspent.
"""

from dataclasses import dataclass

from infertune.serving.search.comparison import FEWEST_TURNS

SEARCH_SHARE = 0.6
DEFAULT_SHARE = 0.3  # at most, of the first trial, which has everything to find out
FINAL_BURSTS = 4  # of a server in a round, as long as those of the search or longer:
FINAL_LENGTH = 2.0  # times one of these
_SHORT_ROUNDS = 5
_USUAL_BURSTS = 5  # of a server of the search
_FEWEST_BURSTS, _FEWEST_FINAL_BURSTS = 2, 3  # of any server


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A budget, with what a server costs.

    Attributes:
        budget: Seconds, above 0.
        burst_seconds: That a burst of the search is to last; ``usual_burst`` what it usually takes.
        start_seconds: Of the slowest start so far.
    """

    budget: float
    burst_seconds: float
    usual_burst: float
    start_seconds: float

    @property
    def server(self) -> float:
        """Seconds that a server of the search needs at least."""
        return self.start_seconds + _FEWEST_BURSTS * self.usual_burst

    @property
    def final_server(self) -> float:
        """Seconds that a server of the finals needs at least."""
        return self.start_seconds + _FEWEST_FINAL_BURSTS * self.usual_burst

    def round_seconds(self, n_members: int, length: float) -> float:
        """Return what a round with bursts of so many times those of the search takes."""
        return n_members * (self.start_seconds + FINAL_BURSTS * length * self.burst_seconds)

    @property
    def n_trials(self) -> int:
        """About how many servers the search has room for."""
        return max(2, int(SEARCH_SHARE * self.budget / (self.start_seconds + _USUAL_BURSTS * self.burst_seconds)))

    @property
    def n_rounds(self) -> int:
        """About how many rounds of two the finals have room for."""
        return self._planned((1 - SEARCH_SHARE) * self.budget, 2)

    def _planned(self, finals: float, n_members: int) -> int:
        n_short = min(int(finals / self.round_seconds(n_members, 1.0)), _SHORT_ROUNDS)
        return max(n_short, int(finals / self.round_seconds(n_members, FINAL_LENGTH)), FEWEST_TURNS)

    def reserve(self, n_members: int) -> float:
        """Return what the rounds need that come before anything else."""
        return FEWEST_TURNS * n_members * self.final_server

    def least_budget(self, spent: float, *, has_default: bool) -> float:
        """Return the smallest budget with which the search can go on.

        Args:
            spent: Seconds so far.
            has_default: Whether the default settings have been tried; they may take their share.
        """
        rest = spent + self.server + self.reserve(2)
        return rest if has_default else max(self.server / DEFAULT_SHARE, rest / (1 - DEFAULT_SHARE))

    def trial_room(self, spent: float, searched: float, n_members: int, *, is_free: bool) -> float:
        """Return the seconds that another trial may take; less than `server` are of no use.

        Args:
            spent: Seconds so far, those of the search (``searched``) among them.
            searched: See above.
            n_members: Of a round, if the trial turns out best.
            is_free: Whether it may take what is the finals' by right: it is the first, or they have nothing to decide.
        """
        room = self.budget - spent - self.reserve(n_members)
        return room if is_free else min(room, SEARCH_SHARE * self.budget - searched)

    def round_room(self, spent: float, searched: float, n_rounds: int, n_members: int, *, n_lacking: int) -> float:
        """Return the seconds that the next round may take; 0 where there is no room for one.

        Args:
            spent: Seconds so far, those of the search (``searched``) among them.
            searched: See above.
            n_rounds: Rounds so far.
            n_members: Of the next one.
            n_lacking: Rounds that its members must have.
        """
        # What must be may be a little short, for bursts may have lasted longer than they should.
        left, least = self.budget - spent, n_members * (self.server if n_lacking > 0 else self.final_server)
        if left < least:
            return 0.0
        # What the search left over by less than a trial makes rounds longer, not more: so a larger budget never has
        # fewer of them.
        finals = max((1 - SEARCH_SHARE) * self.budget, self.budget - searched - self.server)
        n_left = max(self._planned(finals, n_members) - n_rounds, n_lacking)
        each = left / n_left if n_left > 0 else min(left, self.round_seconds(n_members, FINAL_LENGTH))
        return left if n_left < 2 and left - each < least else each

    def to_decide(
        self, n_more: int, *, spent: float, searched: float, n_rounds: int, n_members: int, searching: bool
    ) -> float:
        """Return the budget that has room for so many more rounds.

        Args:
            n_more: At least 1.
            spent: Seconds so far, those of the search (``searched``) among them.
            searched: See above.
            n_rounds: Rounds so far.
            n_members: Of each.
            searching: Whether the search would take its share of a larger budget.
        """
        n = n_rounds + n_more
        short = self.round_seconds(n_members, 1.0)
        all_of_them = n * (short if n <= _SHORT_ROUNDS else self.round_seconds(n_members, FINAL_LENGTH))
        finals = max(all_of_them, spent - searched + n_more * short)
        needed = finals / (1 - SEARCH_SHARE) if searching else searched + finals + self.server
        return max(needed, self.budget + n_more * short)
