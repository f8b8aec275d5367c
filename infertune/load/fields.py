"""The fields of a load's requests as a server wants them: some added, some under another name, some left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infertune.errors import InvalidInputError, nearest
from infertune.space import extra_body
from infertune.space.extra_body import NAME

_ASKED = ("model", "messages", "prompt", "stream", "n", "best_of")
_SENT = ("max_tokens", "stream_options", "ignore_eos", "temperature")


@dataclass(frozen=True, slots=True)
class Fields:
    """What is changed in the body of every request.

    Attributes:
        changes: Values of fields; None leaves a field out.
        names: Of fields, under which they are sent instead of their own.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def applied(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a body with the changes."""
        changed = {
            name: value for name, value in {**body, **self.changes}.items() if self.changes.get(name, 0) is not None
        }
        return {self.names.get(name, name): value for name, value in changed.items()}

    def without(self, names: Sequence[str]) -> "Fields":
        """Return these changes, and some fields left out as well."""
        return Fields({**self.changes, **dict.fromkeys(names)}, self.names)

    def renamed(self, name: str, new: str) -> "Fields":
        """Return these changes, and a field under another name as well."""
        return Fields(self.changes, {**self.names, name: new})


def parse(extra: str | None, renames: Sequence[str], *, settings: Collection[str] = ()) -> Fields:
    """Return the changes that ``--extra-body`` and ``--rename`` mean.

    Args:
        extra: A JSON object.
        renames: Each ``FIELD=NAME``.
        settings: Fields that are sent beside those of every request.

    Raises:
        InvalidInputError: They are no such changes, or change what is asked.
    """
    changes = {} if extra is None else extra_body.parse(extra, reserved=_ASKED)
    sent = {*_SENT, *settings}
    for name in (each for each, value in changes.items() if value is None and each not in sent):
        raise InvalidInputError(f"`extra_body` leaves out '{name}', which is not sent{nearest(name, sent)}")
    names: dict[str, str] = {}
    for given in renames:
        name, sign, new = (part.strip() for part in given.partition("="))
        if not sign or not NAME.fullmatch(name) or not NAME.fullmatch(new):
            raise InvalidInputError(
                f"`rename` must be FIELD=NAME, such as max_tokens=max_completion_tokens, not '{given[:60]}'"
            )
        if name in names:
            raise InvalidInputError(f"`rename` gives '{name}' two names")
        if name not in {*sent, *changes, *_ASKED}:
            raise InvalidInputError(f"`rename` {given}: '{name}' is not sent{nearest(name, sent)}")
        taken = {*_ASKED, *_SENT, *changes, *names.values()}
        if name in _ASKED[:4] or new in taken:
            wrong = name if name in _ASKED[:4] else new
            raise InvalidInputError(f"`rename` {given}: '{wrong}' must keep its name and its meaning")
        names[name] = new
    return Fields(changes, names)
