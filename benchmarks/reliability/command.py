"""A command of infertune in a child of this process, which can be killed with SIGKILL at any moment.

The child is forked, so that it begins at once with everything imported; apart from that it is the command as a user
types it, in a folder of its own. The parent has no threads and computes nothing.
"""

import importlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_KILLS = 5
_EARLY = ("optuna", "infertune.cli", "infertune.study.study", "infertune.study.trial_log", "infertune.report.answer")
_OWN = {"spent", "engine_metrics", "engine"}  # of an answer, what interruptions may change


def prepare(*modules: str) -> None:
    """Import what the children would."""
    for module in (*_EARLY, *modules):
        importlib.import_module(module)


@dataclass(frozen=True, slots=True)
class Command:
    """One command with its folder.

    Attributes:
        folder: Where it runs; its output is there, in ``out`` and ``err``.
        arguments: Of the program; with ``--json``.
    """

    folder: Path
    arguments: Sequence[str]

    def run(self, is_time: Callable[[], bool] = lambda: False) -> bool:
        """Run it, and return whether it came to its end; where it did not, it was killed when it was time.

        Raises:
            RuntimeError: It failed by itself.
        """
        child = os.fork()
        if child == 0:
            self._become()
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                if status:
                    said = (self.folder / "err").read_text()[-2000:]
                    raise RuntimeError(f"the command in {self.folder} failed by itself ({status}): {said}")
                return True
            if is_time():
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return False
            time.sleep(0.002)

    def killed(self, n_kills: int, whole_seconds: float, source: random.Random) -> int:
        """Run it again and again until it ends, killed at random moments at first; return how often it was killed.

        Args:
            n_kills: At most; of one command there are at most ``MOST_KILLS``, so that many come to their end.
            whole_seconds: Of a run that is not killed.
        """
        n_kills = min(n_kills, MOST_KILLS)
        for done in range(n_kills):
            if self.run(after(source.uniform(0, 0.8 * whole_seconds))):
                return done
        self.run()
        return n_kills

    def _become(self) -> None:
        """Be the command; in the child."""
        status = 1
        try:
            os.chdir(self.folder)
            for descriptor, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ["INFERTUNE_CACHE"] = str(self.folder.parent / "cache")
            sys.argv = ["infertune", *self.arguments]
            from infertune.__main__ import main

            main()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    @property
    def found(self) -> Any:
        """What the command printed."""
        return json.loads((self.folder / "out").read_text())

    @property
    def answer(self) -> Any:
        """What it answered, without what interruptions may change."""
        return {name: value for name, value in self.found.items() if name not in _OWN}

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what the command's database says."""
        with closing(sqlite3.connect(self.folder / "infertune.db")) as connection:
            return connection.execute(statement).fetchall()

    @property
    def bought_twice(self) -> int:
        """How many samples the books of one study have more than once; those of bursts are not bought to be kept."""
        repeated = (
            "SELECT count(*) - 1 FROM bank_requests r JOIN bank_generations g ON g.request = r.id "
            "WHERE study NOT LIKE '%/speed' GROUP BY study, key, sample HAVING count(*) > 1"
        )
        return sum(n for (n,) in self.ask(repeated))


def after(seconds: float) -> Callable[[], bool]:
    """Return what tells whether so many seconds have passed from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def timed(act: Callable[[], Any]) -> float:
    """Return how many seconds something takes."""
    began = time.monotonic()
    act()
    return time.monotonic() - began
