"""``optimize --joint`` killed with SIGKILL at random moments, with the engine hf and the embedded model."""

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reliability.command import Command, prepare, timed
from benchmarks.reliability.row import Row

ARGUMENTS = (
    *("optimize", "--joint", "--task", "capitals", "--budget-tokens", "4k", "--set", "prompt=capitals-quiz"),
    *("--set", "n=1", "--set", "engine.batch_size=16,32", "--dtype", "float32", "--threads", "1"),
    *("--starts", "2", "--burst", "8", "--turns", "1", "--margin", "0.1", "--json"),
)


def rows(folder: Path, *, n_kills: int, seed: int) -> Iterator[Row]:
    """Yield the row."""
    prepare("infertune.engines.hf.engine", "infertune.api.joint", "infertune.joint.search")
    whole = _command(folder / "whole")
    seconds = timed(whole.run)
    source = random.Random(seed)
    parts: list[Command] = []
    n_done = 0
    while n_done < n_kills:
        parts.append(_command(folder / f"part{len(parts)}"))
        n_done += parts[-1].killed(n_kills - n_done, seconds, source)
    figures = {
        "n_kills": n_done,
        "n_studies": len(parts),
        "n_same": sum(_decoding(each) == _decoding(whole) for each in parts),
        "bought_twice": sum(each.bought_twice for each in parts),
        "most_off": max(abs(_study_tokens(each) - _study_tokens(whole)) for each in parts),
        "tokens": _study_tokens(whole),
        "n_leases": sum(each.ask("SELECT count(*) FROM bank_leases")[0][0] for each in parts),
    }
    yield Row(
        f"`optimize --joint`: {n_done} SIGKILLs at random moments, hf",
        f"{figures['n_same']} of {len(parts)} studies give the decoding and utility of an unbroken one, to the last "
        f"digit; {figures['bought_twice']} samples bought twice; the books differ by at most "
        f"{figures['most_off']} of {figures['tokens']:,} tokens. A burst that was under way is timed again; a figure "
        f"that is noted is not. {figures['n_leases']} leases were left.",
        figures,
    )


def _command(place: Path) -> Command:
    place.mkdir()
    return Command(place, ARGUMENTS)


def _decoding(command: Command) -> object:
    found = command.found
    return [found[name] for name in ("recommended", "default", "verdict", "difference", "n_trials")]


def _study_tokens(command: Command) -> int:
    return int(command.found["joint"]["spent"]["study_tokens"])
