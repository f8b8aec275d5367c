"""Two processes that want one study, killed and stopped at random; a program of its own, for it forks.

    python rivals.py FOLDER N_KILLS SEED

Every child writes down what its engine answers before anything else can happen to it, and takes the study's lease as
the commands do. Prints a JSON object: the answer and the tokens of a study that nobody disturbed, and of the one that
was fought over; of that also what the engines answered, whose answers the books do not have, and how often a child
was turned away or lost the study.
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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from planted import SEARCHES, make_study, plain, space_of, write, write_task

from infertune.bank import SampleBank
from infertune.bank import lease as leases
from infertune.bank.lease import Lease
from infertune.budget import Budget
from infertune.engines.leased import LeasedEngine
from infertune.errors import StudyInUseError
from infertune.study.trial_log import TrialLog
from infertune.testing import FakeEngine
from infertune.types import Request, Response

EXPIRY_SECONDS = 1.5  # of the children's leases, so that a stopped holder is soon given up
TURNED_AWAY, LOST = 2, 3


class WitnessedEngine(FakeEngine):
    """Takes a little time for every text, and writes each answer down on disk as it gives it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(write)
        self._witness = os.open(folder / "answered", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for response in super().generate(requests):
            time.sleep(0.001)
            request = response.request
            line = [request.example_id, str(request.prompt), str(request.decoding), request.samples]
            os.write(self._witness, f"{json.dumps([line, response.completion_tokens])}\n".encode())
            yield response


def run(folder: Path) -> None:
    """Run the study as its one holder, and write down its answer."""
    bank = SampleBank(folder / "study.db")
    with Lease(bank.url, "optimize", "planted") as lease:
        task = write_task(folder)
        study = make_study(
            folder,
            task=task,
            engine=LeasedEngine(WitnessedEngine(folder), lease),
            space=space_of(task),
            budget=Budget(tokens=14_000),
            search=SEARCHES["trials"],
            log=TrialLog(bank.url, "planted", lease),
        )
        (folder / "answer.json").write_text(json.dumps(plain(study.run()), sort_keys=True))


def child(folder: Path) -> int:
    """Begin a process that runs the study; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    leases.EXPIRY_SECONDS, leases.BEAT_SECONDS, leases._TRUSTED_SECONDS = EXPIRY_SECONDS, 0.2, 0.5
    try:
        run(folder)
        status = 0
    except StudyInUseError as error:
        status = LOST if "has taken over" in str(error) else TURNED_AWAY
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def fight(folder: Path, n_kills: int, source: random.Random) -> Counter[str]:
    """Keep two children at the study until some were killed and one came to the end; every third kill is a pause."""
    fates: Counter[str] = Counter()
    children: dict[int, float] = {}  # pid and when it continues, if it is stopped
    begin = disturb = time.monotonic()
    while True:
        if len(children) < 2 and time.monotonic() > begin:
            begin = time.monotonic() + 0.3
            children[child(folder)] = 0.0
        for pid, wakes in list(children.items()):
            if wakes and time.monotonic() > wakes:
                os.kill(pid, signal.SIGCONT)
                children[pid] = 0.0
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del children[pid]
                code = os.waitstatus_to_exitcode(status)
                if code not in (0, TURNED_AWAY, LOST, -signal.SIGKILL):
                    for other in children:  # one that is stopped would hold on to the output
                        os.kill(other, signal.SIGKILL)
                    sys.exit(f"a child failed by itself with {code}")
                fates[{0: "ended", TURNED_AWAY: "turned away", LOST: "lost"}.get(code, "killed")] += 1
        if fates["ended"] and fates["killed"] >= n_kills:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            return fates
        if time.monotonic() > disturb and children and fates["killed"] < n_kills:
            disturb = time.monotonic() + source.uniform(0.05, 0.6)
            pid = source.choice(list(children))
            if children[pid]:
                continue
            if source.random() < 0.3:
                os.kill(pid, signal.SIGSTOP)
                children[pid] = time.monotonic() + source.uniform(0.5, 2) * EXPIRY_SECONDS
            else:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def result(folder: Path) -> dict[str, Any]:
    """Return a finished study's answer, and its books beside what its engines answered."""
    with sqlite3.connect(folder / "study.db") as connection:
        booked = connection.execute("SELECT count(*), sum(completion_tokens) FROM bank_requests").fetchone()
        samples = connection.execute(
            "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id"
        ).fetchall()
        left = connection.execute("SELECT count(*) FROM bank_leases").fetchone()[0]
    answered = [json.loads(line)[1] for line in (folder / "answered").read_text().splitlines()]
    return {
        "answer": json.loads((folder / "answer.json").read_text()),
        "booked": booked,
        "answered": [len(answered), sum(answered)],
        "bought_twice": len(samples) - len(set(samples)),
        "leases_left": left,
    }


def main(folder: Path, n_kills: int, seed: int) -> None:
    alone, fought = folder / "alone", folder / "fought"
    for each in (alone, fought):
        each.mkdir()
    os.waitpid(child(alone), 0)
    fates = fight(fought, n_kills, random.Random(seed))
    print(json.dumps({"fates": fates, "alone": result(alone), "fought": result(fought)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
