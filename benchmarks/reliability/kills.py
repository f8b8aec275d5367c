"""Studies killed with SIGKILL at random moments, on each engine: what they answer in the end, and what they paid."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability import sums
from benchmarks.reliability.command import Command, prepare, timed
from benchmarks.reliability.endpoint import Ledger, served
from benchmarks.reliability.row import Row

ANSWER_SECONDS = 0.002  # of the endpoint, so that there is something to interrupt
Arguments = Callable[[Path], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Engine:
    """One that studies run on.

    Attributes:
        words: For the table.
        arguments: Of the command, in a folder.
        modules: To import before the command is forked.
        ledger: Of the endpoint; None where there is none.
    """

    words: str
    arguments: Arguments
    modules: tuple[str, ...] = ()
    ledger: Path | None = None


def rows(folder: Path, engines: tuple[str, ...], *, n_kills: int, seed: int) -> Iterator[Row]:
    """Yield a row for each engine.

    Args:
        folder: An empty one.
        engines: Of ``NAMES``.
        n_kills: Of each.
    """
    for name in engines:
        place = folder / name.replace(" ", "-")
        place.mkdir()
        with ExitStack() as opened:
            yield _row(NAMES[name](place, opened), place, n_kills, seed)


def _row(engine: Engine, place: Path, n_kills: int, seed: int) -> Row:
    prepare(*engine.modules)
    whole = _command(place / "whole", engine)
    seconds = timed(whole.run)
    paid_whole = Ledger(engine.ledger).tokens if engine.ledger else 0
    source = random.Random(seed)
    parts: list[Command] = []
    n_done = 0
    while n_done < n_kills:
        parts.append(_command(place / f"part{len(parts)}", engine))
        n_done += parts[-1].killed(n_kills - n_done, seconds, source)
    booked = [each.found["spent"]["tokens"] for each in parts]
    figures: dict[str, Any] = {
        "n_kills": n_done,
        "n_studies": len(parts),
        "n_same": sum(each.answer == whole.answer for each in parts),
        "bought_twice": sum(each.bought_twice for each in parts),
        "most_off": max(abs(each - whole.found["spent"]["tokens"]) for each in booked),
        "booked": sum(booked),
        "whole": whole.found["spent"]["tokens"],
    }
    words = (
        f"{figures['n_same']} of {len(parts)} studies end with the answer of an unbroken one, to the last digit; "
        f"{figures['bought_twice']} samples bought twice; booked {sum(booked):,} tokens, {figures['whole']:,} in an "
        "unbroken study"
    )
    if engine.ledger:
        figures["paid"] = Ledger(engine.ledger).tokens - paid_whole
        lost = figures["paid"] - figures["booked"]
        words += f"; the endpoint generated {figures['paid']:,}: {lost / n_done:.0f} a kill were under way and lost"
    return Row(f"{n_done} SIGKILLs, {engine.words}", words + ".", figures)


def _command(folder: Path, engine: Engine) -> Command:
    folder.mkdir()
    sums.write_task(folder)
    return Command(folder, ("optimize", *engine.arguments(folder), "--json"))


def _sums(*engine: str, budget: str) -> Arguments:
    settings = tuple(word for setting in sums.SMALL for word in ("--set", setting))
    return lambda folder: ("--task", "sums.yaml", *engine, "--budget-tokens", budget, *settings)


def _hf(place: Path, opened: ExitStack) -> Engine:
    arguments = (
        *("--task", "capitals", "--engine", "hf", "--threads", "1", "--batch-size", "16", "--budget-tokens", "6k"),
        *("--set", "prompt=capitals-quiz", "--set", "n=1,3"),
    )
    return Engine("hf, the embedded model", lambda folder: arguments, ("infertune.engines.hf.engine",))


def _vllm(place: Path, opened: ExitStack) -> Engine:
    arguments = (
        *("--task", "capitals", "--engine", "vllm", "--budget-tokens", "6k", "--set", "prompt=capitals-quiz"),
        *("--set", "n=1,3", "--engine-arg", "enforce_eager", "--engine-arg", "max_model_len=1024"),
    )
    return Engine("vllm, the embedded model", lambda folder: arguments, ("infertune.engines.vllm.engine",))


def _endpoint(place: Path, opened: ExitStack, *, is_known: bool) -> Engine:
    ledger = place / "ledger"
    url = opened.enter_context(served(ledger, seconds=ANSWER_SECONDS, is_known=is_known))
    arguments = _sums("--engine", "openai", "--model", "fake", "--base-url", url, budget="40k")
    if is_known:  # by a command before
        prepare("httpx", "infertune.engines.openai.engine")
        _command(place / "earlier", Engine("", arguments)).run()
    words = "openai, without a look: it was known" if is_known else "openai, the look among what is killed"
    modules = ("httpx", "infertune.engines.openai.engine")
    return Engine(words, arguments, modules, ledger=ledger)


def _replay(place: Path, opened: ExitStack) -> Engine:
    """A study of the endpoint recorded all that can be asked of the small space."""
    url = opened.enter_context(served(place / "ledger"))
    prepare("httpx", "infertune.engines.openai.engine")
    recorded = _command(
        place / "recorded",
        Engine("", _sums("--engine", "openai", "--model", "fake", "--base-url", url, budget="400k")),
    )
    recorded.run()
    bank = str(recorded.folder / "infertune.db")
    return Engine("replay, a recorded bank", _sums("--engine", "replay", "--model", bank, budget="8k"))


NAMES: dict[str, Callable[[Path, ExitStack], Engine]] = {
    "hf": _hf,
    "openai": lambda place, opened: _endpoint(place, opened, is_known=False),
    "openai known": lambda place, opened: _endpoint(place, opened, is_known=True),
    "replay": _replay,
    "vllm": _vllm,
}
USUAL = [name for name in NAMES if name != "vllm"]  # which takes a minute to start
