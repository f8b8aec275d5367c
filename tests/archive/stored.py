"""A finished study of a planted task, for tests that read it again."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from planted import write, write_task

import infertune
from infertune.testing import FakeEngine


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def found(folder: Path, **changes: Any) -> infertune.Result:
    """Run the study ``planted`` in a folder; its task's files are gone afterwards."""
    asked: dict[str, Any] = {
        "task": "planted.yaml",
        "model": "m",
        "engine": FakeEngine(write),
        "budget_tokens": 20_000,
        "search": "random",
        "settings": {"n": [1, 3], "top_p": 1},
        "progress": False,
    }
    with inside(folder):
        write_task(folder)
        result = infertune.optimize(**(asked | changes))
        (folder / "planted.yaml").unlink()
        (folder / "planted.jsonl").unlink()
    return result


def copied(folder: Path, to: Path) -> Path:
    """Copy the database elsewhere, alone."""
    for file in folder.glob("infertune.db*"):
        shutil.copy(file, to / file.name)
    return to / "infertune.db"
