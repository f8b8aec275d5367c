"""Finds samplers, allocators, engines, strategies and scorers by name through entry points, our own as well.

A package adds a sampler by declaring, in its ``pyproject.toml``::

    [project.entry-points."infertune.samplers"]
    my_sampler = "my_package.my_module:MySampler"
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from infertune.errors import InvalidInputError, nearest


def names(kind: str) -> list[str]:
    """Return the names registered for ``kind`` (``samplers``, ``engines`` ...), sorted."""
    return sorted(point.name for point in entry_points(group=f"infertune.{kind}"))


@cache
def load(kind: str, name: str) -> Any:
    """Import and return what is registered as ``name``; raise InvalidInputError with the nearest name otherwise."""
    for point in entry_points(group=f"infertune.{kind}"):
        if point.name == name:
            try:
                return point.load()
            except AttributeError as error:
                raise InvalidInputError(
                    f"the {kind.removesuffix('s')} '{name}' cannot be loaded: {point.value} is not there ({error}); "
                    "install the package that registers it anew"
                ) from None
    raise InvalidInputError(f"no {kind.removesuffix('s')} is called '{name}'{nearest(name, names(kind))}")
