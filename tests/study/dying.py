"""Makes a study's file in children that are killed before every writing statement and every commit in turn.

    python dying.py FOLDER

A program of its own, for it forks. Each file is then opened by a child that lives, and every fourth by another. Prints
a JSON object: what a file holds whose maker lived, and for every moment of death what that file holds in the end.
"""

import json
import os
import signal
import sqlite3
import sys
import traceback
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from infertune.bank import SampleBank
from infertune.space.default_space import default_space
from infertune.study.trial_log import LoggedTrial, TrialLog
from infertune.testing import FakeEngine
from infertune.types import Decoding, Request

SPACE = default_space(prompts=("short", "long"), max_tokens=(4, 8))
REQUEST = Request(example_id="a", prompt="Say something", decoding=Decoding(max_tokens=4), samples=(0, 1))
ENGINE = FakeEngine()
RESPONSE = next(ENGINE.generate([REQUEST]))
TABLES = (
    "bank_requests",
    "bank_generations",
    "studies",
    "study_directions",
    "study_user_attributes",
    "trials",
    "trial_values",
    "alembic_version",
)


def live(file: Path) -> None:
    """Open the file as a study does, and write what is not there yet."""
    bank = SampleBank(file)
    log = TrialLog(bank.url, "mine")
    log.claim({"seed": 0})
    if bank.missing(ENGINE.facts, [REQUEST]):
        bank.put("mine", ENGINE.facts, RESPONSE)
    if not log.trials():
        chosen = dict(SPACE.default_configuration())
        part = dict(SPACE.tier("request").default_configuration())
        trial = LoggedTrial(
            number=0, configuration=part, n_planned=1, n_examples=1, chosen=chosen, utility=0.5, cost_tokens=9.0
        )
        log.append(SPACE, trial)


def die_at(moment: int) -> None:
    """Be killed before the writing statement or commit of this number."""
    moments = count(1)

    def next_moment() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(_: Any, __: Any, text: str, *rest: Any) -> None:
        if text.lstrip().startswith(("CREATE", "INSERT", "UPDATE", "DELETE")):
            next_moment()

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", lambda _: next_moment())


def lived(file: Path, moment: int | None = None) -> bool:
    """Return whether a child lived; one that fails by itself ends the program."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if moment is not None:
                die_at(moment)
            live(file)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if os.WIFEXITED(ended) and os.WEXITSTATUS(ended):
        sys.exit(f"failed by itself on the file whose maker died at moment {file.stem}")
    return os.WIFEXITED(ended)


def held(file: Path) -> dict[str, Any]:
    with sqlite3.connect(file) as connection:
        rows = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
        indices = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name").fetchall()
    return {**rows, "indices": [name for (name,) in indices]}


def main(folder: Path) -> None:
    whole = folder / "whole.db"
    live(whole)  # here, so that the children find imported what is imported late
    found = []
    for moment in count(1):
        file = folder / f"{moment}.db"
        if lived(file, moment):
            break
        lived(file)
        if moment % 4 == 0:
            lived(file)
        found.append(held(file))
    print(json.dumps({"whole": held(whole), "died": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
