"""The program's side: runs it, and answers what the tests ask of it until they are done."""

from __future__ import annotations

import builtins
import io
import os
import sys
from types import ModuleType

from infertune.tasks.sandbox.link import Link
from infertune.tasks.sandbox.standard import is_standard

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from typing import NoReturn

NAME = "program"
_MOST_PRINTED = 2**20


class Printed(io.BytesIO):
    """Keeps what the program prints while it answers, up to a limit, so that the tests can look at it."""

    def write(self, text: object) -> int:
        """Keep the text if there is room."""
        if self.tell() < _MOST_PRINTED:
            super().write(bytes(text)[:_MOST_PRINTED])  # type: ignore[call-overload]
        return len(text)  # type: ignore[arg-type]


def run(source: int, target: int, text: str) -> NoReturn:
    """Answer the tests' questions about the program; the first one makes it run."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    raw = Printed()
    sys.stdout = io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="", write_through=True)

    def load() -> list[str]:
        exec(compile(text, "program.py", "exec"), module.__dict__)
        return [name for name in vars(module) if isinstance(name, str) and hasattr(builtins, name)]

    def look_up(name: str) -> tuple[str, object]:
        value = vars(module)[name]
        if isinstance(value, ModuleType) and value.__name__ == name and is_standard(name):
            return "module", None
        return "value", value

    def printed() -> str:
        text = raw.getvalue().decode(errors="replace")
        raw.seek(0)
        raw.truncate()
        return text

    link = Link(source, target, strict=False, fail=lambda reason: os._exit(0))
    link.operations |= {"load": load, "global": look_up}
    link.printed = printed
    link.listen()
