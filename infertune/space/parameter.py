"""One axis of the search space: what it is called, what it may be, and what it costs to change it."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from infertune.errors import InvalidInputError, nearest
from infertune.space.condition import Condition
from infertune.types import Scalar

Tier = Literal["replay", "request", "engine"]
Kind = Literal["float", "int", "choice"]
_LARGEST = 10**15  # what lies beyond is exact neither as a float nor in every server
_MOST_VALUES = 1_000_000  # of a range: they may all be listed
_MOST_REPLAYED = 1000  # of a range of the replay tier: they are all tried
_TYPE_WORDS = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One named axis: a range of floats or ints, or a list of choices; a fixed value is a list of one.

    Attributes:
        name: Dotted, such as ``decoding.temperature``.
        tier: What trying another value costs: ``replay`` nothing, ``request`` tokens, ``engine`` a restart.
        kind: ``float`` and ``int`` have low, high, step and log; ``choice`` has choices.
        default: One of the values; its type is the type of all of them.
        low: Smallest value; high is the largest, and is itself reached.
        step: Distance of neighbouring values; None for every float, or for ints of step 1.
        log: Whether equal ratios rather than equal differences are equally likely; excludes ``step``.
        choices: All values, where ``kind`` is ``choice``.
        alias: Short name for the command line; the last component of ``name`` unless given.
        when: The parameter exists only where this holds for an earlier parameter.
        limits: What any value must satisfy to have a meaning, in whatever range it is searched.
    """

    name: str
    tier: Tier
    kind: Kind
    default: Scalar
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    log: bool = False
    choices: tuple[Scalar, ...] = ()
    alias: str = ""
    when: Condition | None = None
    limits: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not self.alias:
            object.__setattr__(self, "alias", self.name.rpartition(".")[2])
        self._require(self.tier in get_args(Tier), f"the tier must be one of {', '.join(get_args(Tier))}", self.tier)
        if self.kind == "choice":
            self._check_choices()
        else:
            self._check_range()
        self._require(self.contains(self.default), f"the default must be {self.domain}", self.default)

    def _require(self, condition: bool, rule: str, found: object) -> None:
        if not condition:
            raise InvalidInputError(f"{self.name}: {rule}, but found {found}")

    def _check_choices(self) -> None:
        self._require(len(self.choices) > 0, "there must be at least one choice", "none")
        choices = tuple(self.meaningful(choice) for choice in self.choices)
        self._require(len(set(choices)) == len(choices), "the choices must differ", self.domain)
        object.__setattr__(self, "choices", choices)

    def _check_range(self) -> None:
        self._require(
            self.tier != "replay" or self.kind == "int", "the replay tier is enumerated: give choices", "floats"
        )
        self._require(self.low is not None and self.high is not None, "a range must have a low and a high end", "none")
        object.__setattr__(self, "default", self.meaningful(self.default))
        low, high = self.meaningful(self.low), self.meaningful(self.high)
        assert isinstance(low, int | float) and isinstance(high, int | float)
        step = self.step if self.step is not None else (1 if self.kind == "int" and not self.log else None)
        self._require(low <= high, "the low end of the range must not be above the high end", f"{low}..{high}")
        self._require(not self.log or low > 0, "a log range must lie above 0", f"{low}..{high}")
        self._require(not self.log or step is None, "a log range must have no step", f"step {step}")
        if step is not None:
            self._require(step > 0 and math.isfinite(step), "the step must be above 0", step)
            self._require(self.kind == "float" or step == int(step), "the step must be a whole number", step)
        if step is not None or self.kind == "int":
            wider = "a larger step" if self.kind == "int" else "a larger step, or none"
            most = _MOST_REPLAYED if self.tier == "replay" else _MOST_VALUES
            rule = f"a range must have at most {most:,} values: give {wider}"
            self._require((high - low) / (step or 1) < most, rule, f"{low}..{high}")
        if step is not None:
            step = self._typed(step)
            n_steps = round((high - low) / step)
            end = round(low + n_steps * step, 12)
            self._require(
                math.isclose(end, high, abs_tol=1e-9),
                f"the range must be a whole number of steps of {step}, as {low}..{end:g} is",
                f"{low}..{high}",
            )
        for name, value in {"low": low, "high": high, "step": step}.items():
            object.__setattr__(self, name, value)

    def _typed(self, value: float) -> float:
        return int(value) if self.kind == "int" else float(value)

    def meaningful(self, value: object) -> Scalar:
        """Return the value in this parameter's own type; raise InvalidInputError where it can have no meaning."""
        kind = type(self.default) if self.kind == "choice" else {"float": float, "int": int}[self.kind]
        if type(value) in (int, float) and abs(value) > _LARGEST and abs(value) != math.inf:  # type: ignore[arg-type]
            raise InvalidInputError(f"{self.name} must lie between -{_LARGEST:,} and {_LARGEST:,}")
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
            raise InvalidInputError(f"{self.name} must be {_TYPE_WORDS[kind]}, but found {value!r}")
        for limit in self.limits:
            if not limit.holds(value):  # type: ignore[arg-type]
                allowed = limit.value if isinstance(limit.value, tuple) else ()
                near = nearest(str(value), map(str, allowed)) if isinstance(value, str) else ""
                wanted = " and ".join(each.wanted for each in self.limits) if not near else "a known name"
                raise InvalidInputError(f"{self.name} must be {wanted}, but found {value}{near}")
        return value  # type: ignore[return-value]

    @property
    def domain(self) -> str:
        """The values in the notation of ``--set``: ``0.0..1.5:0.1``, ``1..100:log`` or ``1,3,5,9``."""
        if self.kind == "choice":
            return ",".join(map(str, self.choices))
        step = (
            "log"
            if self.log
            else self.step
            if self.step is not None and (self.kind, self.step) != ("int", 1)
            else None
        )
        return f"{self.low}..{self.high}" + (f":{step}" if step is not None else "")

    @property
    def continuous(self) -> bool:
        """Whether the values cannot be enumerated."""
        return self.kind == "float" and self.step is None and self.low != self.high

    def values(self) -> tuple[Scalar, ...]:
        """Return all values in order; only for a parameter that is not continuous."""
        if self.kind == "choice":
            return self.choices
        assert self.low is not None and self.high is not None and not self.continuous
        step = self.step or 1
        n_steps = round((self.high - self.low) / step)
        return tuple(self._on_grid(index) for index in range(n_steps + 1))

    def _on_grid(self, index: int) -> Scalar:
        assert self.low is not None
        # In decimals, for 3 * 0.1 is not 0.3 in binary, and equal settings must be equal values.
        return self._typed(float(Decimal(str(self.low)) + index * Decimal(str(self.step or 1))))

    def contains(self, value: object) -> bool:
        """Whether this is exactly one of the values, in type as well."""
        if self.kind == "choice":
            return any(type(value) is type(choice) and value == choice for choice in self.choices)
        if type(value) is not (int if self.kind == "int" else float):
            return False
        assert self.low is not None and self.high is not None and isinstance(value, int | float)
        return self.low <= value <= self.high and (self.continuous or value == self._snapped(value))

    def nearest(self, value: Scalar) -> Scalar:
        """Return the value of this parameter that is closest to a number; the first choice for any other value."""
        if self.contains(value):
            return value
        if isinstance(value, str | bool):
            return self.choices[0] if self.kind == "choice" else self.default
        if self.kind == "choice":
            numbers = [choice for choice in self.choices if isinstance(choice, int | float)]
            return min(numbers, key=lambda choice: abs(choice - value), default=self.choices[0])
        return self._snapped(value)

    def _snapped(self, value: float) -> Scalar:
        assert self.low is not None and self.high is not None
        inside = min(max(value, self.low), self.high)
        if self.continuous:
            return float(inside)
        return self._on_grid(round((inside - self.low) / (self.step or 1)))

    def from_unit(self, position: float) -> Scalar:
        """Return the value at a position in [0, 1): equal shares of it belong to equally likely values."""
        if self.kind == "choice":
            return self.choices[int(position * len(self.choices))]
        assert self.low is not None and self.high is not None
        if self.log:
            half = 0.5 if self.kind == "int" else 0.0  # the end values of an int range get their full share
            start, end = math.log(self.low - half), math.log(self.high + half)
            return self._snapped(math.exp(start + position * (end - start)))
        if self.continuous:
            return self.low + position * (self.high - self.low)
        step = self.step or 1
        return self._on_grid(int(position * (round((self.high - self.low) / step) + 1)))
