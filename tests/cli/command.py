"""Runs a command in this process, and what it left: its exit code and both outputs."""

import contextlib
import io
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from infertune import stopping
from infertune.__main__ import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Infertune = Callable[..., Result]


def run(*arguments: str) -> Result:
    """Run a command as a user does; the handlers of signals are put back afterwards."""
    handlers = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "unraisablehook", sys.unraisablehook)
            patch.setattr(sys, "argv", ["infertune", *arguments])
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
                main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert isinstance(stop.value.code, int)
    return Result(stop.value.code, *(each.buffer.getvalue().decode() for each in (out, err)))
