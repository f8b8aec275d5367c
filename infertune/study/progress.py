"""Where a running study stands, and everything that its search has evaluated so far."""

from collections.abc import Callable
from dataclasses import dataclass

from infertune.bank.usage import Usage
from infertune.selection.select import affordable, front
from infertune.types import Configuration
from infertune.types.evidence import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a running study stands; given to ``on_progress`` after every landing.

    Attributes:
        phase: ``pilot``, ``search``, ``finals`` or ``confirm``.
        share_used: Of the budget, from 0; a little above 1 when the last batch went over it.
        run_tokens: Tokens bought since this process started, in ``run_seconds`` of generating.
        best: What the search would recommend now, on the examples that it has of it.
        front: (tokens per request, utility) of the nondominated choices so far, cheapest first.
    """

    phase: str
    share_used: float
    spent: Usage
    run_tokens: int
    run_seconds: float
    n_trials: int
    best: Candidate | None
    front: tuple[tuple[float, float], ...]


class Incumbents:
    """Every replay choice of every configuration evaluated, each on the search's own examples of it.

    Args:
        cap_tokens: Most tokens per request; what is over it is neither best nor on the front.
        on_change: Called when the best or the front may have changed.

    Attributes:
        choices: By the request tier's values; a configuration of which nothing was answered is not there.
        n_trials: How many trials they come from, failed ones included.
        best: The highest utility within the cap, unless the search named another.
        front: Nondominated (tokens per request, utility) within the cap, cheapest first.
    """

    def __init__(self, cap_tokens: float | None, on_change: Callable[[], None] = lambda: None) -> None:
        self._cap = cap_tokens
        self._on_change = on_change
        self.choices: dict[Configuration, list[Candidate]] = {}
        self.n_trials = 0
        self.best: Candidate | None = None
        self.front: tuple[tuple[float, float], ...] = ()

    @property
    def candidates(self) -> list[Candidate]:
        """All choices of all configurations."""
        return [candidate for choices in self.choices.values() for candidate in choices]

    def add(self, configuration: Configuration, choices: list[Candidate], n_trials: int) -> None:
        """Take over what a trial brought.

        Args:
            configuration: The request tier's values.
            choices: All that is known of it; it replaces what was known before.
            n_trials: How many trials there are now.
        """
        if choices:
            self.choices[configuration] = choices
        self.n_trials = n_trials

    def show(self, best: Configuration | None = None) -> None:
        """Find the best and the front of what there is.

        Args:
            best: The complete configuration that the search thinks best; None to take the best by its figures.
        """
        within = affordable(self.candidates, self._cap)
        self.front = tuple((c.cost_tokens, c.utility) for c in front(within))
        if best is None:
            self.best = max(within, key=lambda c: (c.utility, -c.cost_tokens), default=None)
        else:
            self.best = next((c for c in self.candidates if c.configuration == best), None)
        self._on_change()
