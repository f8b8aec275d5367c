"""Records real generations of one task for the search benchmark.

    python -m benchmarks.search.record capitals --engine vllm --model bundled:smollm2-135m

All samples land in a bank, so that a recording that was stopped goes on where it stood; when all are there, what ships
is written beside it: the tables of every answer, length and score that the benchmark reads (`tables.py`), and with
`--samples-too` the samples themselves, compressed (`samples.py`), from which the engine `replay` serves.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.search import archive, tables
from benchmarks.search.recording import Recording, recording
from infertune import plugins
from infertune.bank import SampleBank
from infertune.evaluation.account import Account

HERE = Path(__file__).parent / "recorded"
_SAID_SECONDS = 20.0


def record(plan: Recording, bank: SampleBank, engine_name: str, model: str, options: dict[str, str | int]) -> None:
    """Generate what the bank lacks."""
    requests = list(plan.requests())
    started = said = time.monotonic()
    engine = plugins.load("engines", engine_name)(model, **options)

    def landed() -> None:
        nonlocal said
        if time.monotonic() - said > _SAID_SECONDS:
            said = time.monotonic()
            pace = account.run_tokens / (said - started)
            print(f"{account.spent.n_requests:,} of {len(requests):,} requests, {pace:,.0f} tokens/s", flush=True)

    try:
        account = Account(study=f"record {plan.task.name}", engine=engine, bank=bank, on_landing=landed)
        account.buy(requests)
        spent = account.spent
        print(f"{spent.n_requests:,} requests, {spent.tokens:,} tokens, {spent.n_failed} failed")
    finally:
        engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", help="name of a shipped task, or a task file")
    parser.add_argument("--engine", default="hf")
    parser.add_argument("--model", default="bundled:smollm2-135m")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the engine")
    parser.add_argument("--configurations", type=int, default=48)
    parser.add_argument("--tune", type=int, default=60, help="examples to search on")
    parser.add_argument("--confirm", type=int, default=60, help="examples to judge on")
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=HERE)
    parser.add_argument("--samples-too", action="store_true", help="write the compressed samples as well")
    arguments = parser.parse_args()
    plan = recording(
        arguments.task,
        n_configurations=arguments.configurations,
        n_tune=arguments.tune,
        n_confirm=arguments.confirm,
        n_samples=arguments.samples,
    )
    options = dict(each.split("=", 1) for each in arguments.option)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / f"{plan.task.name}.db"
    bank = SampleBank(path)
    record(
        plan, bank, arguments.engine, arguments.model, {k: int(v) if v.isdigit() else v for k, v in options.items()}
    )
    written = tables.write(plan, bank, arguments.folder / f"{plan.task.name}.npz")
    bank.close()
    print(f"{written}: {written.stat().st_size / 1e6:.2f} MB")
    if arguments.samples_too:
        packed = archive.pack(path)
        print(f"{packed}: {packed.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    sys.exit(main())
