"""Studies killed while they look at their server: what is paid again, and what is booked of it."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reliability import sums
from benchmarks.reliability.command import Command, prepare
from benchmarks.reliability.endpoint import Ledger, served
from benchmarks.reliability.row import Row

ANSWER_SECONDS = 0.02  # of the endpoint: a look takes a second or so


def rows(folder: Path, *, n_kills: int, seed: int) -> Iterator[Row]:
    """Yield the row: as many studies, each killed once during its look and then run to its end.

    Args:
        folder: An empty one.
        n_kills: Also the studies.
    """
    prepare("httpx", "infertune.engines.openai.engine")
    source = random.Random(seed)
    lost = paid = booked = looks = 0
    for number in range(n_kills):
        place = folder / f"look{number}"
        ledger = folder / f"ledger{number}"
        with served(ledger, seconds=ANSWER_SECONDS) as url:
            command = _command(place, url)
            n_answers = source.randint(1, 140)  # of the 150 or so of a look

            def is_time(ledger: Path = ledger, n_answers: int = n_answers) -> bool:
                return ledger.exists() and ledger.read_bytes().count(b"\n") >= n_answers

            command.run(is_time)
            time.sleep(0.2)  # until what was under way is answered
            interrupted = Ledger(ledger).tokens
            command.run()
            whole = Ledger(ledger)
        lost += interrupted
        looks += whole.look_tokens - interrupted
        paid += whole.tokens
        booked += command.found["spent"]["tokens"]
    figures = {
        "n_kills": n_kills,
        "lost": lost / n_kills,
        "look": looks / n_kills,
        "paid": paid,
        "booked": booked,
        "unbooked": (paid - booked) / n_kills,
    }
    yield Row(
        f"{n_kills} SIGKILLs in the middle of the look at a server",
        f"The look begins anew: on average {figures['lost']:,.0f} tokens are paid again, of {figures['look']:,.0f} of "
        f"a look. All but {figures['unbooked']:.0f} tokens a kill are in the books and count against the budget: "
        "those that were under way or had come in the last tenth of a second.",
        figures,
    )


def _command(place: Path, url: str) -> Command:
    place.mkdir()
    sums.write_task(place, n_tune=10, n_confirm=10)
    settings = [word for setting in ("temperature=0.3,1", "n=1") for word in ("--set", setting)]
    endpoint = ("--engine", "openai", "--model", "fake", "--base-url", url)
    return Command(
        place, ("optimize", "--task", "sums.yaml", *endpoint, "--budget-tokens", "20k", *settings, "--json")
    )
