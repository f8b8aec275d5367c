"""How much there is to tune: utility of a task's prompts, temperatures and voters with one model.

    python benchmarks/task_signal.py kinds capitals

Every prompt is run at four temperatures on the first examples of the `tune` split, five samples each (greedy
decoding: one); n = 5 by majority and by best-of-n is replayed from the same samples. The best and the worst are over
the rows shown, at the task's own cap on answer length: shorter caps would only find worse ones. The best of many owes
something to luck, so both are measured once more on examples of the `confirm` split, and compared example by example.
All samples land in a bank, so a second run costs nothing.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from infertune import tasks
from infertune.bank import SampleBank
from infertune.engines.hf.engine import HFEngine
from infertune.evaluation.replay import replayed_responses
from infertune.evaluation.requests import requests_for
from infertune.evaluation.scoring import CachedScorer
from infertune.report.table import short
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.statistics.intervals import paired_difference
from infertune.tasks import Task
from infertune.types import Configuration, Engine, Example
from infertune.types.evidence import Candidate

TEMPERATURES = (0.0, 0.7, 1.0, 1.5)
N_SAMPLES = 5


def settings(task: Task, space: SearchSpace) -> Iterator[Configuration]:
    """Yield every prompt and temperature of the fixed list, as request-tier values."""
    for template in task.prompts:
        for temperature in TEMPERATURES:
            fixed = {"prompt.template": template, "decoding.temperature": temperature}
            yield space.tier("request").assemble(lambda each, fixed=fixed: fixed.get(each.name, each.default))


def measured(
    task: Task, configuration: Configuration, examples: Sequence[Example], engine: Engine, bank: SampleBank
) -> list[Candidate]:
    """Return the configuration under every voter, at the task's own cap on answer length."""
    space = default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices, n=(1, N_SAMPLES))
    requests = requests_for(task, configuration, examples, n_samples=N_SAMPLES, max_tokens=task.max_tokens, seed=0)
    for response in engine.generate(bank.missing(engine.facts, requests)):
        bank.put("task_signal", engine.facts, response)
    responses = bank.get(engine.facts, requests)
    found = replayed_responses(space, CachedScorer(task), configuration, examples, responses)
    assert found is not None
    ids = [example.id for example in examples]
    made = found.candidates(configuration, ids)
    return [one for one in made if one.configuration["decoding.max_tokens"] == task.max_tokens]


def again(task: Task, chosen: Candidate, examples: Sequence[Example], engine: Engine, bank: SampleBank) -> Candidate:
    """Return the same configuration with its evidence on other examples."""
    replay = ("decoding.max_tokens", "strategy.n", "strategy.name")
    configuration = Configuration({k: v for k, v in chosen.configuration.items() if k not in replay})
    found = measured(task, configuration, examples, engine, bank)
    return next(one for one in found if one.configuration == chosen.configuration)


def row(candidate: Candidate) -> list[str]:
    error = candidate.scores.std(ddof=1) / np.sqrt(len(candidate.scores))
    configuration = candidate.configuration
    n = int(configuration["strategy.n"])
    return [
        str(configuration["prompt.template"]),
        f"{configuration['decoding.temperature']:g}",
        "1" if n == 1 else f"{n} {configuration['strategy.name']}",
        f"{candidate.utility:.3f} ± {error:.3f}",
        f"{candidate.cost_tokens:.0f}",
    ]


def table(title: str, rows: list[list[str]]) -> str:
    head = [title, "temperature", "n", "utility", "tokens per request"]
    lines = [head, ["---", "---:", "---", "---:", "---:"], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="+", metavar="TASK", help="names of shipped tasks, or task files")
    parser.add_argument("--model", default="bundled:smollm2-135m")
    parser.add_argument("--dtype", help="as the engine hf takes it")
    parser.add_argument("--examples", type=int, default=64, help="examples of the tune split; default 64")
    parser.add_argument("--confirm", type=int, default=100, help="examples of the confirm split; default 100")
    parser.add_argument("--bank", type=Path, default=Path("task_signal.db"), help="where samples are kept")
    arguments = parser.parse_args()
    engine = HFEngine(arguments.model, dtype=arguments.dtype)
    bank = SampleBank(arguments.bank)
    for name in arguments.tasks:
        task = tasks.load(name)
        space = default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens)
        tune, confirm = task.tune[: arguments.examples], task.confirm[: arguments.confirm]
        found = [one for each in settings(task, space) for one in measured(task, each, tune, engine, bank)]
        best, worst = max(found, key=lambda c: c.utility), min(found, key=lambda c: c.utility)
        print(f"\n### {task.name}\n\n{table('prompt', [row(candidate) for candidate in found])}\n")
        print(f"Tune: best {best.utility:.3f}, worst {worst.utility:.3f}, {len(tune)} examples.", flush=True)
        best, worst = (again(task, one, confirm, engine, bank) for one in (best, worst))
        spread = paired_difference(best.scores, worst.scores)
        interval = f"{spread.mean:.3f} [{spread.low:.3f}, {spread.high:.3f}]"
        print(
            f"Confirm: best {best.utility:.3f}, worst {worst.utility:.3f}, spread {interval}, {spread.n} examples: "
            f"{short(best.configuration, space)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
