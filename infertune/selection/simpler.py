"""Simpler relatives of a configuration: with fewer values other than the default's, to see which changes matter."""

from infertune.space import SearchSpace
from infertune.space.names import TEMPERATURE
from infertune.types import Configuration, Scalar


def plain(space: SearchSpace, configuration: Configuration) -> list[Configuration]:
    """Return what one would try by hand with the same texts, such as the prompt: greedy decoding, and the default.

    Args:
        space: The request tier.
        configuration: A point of it.
    """
    texts: dict[str, Scalar] = {name: value for name, value in configuration.items() if isinstance(value, str)}
    greedy: list[dict[str, Scalar]] = [{**texts, TEMPERATURE: 0.0}] if TEMPERATURE in configuration else []
    return _allowed(space, configuration, [*greedy, texts], keeps=set(texts))


def one_change_less(space: SearchSpace, configuration: Configuration) -> list[Configuration]:
    """Return the configuration with one changed value put back to the default's, numbers before texts."""
    default = space.default_configuration()
    changed = [name for name, value in configuration.items() if default.get(name, value) != value]
    changed.sort(key=lambda name: isinstance(configuration[name], str))
    return _allowed(space, configuration, [{name: default[name]} for name in changed], keeps=set(configuration))


def _allowed(
    space: SearchSpace, configuration: Configuration, changes: list[dict[str, Scalar]], *, keeps: set[str]
) -> list[Configuration]:
    """Return the default with some values of a configuration kept and some set, where the space allows it."""
    found = []
    for values in changes:
        kept = {name: value for name, value in configuration.items() if name in keeps} | values
        made = space.assemble(lambda p, kept=kept: kept.get(p.name, p.default))  # type: ignore[misc]
        inside = all(space[name].contains(value) for name, value in made.items())
        if made != configuration and inside and space.allows(made):
            found.append(made)
    return list(dict.fromkeys(found))
