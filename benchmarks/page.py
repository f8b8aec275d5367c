"""How long the page of a study takes: to be written, and to be drawn in the system's Chromium.

    python benchmarks/page.py --trials 2000

A study with a planted model has its trials; they are repeated, a little apart, up to the number that is asked for.
Drawn means: from asking for the file to the first frame after everything is in its place.
"""

import argparse
import copy
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from infertune.archive import StoredStudy
from infertune.report.page.data import page_data
from infertune.report.page.render import page

sys.path += [str(Path(__file__).parent.parent / "tests" / each) for each in ("study", "report")]

from paged import BROWSERS, planted

FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"


def written(folder: Path, n_trials: int) -> tuple[str, float]:
    """Return a page with so many trials, and the seconds that gathering and writing it took."""
    result = planted(folder)
    with StoredStudy("planted", result.file.database) as study:
        data = page_data(study, result.answer)
    trials = [each for each in data["points"] if each["kind"] == "trial"]
    source = random.Random(0)
    data["points"] += [_apart(source.choice(trials), number, source) for number in range(n_trials - len(trials))]
    started = time.perf_counter()
    return page(data), time.perf_counter() - started


def _apart(point: dict[str, Any], number: int, source: random.Random) -> dict[str, Any]:
    found = copy.deepcopy(point)
    found["label"] = f"copy {number}"
    found["x"] *= source.uniform(0.8, 1.25)
    found["y"] = min(1.0, max(0.0, found["y"] + source.uniform(-0.1, 0.1)))
    return found


def drawn(path: Path, rounds: int) -> list[float]:
    """Return the milliseconds of each round, each in a new context."""
    from playwright.sync_api import sync_playwright

    browser_path = next(filter(None, map(shutil.which, BROWSERS)))
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for _ in range(rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            opened = context.new_page()
            opened.goto(path.as_uri())
            opened.wait_for_selector("html[data-ready]")
            found.append(float(opened.evaluate(FRAME)))
            context.close()
        browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, seconds = written(Path(folder), options.trials)
        path = Path(folder, "page.html")
        path.write_text(text, encoding="utf-8")
        times = drawn(path, options.rounds)
    print(f"{options.trials:,} trials: {len(text) / 1e6:.2f} MB, put together in {seconds:.2f} s")
    print(
        f"drawn in {statistics.median(times):.0f} ms ({min(times):.0f} to {max(times):.0f}, {options.rounds} rounds)"
    )


if __name__ == "__main__":
    main()
