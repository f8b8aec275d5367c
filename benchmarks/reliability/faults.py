"""Studies whose endpoint spoils a share of all calls, each beside the same study without a fault."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.reliability import sums
from benchmarks.reliability.command import Command, prepare
from benchmarks.reliability.endpoint import Ledger, served
from benchmarks.reliability.row import Row

MODULES = ("httpx", "infertune.engines.openai.engine")
SHARES = (0.2, 0.4)
WIDE = ("n=1",)
# Tokens; of the wide space a study cannot try all, so that what faults cost decides a little.
_BUDGETS = {sums.SMALL: 40_000, WIDE: 25_000}


def rows(
    folder: Path, *, n_seeds: int, n_examples: int, pause: float = 2.0, shares: Sequence[float] = SHARES
) -> Iterator[Row]:
    """Yield a row for each share of faults.

    Args:
        folder: An empty one.
        n_seeds: Studies of the wide space; the small one has one.
        n_examples: Of each split.
        pause: Seconds of a call that is held up.
    """
    prepare(*MODULES)
    jobs = [(sums.SMALL, 0), *((WIDE, seed) for seed in range(n_seeds))]
    clean = [_study(folder / f"clean{at}", 0.0, *job, n_examples, 0.0) for at, job in enumerate(jobs)]
    for share in shares:
        places = [folder / f"spoilt{share}-{at}" for at in range(len(jobs))]
        spoilt = [_study(at, share, *job, n_examples, pause) for at, job in zip(places, jobs, strict=True)]
        yield _row(share, clean, spoilt)


def _study(
    folder: Path, share: float, settings: tuple[str, ...], seed: int, n_examples: int, pause: float
) -> dict[str, Any]:
    folder.mkdir()
    sums.write_task(folder, n_tune=n_examples, n_confirm=n_examples)
    with served(folder / "ledger", share=share, pause=pause, seed=seed) as url:
        command = Command(
            folder,
            (
                *("optimize", "--task", "sums.yaml", "--engine", "openai", "--model", "fake", "--base-url", url),
                *("--budget-tokens", str(_BUDGETS[settings]), "--seed", str(seed), "--json"),
                *(word for setting in settings for word in ("--set", setting)),
            ),
        )
        command.run()
    found, ledger = command.found, Ledger(folder / "ledger")
    return {
        "answer": command.answer,
        "worth": sums.worth(found["recommended"]["configuration"]),
        "booked": found["spent"]["tokens"],
        "paid": ledger.tokens,
        "budget": _BUDGETS[settings],
        "n_requests": found["spent"]["n_requests"],
        "n_failed": found["spent"]["n_failed"],
        "zeros": sum(n for (n,) in command.ask(_EMPTY)),
        "bought_twice": command.bought_twice,
    }


# Requests that failed, and that have a sample all the same.
_EMPTY = "SELECT count(*) FROM bank_requests r JOIN bank_generations g ON g.request = r.id WHERE r.error != ''"


def _row(share: float, clean: list[dict[str, Any]], spoilt: list[dict[str, Any]]) -> Row:
    same = clean[0]["answer"]["recommended"] == spoilt[0]["answer"]["recommended"]
    gains = [b["worth"] - a["worth"] for a, b in zip(clean[1:], spoilt[1:], strict=True)]
    booked, paid = (sum(each[name] for each in spoilt) for name in ("booked", "paid"))
    figures = {
        "share": share,
        "same_answer": same,
        "gains": gains,
        "booked": booked,
        "paid": paid,
        "n_requests": sum(each["n_requests"] for each in spoilt),
        "n_failed": sum(each["n_failed"] for each in spoilt),
        "n_zeros": sum(each["zeros"] for each in spoilt),
        "bought_twice": sum(each["bought_twice"] for each in spoilt),
        "most_of_budget": max(each["booked"] / each["budget"] for each in spoilt),
    }
    error = f" ± {stdev(gains) / len(gains) ** 0.5:.3f}" if len(gains) > 1 else ""
    paired = f"; with too many to try, true utility {mean(gains):+.3f}{error} in {len(gains)} pairs" if gains else ""
    return Row(
        f"{share:.0%} of the calls spoilt in ten ways, the look's too",
        f"Where all configurations are tried {'the same answer' if same else 'ANOTHER ANSWER'}{paired}. "
        f"{figures['n_requests']:,} requests answered, {figures['n_failed']} failed for good, {figures['n_zeros']} of "
        f"them count as an answer; {figures['bought_twice']} samples are in the books twice. The endpoint generated "
        f"{paid:,} tokens, {booked:,} are booked; at most {figures['most_of_budget']:.0%} of a budget was used.",
        figures,
    )
