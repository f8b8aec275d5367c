"""Finds by a first request which of the usual fields a server refuses, and what it takes instead."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from infertune.load.fields import Fields
from infertune.load.stream import refused_with
from infertune.load.timing import Timing

_LEFT_OUT = {
    "ignore_eos": "answers end where the model ends them",
    "stream_options": "the server may not count tokens",
}
_NEWER = ("max_tokens", "max_completion_tokens")
_STATUSES = (400, 404, 422)  # with which servers refuse a field that they do not know


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fields that a server takes, and what was changed for it, in words."""

    fields: Fields
    notes: tuple[str, ...] = ()


def fitted(fields: Fields, first: Timing, ask: Callable[[Fields], Timing]) -> Fitted:
    """Return the fields under which a request is answered; those given where none helps.

    A field that the server names in its refusal is tried first. Only what every answer can do without is left out, and
    that it was is told; any other field is for the user to change.

    Args:
        fields: As the user has them.
        first: The first request, which was sent with them.
        ask: Sends it again with others.
    """
    if refused_with(first.error) not in _STATUSES:
        return Fitted(fields)
    for found in _alternatives(fields, first.error):
        if not ask(found.fields).error:
            return found
    return Fitted(fields)


def hint(error: str) -> str:
    """Return the option that leaves out a field which a server names in a refusal; empty where it names none."""
    if refused_with(error) not in _STATUSES:
        return ""
    if _NEWER[1] in error:
        return f"; `rename` {_NEWER[0]}={_NEWER[1]} sends it under that name"
    named = [name for name in (*_LEFT_OUT, "temperature") if name in error]
    return f"""; `extra_body` '{{"{named[0]}": null}}' leaves it out""" if named else ""


def _alternatives(fields: Fields, error: str) -> Iterator[Fitted]:
    named = [name for name in _LEFT_OUT if name in error]
    sets = [named, *([name] for name in _LEFT_OUT), list(_LEFT_OUT)]
    tried: list[Sequence[str]] = [[]]
    if _NEWER[1] in error or _NEWER[0] in error:
        renamed = fields.renamed(*_NEWER)
        note = f"the server wants '{_NEWER[1]}' instead of '{_NEWER[0]}', and gets it"
        yield Fitted(renamed, (note,))
    for names in sets:
        if names not in tried:
            tried.append(names)
            notes = (f"the server refuses '{name}': it is left out, so {_LEFT_OUT[name]}" for name in names)
            yield Fitted(fields.without(names), tuple(notes))
