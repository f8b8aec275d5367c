"""Commands run in an empty folder, and with an engine that answers a tiny task."""

from pathlib import Path

import pytest
from command import Infertune, run
from letters import Letters, loading

from infertune import plugins


@pytest.fixture
def infertune(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Infertune:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return run


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Letters]:
    """Return the engines ``letters`` that a test has started; without this there is no such engine."""
    monkeypatch.setattr(plugins, "load", loading)
    monkeypatch.setattr(Letters, "built", [])
    return Letters.built
