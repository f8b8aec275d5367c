"""Runs commands as a user does, in this process: arguments in, exit code and both outputs back."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Infertune, Result
from letters import Letters, loading

from infertune import plugins, stopping
from infertune.__main__ import main


@pytest.fixture
def infertune(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Infertune]:
    """Commands run in an empty folder; the handlers of signals are put back afterwards."""
    handlers = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["infertune", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Result(stop.value.code, captured.out, captured.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Letters]:
    """Return the engines ``letters`` that a test has started; without this there is no such engine."""
    monkeypatch.setattr(plugins, "load", loading)
    monkeypatch.setattr(Letters, "built", [])
    return Letters.built
