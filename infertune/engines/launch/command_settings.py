"""The settings of a server that only its user knows: one for each hole of its command, with values of ``--set``."""

from collections.abc import Sequence

from infertune.engines.launch.command_template import CommandTemplate
from infertune.errors import InvalidInputError, nearest
from infertune.space import Parameter, notation
from infertune.space.names import ENGINE


def parameters(template: CommandTemplate, settings: Sequence[str]) -> tuple[Parameter, ...]:
    """Return a parameter for each hole ``{engine.NAME}``, in their order.

    Args:
        template: The command.
        settings: Each ``NAME=VALUES`` in the notation of ``--set``; the name with or without ``engine.``. The first
            value of a list is the default, and so what the others are compared with.

    Raises:
        InvalidInputError: A hole has no values, or a name no hole, or is given twice, or its values are none.
    """
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not (name and equals):
            raise InvalidInputError(
                f"`settings` must be NAME=VALUES, as in engine.parallel=1,2,4, but found '{setting}'"
            )
        whole = f"{ENGINE}{name.removeprefix(ENGINE)}"
        if whole not in template.settings:
            near = nearest(whole, template.settings)
            raise InvalidInputError(f"`settings` {setting}: `command` has no hole {{{whole}}}{near}")
        if whole in given:
            raise InvalidInputError(f"{whole} must be given once, but is given twice")
        given[whole] = text
    for name in template.settings:
        if name not in given:
            raise InvalidInputError(f"`command` has a hole {{{name}}}: give its values with `settings` {name}=A,B,C")
    return tuple(notation.new(name, given[name], tier="engine") for name in template.settings)
