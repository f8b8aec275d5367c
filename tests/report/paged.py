"""Studies whose pages are looked at, and the browser that does it."""

import contextlib
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planted import write, write_task

import infertune
from infertune.testing import FakeEngine
from infertune.types import Request

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\u2028<!-- <b>bold</b> & "
HOSTILE_NAME = "x</script><img src=y onerror=window.hacked=3>"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NUMBER = re.compile(r"q(\d+)")


def planted(folder: Path, **changes: Any) -> infertune.Result:
    """Return a finished study of a few seconds with a clear winner and several n."""
    asked: dict[str, Any] = {
        "model": "m",
        "engine": FakeEngine(write),
        "budget_tokens": 20_000,
        "search": "random",
        "settings": {"n": [1, 3], "top_p": 1},
        "study": "planted",
        "progress": False,
    }
    write_task(folder)
    with contextlib.chdir(folder):
        return infertune.optimize("planted.yaml", **(asked | changes), database=folder / "study.db")


def hostile(folder: Path) -> infertune.Result:
    """Return a study whose name, model and answers are made to break a page."""

    def write_hostile(request: Request, sample: int, source: random.Random) -> str:
        number = NUMBER.search(str(request.prompt))
        assert number is not None
        return f"a{number[1]}" if source.random() < 0.3 else HOSTILE

    return planted(
        folder,
        engine=FakeEngine(write_hostile),
        model="<b>model</b>",
        study=HOSTILE_NAME,
        budget_tokens=8_000,
        settings={"n": 1, "top_p": 1, "max_tokens": [40]},
    )


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's browser; skip where there is none."""
    driver = pytest.importorskip("playwright.sync_api", reason="looking at a page needs the package playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"looking at a page needs a browser of the system: one of {', '.join(BROWSERS)}")
    with driver.sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
