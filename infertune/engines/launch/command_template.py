"""A command line with holes, for servers that infertune does not know: ``llama-server -m {model} --port {port}``."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from infertune.errors import InvalidInputError, nearest
from infertune.space.names import ENGINE
from infertune.types import Scalar

_HOLE = re.compile(r"\{([\w.]+)\}")
_KNOWN = ("model", "port", "host")


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """A command with holes ``{model}``, ``{port}``, ``{host}`` and ``{engine.NAME}``; no shell is between.

    Braces that hold anything but a name, such as those of JSON, stay as they are. A word that is just one hole is
    left away where its value is an empty text.

    Attributes:
        text: As it was given.
        words: Of it, with the holes still in them.

    Raises:
        InvalidInputError: It is no command line, has no ``{port}``, or a hole of another name.
    """

    text: str
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        try:
            words = shlex.split(self.text)
        except ValueError as error:
            raise InvalidInputError(f"`command` must be a command line, and is none: {error}") from None
        object.__setattr__(self, "words", tuple(words))
        if not words:
            raise InvalidInputError("`command` must be a command line, and is empty")
        for hole in self._holes():
            if hole not in _KNOWN and not hole.startswith(ENGINE):
                near = nearest(hole, [*_KNOWN, f"engine.{hole}"])
                raise InvalidInputError(f"`command` has a hole {{{hole}}}, which nothing fills{near}")
        if "port" not in self._holes():
            raise InvalidInputError("`command` must have {port} where the port belongs, and has none")

    @property
    def settings(self) -> tuple[str, ...]:
        """The names ``engine.NAME`` in it, in their order."""
        return tuple(dict.fromkeys(hole for hole in self._holes() if hole.startswith(ENGINE)))

    def fill(self, *, model: str, host: str, port: int, settings: Mapping[str, Scalar]) -> list[str]:
        """Return the words of the command.

        Raises:
            InvalidInputError: A setting of the template is missing.
        """
        values: dict[str, Scalar] = {**settings, "model": model, "host": host, "port": port}
        for name in self.settings:
            if name not in values:
                raise InvalidInputError(f"`command` has a hole {{{name}}}, and nothing says what {name} is")
        filled = [_HOLE.sub(lambda hole: _spelt(values[hole[1]]), word) for word in self.words]
        return [new for old, new in zip(self.words, filled, strict=True) if new or not _HOLE.fullmatch(old)]

    def _holes(self) -> list[str]:
        return [hole for word in self.words for hole in _HOLE.findall(word)]


def _spelt(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
