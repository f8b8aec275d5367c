"""The search space: what can be set, within which ranges, under which conditions; one frozen point of it."""

from infertune.space.condition import Condition, Constraint
from infertune.space.parameter import Parameter, Tier
from infertune.space.search_space import SearchSpace
from infertune.types import Configuration

__all__ = ["Condition", "Configuration", "Constraint", "Parameter", "SearchSpace", "Tier"]
