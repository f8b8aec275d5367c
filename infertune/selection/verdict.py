"""The verdict: the best configuration seen beside the default, on examples that no decision has seen.

There are three. *Clear winner*: the interval of the difference lies above 0. *Keep the default*: the best that was
seen is shown to be better by no more than the margin. *Undecided*: neither is shown; then what is recommended is the
better of the two by all the evidence, unless its chance of being worse than the default by more than the margin is
above DOUBT.
"""

import math
from dataclasses import dataclass
from typing import Literal

from infertune.selection.select import DOUBT, MARGIN, SAME_COST, Posterior, Preference, believed
from infertune.statistics.intervals import Interval, examples_to_decide, mean_interval, paired_difference
from infertune.statistics.noninferiority import non_inferiority
from infertune.types.evidence import Candidate

Kind = Literal["clear winner", "keep the default", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One configuration on the examples of the confirmation.

    Attributes:
        utility: Its mean, with a 95% interval.
        cost_tokens: Mean tokens per request in use.
        answered_share: Of the examples, those that were not refused for good.
    """

    utility: Interval
    cost_tokens: float
    answered_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The best that was seen beside the default.

    Attributes:
        kind: See the module.
        seen: The best configuration that was seen, as the user's preference has it.
        default: The default configuration.
        difference: Seen minus default, paired by example, with a 95% interval.
        recommends_default: Whether the default is recommended; where the verdict is clear it follows from it.
        chance_worse: That what was seen is worse than the default by more than the margin, by all the evidence.
        margin: In utility.
        cheaper: Whether it is a winner for its cost: shown to lose no more than the margin, for fewer tokens.
        examples_to_decide: About how many more examples would decide; None when it is decided, or when no number
            would (the observed difference is 0).
    """

    kind: Kind
    seen: Side
    default: Side
    difference: Interval
    recommends_default: bool
    chance_worse: float
    margin: float = MARGIN
    cheaper: bool = False
    examples_to_decide: int | None = None

    @property
    def clear(self) -> bool:
        """Whether there is a clear winner."""
        return self.kind == "clear winner"

    @property
    def recommended(self) -> Side:
        """The side that is recommended."""
        return self.default if self.recommends_default else self.seen


def judge(
    seen: Candidate,
    default: Candidate,
    *,
    lead: Posterior | None = None,
    default_admitted: bool = True,
    prefer: Preference = "utility",
) -> Verdict:
    """Return the verdict on two configurations on the same examples of ``confirm``.

    Args:
        seen: The best that was seen.
        default: The default configuration.
        lead: Of what was seen over the default, what the finals made one believe.
        default_admitted: Whether the default may be recommended.
        prefer: What the user would rather have.
    """
    difference = paired_difference(seen.scores, default.scores)
    belief = believed(seen.scores, default.scores, prior=math.inf)
    if lead is not None:
        belief = belief.joined(lead)
    chance_worse = 1.0 - belief.above(-MARGIN)
    saves = seen.cost_tokens * SAME_COST < default.cost_tokens
    cheaper = (
        prefer != "utility"
        and saves
        and non_inferiority(seen.scores, default.scores, margin=MARGIN).answer == "not worse"
    )
    alone = seen.configuration == default.configuration
    kind: Kind = "undecided"
    if not alone and (difference.low > 0 or cheaper):
        kind = "clear winner"
    elif alone or difference.high < MARGIN:
        kind = "keep the default"
    recommends_default = alone or kind == "keep the default"
    if kind == "undecided":
        worth = belief.mean > 0 or (prefer != "utility" and saves)
        recommends_default = chance_worse > DOUBT or not worth
    if not default_admitted and not alone:
        recommends_default = False
        kind = "undecided" if kind == "keep the default" else kind
    return Verdict(
        kind=kind,
        seen=_side(seen),
        default=_side(default),
        difference=difference,
        recommends_default=recommends_default,
        chance_worse=chance_worse,
        cheaper=cheaper and difference.low <= 0,
        examples_to_decide=None if kind != "undecided" else examples_to_decide(seen.scores, default.scores),
    )


def _side(candidate: Candidate) -> Side:
    return Side(
        utility=mean_interval(candidate.scores),
        cost_tokens=candidate.cost_tokens,
        answered_share=candidate.answered_share,
    )
