"""The search space: which configurations there are, and which values exist together."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from infertune.errors import InvalidInputError, nearest
from infertune.space.condition import Condition, Constraint
from infertune.space.enumeration import combinations, exists, telling_values
from infertune.space.parameter import Parameter, Tier
from infertune.types import Configuration, Scalar

__all__ = ["Condition", "Configuration", "Constraint", "Parameter", "SearchSpace", "Tier"]

MAX_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Ordered parameters, of which a later one may depend on an earlier one, and constraints between them.

    Attributes:
        parameters: Read by dotted name through ``space[name]``.
        constraints: Kept by every configuration of the space.
        whole: The space that this one is a tier of: a configuration must be part of one of the whole space.

    Raises:
        InvalidInputError: A name is used twice or unknown, or no configuration keeps all constraints.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()
    whole: "SearchSpace | None" = field(default=None, repr=False)
    _replay_choices: dict[tuple[bool | None, ...], tuple[Configuration, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _completable: dict[tuple[bool | None, ...], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _tiers: "dict[Tier, SearchSpace]" = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        seen: dict[str, Parameter] = {}
        for parameter in self.parameters:
            if parameter.name in seen:
                raise InvalidInputError(f"every parameter must be named once, but {parameter.name} is there twice")
            if parameter.when is not None and self.whole is None:
                self._check_condition(parameter.when, seen, f"the condition of {parameter.name}")
            seen[parameter.name] = parameter
        for constraint in self.constraints:
            for condition in (constraint.when, constraint.must):
                self._check_condition(condition, seen, "a constraint")
        if next(self._repairs(), None) is None:
            broken = [c for c in self.constraints if not c.holds({p.name: p.default for p in self.parameters})]
            names = dict.fromkeys(name for c in broken for name in (c.when.name, c.must.name))
            found = " and ".join(f"{name}={self[name].domain}" for name in names)
            raise InvalidInputError(f"no configuration is left: {'; '.join(map(str, broken))}, but found {found}")

    @staticmethod
    def _check_condition(condition: Condition, known: Mapping[str, Parameter], place: str) -> None:
        if condition.name not in known:
            near = nearest(condition.name, known)
            raise InvalidInputError(f"{place} must be on an earlier parameter, but found '{condition.name}'{near}")
        if condition.operator in (">", ">=", "<", "<=") and isinstance(known[condition.name].default, str):
            raise InvalidInputError(f"{place} must compare numbers, but {condition.name} is a text")

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if name in (parameter.name, parameter.alias):
                return parameter
        names = [parameter.alias if "." not in name else parameter.name for parameter in self.parameters]
        raise InvalidInputError(f"no parameter is called '{name}'{nearest(name, names)}")

    def __contains__(self, name: str) -> bool:
        return any(name in (parameter.name, parameter.alias) for parameter in self.parameters)

    def replaced(self, parameters: Sequence[Parameter]) -> "SearchSpace":
        """Return the space with these in place of those of the same names; new names go to the end."""
        new = {parameter.name: parameter for parameter in parameters}
        kept = [new.pop(parameter.name, parameter) for parameter in self.parameters]
        return replace(self, parameters=(*kept, *new.values()))

    def fixed(self, configuration: Mapping[str, Scalar]) -> "SearchSpace":
        """Return the space in which these parameters have this one value; it may lie beyond the searched ranges."""
        return self.replaced(
            [
                replace(
                    self[name],
                    kind="choice",
                    choices=(value,),
                    default=value,
                    low=None,
                    high=None,
                    step=None,
                    log=False,
                )
                for name, value in configuration.items()
            ]
        )

    def tier(self, tier: Tier) -> "SearchSpace":
        """Return the sub-space of one tier, whose configurations all have a completion in the whole space."""
        if tier not in self._tiers:
            inside = tuple(parameter for parameter in self.parameters if parameter.tier == tier)
            names = {parameter.name for parameter in inside}
            constraints = tuple(c for c in self.constraints if {c.when.name, c.must.name} <= names)
            self._tiers[tier] = SearchSpace(inside, constraints, self)
        return self._tiers[tier]

    def active(self, values: Mapping[str, Scalar]) -> tuple[str, ...]:
        """Return the names of the parameters that exist beside the given values."""
        return tuple(parameter.name for parameter in self.parameters if exists(parameter, values))

    def assemble(self, pick: Callable[[Parameter], Scalar]) -> Configuration:
        """Return the configuration of one picked value for each parameter that exists, be it allowed or not."""
        values: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if exists(parameter, values):
                values[parameter.name] = pick(parameter)
        return Configuration(values)

    def from_unit(self, point: Sequence[float]) -> Configuration:
        """Return the configuration at a point of the unit cube, one coordinate in [0, 1) for each parameter."""
        positions = dict(zip((parameter.name for parameter in self.parameters), point, strict=True))
        return self.assemble(lambda parameter: parameter.from_unit(positions[parameter.name]))

    def sample(self, rng: np.random.Generator) -> Configuration:
        """Draw each value uniformly (or log-uniformly), and again until the constraints hold."""
        for _ in range(MAX_DRAWS):
            drawn = self.assemble(lambda parameter: parameter.from_unit(rng.random()))
            if self.allows(drawn):
                return drawn
        raise InvalidInputError(
            f"the constraints must leave room to search, but broke all of {MAX_DRAWS} random draws"
        )

    def allows(self, configuration: Mapping[str, Scalar]) -> bool:
        """Whether values taken from the parameters' domains keep the constraints, those of the whole space too."""
        if not all(constraint.holds(configuration) for constraint in self.constraints):
            return False
        if self.whole is None:
            return True
        holding = self._holding(configuration)
        if holding not in self._completable:
            self._completable[holding] = next(self.whole._repairs(configuration), None) is not None
        return self._completable[holding]

    def validate(self, configuration: Mapping[str, Scalar]) -> None:
        """Raise InvalidInputError unless this is exactly one of the space's configurations."""
        for name, value in configuration.items():
            parameter = self[name]
            if not parameter.contains(value):
                near = parameter.nearest(parameter.meaningful(value))
                raise InvalidInputError(f"{name} must be in {parameter.domain}, but found {value}; nearest is {near}")
        self.check_structure(configuration)

    def check_structure(self, configuration: Mapping[str, Scalar]) -> None:
        """Raise InvalidInputError unless the right values are present and keep the constraints, whatever they are."""
        for name in configuration:
            if self[name].name != name:
                raise InvalidInputError(
                    f"a configuration must use full names, but found '{name}' for '{self[name].name}'"
                )
        active = self.active(configuration)
        for parameter in self.parameters:
            if parameter.name in active and parameter.name not in configuration:
                raise InvalidInputError(f"{parameter.name} must be given (the default is {parameter.default})")
            if parameter.name not in active and parameter.name in configuration and parameter.when is not None:
                condition = f"{parameter.when.name} {parameter.when.operator} {parameter.when.value}"
                raise InvalidInputError(f"{parameter.name} must be left out unless {condition}")
        for constraint in self.constraints:
            if not constraint.holds(configuration):
                raise InvalidInputError(f"{constraint}, but found {configuration[constraint.must.name]}")
        if not self.allows(configuration):
            raise InvalidInputError(f"no value of the other tiers goes with {dict(configuration)}")

    def configuration(self, mapping: Mapping[str, object], *, where: str = "") -> Configuration:
        """Return a configuration from outside; it must have a meaning, but may lie beyond the searched ranges.

        Args:
            mapping: Dotted names to values, every parameter that exists among them.
            where: Names the origin in messages, such as ``best.yaml``.

        Raises:
            InvalidInputError: A name is unknown or missing, a value means nothing, or a constraint is broken.
        """
        try:
            known = Configuration({name: self[name].meaningful(value) for name, value in mapping.items()})
            self.check_structure(known)
        except InvalidInputError as error:
            raise InvalidInputError(f"{where}: {error.text}" if where else error.text) from None
        return known

    def default_configuration(self) -> Configuration:
        """Return the defaults; where they break a constraint, the configuration that changes fewest of them."""

        def changes(values: Mapping[str, Scalar]) -> int:
            return sum(
                values.get(parameter.name, parameter.default) != parameter.default for parameter in self.parameters
            )

        return Configuration(min(self._repairs(), key=changes))

    def replay_choices(self, configuration: Mapping[str, Scalar]) -> tuple[Configuration, ...]:
        """Return every choice of replay-tier values that goes with a configuration, whose own ones are ignored."""
        replay = {parameter.name for parameter in self.parameters if parameter.tier == "replay"}
        fixed = {name: value for name, value in configuration.items() if name not in replay}
        holding = self._holding(fixed)
        if holding not in self._replay_choices:
            complete = combinations(
                self.parameters, self.constraints, fixed, lambda each: each.values() if each.name in replay else ()
            )
            self._replay_choices[holding] = tuple(
                Configuration({name: v for name, v in values.items() if name in replay}) for values in complete
            )
        return self._replay_choices[holding]

    def configurations(self) -> Iterator[Configuration]:
        """Yield every configuration, in the order of the values; only for a space without continuous parameters."""
        for values in combinations(self.parameters, self.constraints, {}, Parameter.values):
            if self.allows(values):
                yield Configuration(values)

    @property
    def n_configurations(self) -> float:
        """How many configurations there are; infinite where a continuous parameter can exist."""
        linked = {condition.name for condition in self._conditions()}
        total = 0.0

        def counted(parameter: Parameter) -> Sequence[Scalar]:
            some = parameter.name not in linked or parameter.continuous
            return (parameter.default,) if some else parameter.values()

        for values in combinations(self.parameters, self.constraints, {}, counted):
            if self.allows(values):
                existing = [self[name] for name in values]
                if any(parameter.continuous for parameter in existing):
                    return math.inf
                total += math.prod(len(parameter.values()) for parameter in existing if parameter.name not in linked)
        return total

    def _repairs(self, fixed: Mapping[str, Scalar] | None = None) -> Iterator[dict[str, Scalar]]:
        """Yield completions that are defaults but for the parameters in constraints, which take telling values.

        Where any configuration keeps the constraints, one of these does.
        """
        conditions = self._conditions()
        found = combinations(self.parameters, self.constraints, fixed or {}, lambda p: telling_values(p, conditions))
        return (values for values in found if self.whole is None or self.allows(values))

    def _holding(self, values: Mapping[str, Scalar]) -> tuple[bool | None, ...]:
        """Return which conditions hold, all that their completions depend on; so these are found once for each."""
        return tuple(c.holds(values[c.name]) if c.name in values else None for c in self._conditions())

    def _conditions(self) -> list[Condition]:
        """Return all conditions that decide which values go together, those of the whole space too."""
        space = self.whole or self
        whens = [parameter.when for parameter in space.parameters if parameter.when is not None]
        return whens + [condition for c in space.constraints for condition in (c.when, c.must)]
