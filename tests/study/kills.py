"""Runs a study in children that are killed with SIGKILL at random moments; a program of its own, for it forks.

    python kills.py trials|orders|tiny|hf FOLDER N_KILLS SEED

It imports everything once and computes nothing itself: a child begins at once, and has its threads to itself. Prints
a JSON object: the answer of an uninterrupted run and its bill, and of every run that was killed on its way.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import tiny_model
from planted import SEARCHES, make_study, plain, space_of, write, write_task

from infertune.budget import Budget
from infertune.engines.hf.engine import HFEngine
from infertune.testing import FakeEngine
from infertune.types import Request

BATCH = 16
# Both by the same code; the small one, of random weights, in a tenth of the time.
MODELS = {
    "tiny": lambda folder: str(tiny_model.write(folder.parent / "tiny")),
    "hf": lambda folder: "bundled:smollm2-135m",
}


class SlowEngine(FakeEngine):
    """Takes a little time for every text, so that there is something to interrupt."""

    def _respond(self, request: Request) -> Any:
        time.sleep(0.001)
        return super()._respond(request)


def run(kind: str, folder: Path, ready: int) -> None:
    """Run the study of one folder to its end and write down its answer."""
    if kind in MODELS:
        scorer = "planted:vowels" if kind == "tiny" else "exact"
        task = write_task(folder, n_tune=16, n_confirm=12, scorer=scorer)
        engine: Any = HFEngine(MODELS[kind](folder), batch_size=BATCH, threads=1)
        settings = {"space": space_of(task, "n=1,3"), "budget": Budget(tokens=5_000), "search": SEARCHES["orders"]}
    else:
        task = write_task(folder)
        engine = SlowEngine(write)
        settings = {"budget": Budget(tokens=14_000), "search": SEARCHES[kind]}
    os.write(ready, b".")
    answer = plain(make_study(folder, task=task, engine=engine, **settings).run())
    (folder / "answer.json").write_text(json.dumps(answer, sort_keys=True))


def killed(kind: str, folder: Path, seconds: float | None) -> bool:
    """Run the study in a child, kill it after some seconds, and return whether it had to be killed."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(kind, folder, write_end)
            status = 0
        except BaseException:
            traceback.print_exc()  # the exit below would swallow it
        finally:
            os._exit(status)
    os.close(write_end)
    os.read(read_end, 1)
    os.close(read_end)
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if status:
                sys.exit(f"the study in {folder} failed by itself")
            return False
        if deadline is not None and time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return True
        time.sleep(0.001)


def result(folder: Path) -> dict[str, Any]:
    """Return a finished study's answer, the tokens in its books, and how many samples were bought twice."""
    with sqlite3.connect(folder / "study.db") as connection:
        samples = connection.execute(
            "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id"
        ).fetchall()
        spent = connection.execute("SELECT sum(prompt_tokens + completion_tokens) FROM bank_requests").fetchone()[0]
    twice = sum(count - 1 for count in Counter(samples).values())
    return {"answer": json.loads((folder / "answer.json").read_text()), "spent_tokens": spent, "bought_twice": twice}


def main(kind: str, folder: Path, n_kills: int, seed: int) -> None:
    whole = folder / "whole"
    whole.mkdir()
    began = time.monotonic()
    killed(kind, whole, None)
    duration = time.monotonic() - began
    source = random.Random(seed)
    n_killed, parts = 0, []
    while n_killed < n_kills or not parts:
        part = folder / f"part{len(parts)}"
        part.mkdir()
        here = 0
        while killed(kind, part, source.uniform(0, 0.4 * duration) if n_killed < n_kills else None):
            n_killed += 1
            here += 1
        parts.append({"n_kills": here, **result(part)})
    print(json.dumps({"n_kills": n_killed, "whole": result(whole), "parts": parts}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
