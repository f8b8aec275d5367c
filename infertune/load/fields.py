"""The fields of a load's requests as a server wants them: some added, some under another name, some left out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infertune import extra_body
from infertune.errors import InvalidInputError

_ASKED = ("model", "messages", "prompt", "stream", "n", "best_of")
_SENT = ("max_tokens", "stream_options", "ignore_eos", "temperature")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}")


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


def parse(extra: str | None, renames: Sequence[str]) -> Fields:
    """Return the changes that ``--extra-body`` and ``--rename`` mean.

    Raises:
        InvalidInputError: They are no such changes, or change what is asked.
    """
    changes = {} if extra is None else extra_body.parse(extra, reserved=_ASKED)
    names: dict[str, str] = {}
    for given in renames:
        name, sign, new = (part.strip() for part in given.partition("="))
        if not sign or not _NAME.fullmatch(name) or not _NAME.fullmatch(new):
            raise InvalidInputError(
                f"--rename must be FIELD=NAME, such as max_tokens=max_completion_tokens, not '{given[:60]}'"
            )
        if name in names:
            raise InvalidInputError(f"--rename gives '{name}' two names")
        taken = {*_ASKED, *_SENT, *changes, *names.values()}
        if name in _ASKED[:4] or new in taken:
            wrong = name if name in _ASKED[:4] else new
            raise InvalidInputError(f"--rename {given}: '{wrong}' must keep its name and its meaning")
        names[name] = new
    return Fields(changes, names)
