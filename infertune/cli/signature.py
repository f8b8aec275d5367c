"""Options of a command that are made from what they feed, in place of one of its parameters."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_origin


def with_options(
    command: Callable[..., None],
    place: str,
    added: Mapping[str, inspect.Parameter],
    gathered: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """Return a command with further options.

    Args:
        command: Takes them all as its parameter ``place``, by keyword; that is no option itself.
        added: By their names; keyword only.
        gathered: Makes of their values what the command gets.
    """
    own = inspect.signature(command)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in added}
        command(**values, **{place: gathered(chosen)})

    parameters: list[inspect.Parameter] = []
    for name, each in own.parameters.items():
        parameters += added.values() if name == place else [each]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return run


def feeding(
    function: Callable[..., Any], words: Mapping[str, Any], place: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what gives a command the arguments of a function as options.

    Args:
        function: Its defaults are those of the options, and its types are as well.
        words: By argument, in any order: its typer option; or a whole annotation, where a command line gives another
            type. What has no words is no option.
        place: The command's parameter that gets the arguments by name.
    """
    added = {}
    for name, each in inspect.signature(function).parameters.items():
        if name in words:
            said = words[name]
            kind = said if get_origin(said) is Annotated else Annotated[each.annotation, said]
            added[name] = each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=kind)
    if unknown := set(words) - set(added):
        raise TypeError(f"{function.__name__} has no argument {sorted(unknown)}")
    return lambda command: with_options(command, place, added, lambda values: values)
