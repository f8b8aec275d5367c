"""``tune-serving`` killed with SIGKILL at random moments, on servers that really start and really take time."""

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.reliability.command import MOST_KILLS, Command, after, prepare, timed
from benchmarks.reliability.row import Row

SERVER = Path(__file__).parents[2] / "tests" / "servers" / "slotted_server.py"
SECONDS_TO_END = 3.0  # in which a server ends whose owner was killed


def rows(folder: Path, *, n_kills: int, seed: int, budget_seconds: int = 60) -> Iterator[Row]:
    """Yield the row.

    Args:
        folder: An empty one.
        budget_seconds: Of each study.
    """
    prepare("infertune.api.serving", "infertune.serving.search.search", "infertune.serving.workload_text")
    whole = _command(folder / "whole", budget_seconds)
    seconds = timed(whole.run)
    source = random.Random(seed)
    parts: list[Command] = []
    n_done = n_left = 0
    while n_done < n_kills:
        parts.append(_command(folder / f"part{len(parts)}", budget_seconds))
        for _ in range(min(n_kills - n_done, MOST_KILLS)):
            if parts[-1].run(after(source.uniform(0, 0.8 * seconds))):
                break
            n_done += 1
            n_left += _left()
        else:
            parts[-1].run()
    found = [_verdict(each) for each in parts]
    booked = [_events(each) for each in parts]
    figures = {
        "n_kills": n_done,
        "n_studies": len(parts),
        "n_same": sum(each == _verdict(whole) for each in found),
        "n_left": n_left,
        "restart": sum(restart for _, restart in booked) / n_done,
        "booked": sum(spent for spent, _ in booked) / len(parts),
        "whole": _events(whole)[0],
    }
    yield Row(
        f"`tune-serving`: {n_done} SIGKILLs at random moments",
        f"{figures['n_same']} of {len(parts)} studies recommend what an unbroken one does. No burst is measured "
        f"twice; what was under way is lost, and its server is started again: {figures['restart']:.1f} s a kill. "
        f"{n_left} servers were left running {SECONDS_TO_END:.0f} s after a kill.",
        figures,
    )


def _command(place: Path, budget_seconds: int) -> Command:
    place.mkdir()
    server = f"{sys.executable} {SERVER} --port {{port}} --slots {{engine.slots}}"
    arguments = (
        *("tune-serving", "--engine", "command", "--command", server, "--model", "slotted", "--set", "slots=1,2,8"),
        *("--workload", "synthetic:input=5,output=2", "--burst-seconds", "1", "--maximize", "throughput"),
        *("--budget-seconds", str(budget_seconds), "--json"),
    )
    return Command(place, arguments)


def _verdict(command: Command) -> object:
    verdict = command.found["verdict"]
    return [verdict["kind"], verdict["recommended"]]


def _events(command: Command) -> tuple[float, float]:
    """Return the seconds in the books, and those of them that started again what was killed."""
    rows = command.ask("SELECT value FROM bank_serving_events WHERE key LIKE '%/%'")
    values = [json.loads(text)["value"] for (text,) in rows]
    return sum(each["seconds"] for each in values), sum(each.get("restart", 0.0) for each in values)


def _left() -> int:
    """Return how many servers of a killed command still run after a while."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (n := sum(map(_is_server, psutil.process_iter()))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return n


def _is_server(process: psutil.Process) -> bool:
    try:
        return str(SERVER) in process.cmdline() and process.uids().real == os.getuid()
    except psutil.Error:
        return False
