"""The decoding settings: one value for each, which engines, probing, the search space, hand-over and help iterate.

Docs: docs/decoding.md, and ``infertune explain NAME``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of the sampling distribution, in the field's standard name.

    Attributes:
        name: As `infertune.types.Decoding` has it; in a search space ``decoding.NAME``.
        whole: Whether it is a whole number.
        low: The smallest value that means anything, itself only where ``low_is_taken``; ``high`` likewise, None for
            no end.
        neutral: The value at which it does nothing; for temperature the model's own distribution.
        default: Where the search begins.
        searched: What the default space searches: (low, high, step); or some ``choices``.
        needs_sampling: Whether it means nothing at temperature 0.
        strongest: Values that make it felt, for probing: the later ones where a server refuses the first.
        names: At kinds of servers that call it otherwise.
        effect: What it does, in a sentence.
        rule: How, in a formula.
        source: Where it comes from.
    """

    name: str
    whole: bool = False
    low: float
    low_is_taken: bool = True
    high: float | None = None
    high_is_taken: bool = True
    neutral: float
    default: float
    searched: tuple[float, float, float] = (0.0, 0.0, 0.0)
    choices: tuple[int, ...] = ()
    needs_sampling: bool = False
    strongest: tuple[float, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    effect: str
    rule: str
    source: str

    @property
    def limits(self) -> tuple[tuple[Literal[">", ">=", "<", "<="], float], ...]:
        """What any value must satisfy to mean something."""
        below: tuple[Literal[">", ">="], float] = (">=" if self.low_is_taken else ">", self.low)
        if self.high is None:
            return (below,)
        return below, ("<=" if self.high_is_taken else "<", self.high)

    @property
    def domain(self) -> str:
        """The values that mean something, such as ``(0, 1]``."""
        if self.high is None:
            return f"{'at least' if self.low_is_taken else 'above'} {self.low:g}"
        return f"{'[' if self.low_is_taken else '('}{self.low:g}, {self.high:g}{']' if self.high_is_taken else ')'}"


SETTINGS = (
    Setting(
        name="temperature",
        low=0.0,
        neutral=1.0,
        default=1.0,
        searched=(0.0, 1.5, 0.1),
        strongest=(0.01, 0.1),
        effect="Sharpens the distribution below 1 and flattens it above; at 0 the likeliest token is taken.",
        rule="p_i proportional to exp(z_i / T)",
        source="Ackley, Hinton and Sejnowski 1985, doi 10.1207/s15516709cog0901_7",
    ),
    Setting(
        name="top_p",
        low=0.0,
        low_is_taken=False,
        high=1.0,
        neutral=1.0,
        default=1.0,
        searched=(0.5, 1.0, 0.05),
        needs_sampling=True,
        strongest=(0.001, 0.01),
        effect="Keeps the fewest likeliest tokens that together have this much probability.",
        rule="the smallest set of likeliest tokens with sum p_i >= top_p",
        source="Holtzman et al. 2020, arXiv:1904.09751",
    ),
    Setting(
        name="top_k",
        whole=True,
        low=0,
        neutral=0,
        default=0,
        choices=(0, 10, 50),
        needs_sampling=True,
        strongest=(1,),
        effect="Keeps so many of the likeliest tokens; 0 keeps all.",
        rule="the top_k largest p_i",
        source="Fan, Lewis and Dauphin 2018, arXiv:1805.04833",
    ),
    Setting(
        name="min_p",
        low=0.0,
        high=1.0,
        high_is_taken=False,
        neutral=0.0,
        default=0.0,
        searched=(0.0, 0.3, 0.05),
        needs_sampling=True,
        strongest=(0.999, 0.99),
        effect="Keeps the tokens that are at least this likely beside the likeliest one.",
        rule="p_i >= min_p * max p",
        source="Nguyen et al. 2024, arXiv:2407.01082",
    ),
    Setting(
        name="repetition_penalty",
        low=0.0,
        low_is_taken=False,
        neutral=1.0,
        default=1.0,
        searched=(1.0, 1.3, 0.05),
        strongest=(2.0, 1.5),
        names={"llama.cpp": "repeat_penalty"},
        effect="Makes tokens that prompt or answer have already less likely, above 1; below 1 more likely.",
        rule="z_i / r where z_i > 0, else z_i * r, for every token seen",
        source="Keskar et al. 2019, arXiv:1909.05858",
    ),
)

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
NAMES = tuple(BY_NAME)
TRUNCATIONS: Mapping[str, Setting] = {each.name: each for each in SETTINGS if each.needs_sampling}
"""Those that take tokens away."""

NEUTRAL: Mapping[str, float] = {
    each.name: int(each.neutral) if each.whole else each.neutral for each in SETTINGS if each.name != "temperature"
}
"""The values at which the settings beside temperature do nothing."""
