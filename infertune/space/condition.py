"""What a parameter's value may have to satisfy: alone, or where another parameter has some value."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from infertune.types import Scalar

Operator = Literal["==", "!=", ">", ">=", "<", "<=", "in"]

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "in": lambda value, allowed: value in allowed,
}
_WORDS = {
    "==": "",
    "!=": "other than ",
    ">": "above ",
    ">=": "at least ",
    "<": "below ",
    "<=": "at most ",
    "in": "one of ",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a parameter's value satisfies or not; ``in`` takes a tuple, the other operators a value."""

    name: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]

    def holds(self, value: Scalar) -> bool:
        """Whether a value of the named parameter satisfies the condition."""
        return _HOLDS[self.operator](value, self.value)

    @property
    def wanted(self) -> str:
        """The condition on the value in words: ``above 0``."""
        wanted = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else str(self.value)
        return _WORDS[self.operator] + wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """Where ``when`` holds, ``must`` holds too; says nothing where either parameter is absent."""

    when: Condition
    must: Condition

    def holds(self, values: Mapping[str, Scalar]) -> bool:
        """Whether the values keep the constraint; values still missing cannot break it."""
        if self.when.name not in values or self.must.name not in values:
            return True
        return not self.when.holds(values[self.when.name]) or self.must.holds(values[self.must.name])

    def __str__(self) -> str:
        return f"{self.must.name} must be {self.must.wanted} where {self.when.name} is {self.when.wanted}"
