"""What the joint search finds against decoding alone and the engine alone, with the engine hf on a CPU.

    python benchmarks/serving/joint.py OUT.json [--seeds 1] [--budget 24000] [--margin 0.1] [--turns 6]

The default engine is a careful user's: float32, one thread, 16 samples at once (fewer save nothing on a CPU, where the
engine `hf` computes at least 16 rows). The search may change batch size and dtype beside the decoding of the task
`capitals`. All four corners are timed in the finals, in turns with a fresh start of each engine; utilities are
those of the confirmation.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from infertune import __version__, tasks
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.engines.launch.hf_engine import HFEngineLauncher
from infertune.engines.start import start
from infertune.joint.context import joint_name
from infertune.joint.engine_trials import Starts
from infertune.joint.recommendation import JointRecommendation
from infertune.joint.running import Slot
from infertune.joint.search import Joint, JointLimits
from infertune.report.joint_verdict import guarded, sentence
from infertune.space.default_space import default_space
from infertune.space.names import settings_in_words
from infertune.space.notation import changed
from infertune.study.search_names import search_named
from infertune.study.trial_log import TrialLog

MODEL = "bundled:smollm2-135m"
DEFAULTS: dict[str, bool | int | float | str] = {
    "engine.batch_size": 16,
    "engine.dtype": "float32",
    "engine.threads": 1,
}
ENGINE = ["engine.batch_size=16,32,64", "engine.threads=1"]
DECODING = ["prompt=capitals-quiz", "n=1"]


def run(folder: Path, *, seed: int, budget: int, limits: JointLimits) -> JointRecommendation:
    """Run one joint search."""
    task = tasks.load("capitals")
    space = changed(default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices), DECODING)
    launcher = HFEngineLauncher(lambda options, journal: start("hf", MODEL, options, journal=journal), {})
    engines = launcher.searched(ENGINE)
    engines = engines.replaced([replace(engines[name], default=value) for name, value in DEFAULTS.items()])
    bank = SampleBank(folder / f"joint-{seed}.db")

    def log_of(name: str) -> TrialLog:
        return TrialLog(bank.url, name)

    slot = Slot(launcher)
    starts = Starts(
        name="joint",
        task=task,
        slot=slot,
        bank=bank,
        log=log_of(joint_name("joint")),
        n_requests=limits.n_requests,
        seed=seed,
        say=lambda line: print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True),
    )
    return Joint(
        name="joint",
        task=task,
        space=space,
        engines=engines,
        slot=slot,
        facts=slot.running(engines.default_configuration()).facts,
        search=lambda: search_named("infertune"),
        bank=bank,
        log_of=log_of,
        budget=Budget(tokens=budget),
        limits=limits,
        starts=starts,
        seed=seed,
    ).run()


def figures(found: JointRecommendation) -> dict[str, object]:
    """Return what is reported of one search."""
    return {
        "sentence": sentence(found),
        "verdict": found.engine_verdict.kind,
        "engine": settings_in_words(found.engine),
        "decoding": dict(found.decoding),
        "seconds_per_request": {f"{a} engine, {b} decoding": s for (a, b), s in found.seconds.items()},
        "timed_gain": None if found.timed_gain is None else asdict(found.timed_gain),
        "whole_gain": None if found.whole_gain is None else asdict(found.whole_gain),
        "utility": asdict(found.verdict.recommended.utility),
        "default_utility": asdict(found.verdict.default.utility),
        "decoding_alone_utility": asdict(found.study.verdict.recommended.utility),
        "guards": [f"{settings_in_words(each.engine)}: {guarded(each.test)}" for each in found.guards],
        "starts": [(settings_in_words(each.engine), each.seconds, each.failure) for each in found.starts],
        "spent": asdict(found.paid),
    }


def main() -> None:
    """Run the seeds and write their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget", type=int, default=24_000)
    parser.add_argument("--margin", type=float, default=0.1)
    parser.add_argument("--burst", type=int, default=32)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--db", type=Path, help="Folder of the databases; an interrupted run resumes there.")
    given = parser.parse_args()
    limits = JointLimits(margin=given.margin, n_starts=7, n_requests=given.burst, n_turns=given.turns)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.db or Path(temporary)
        runs = []
        for seed in range(given.seeds):
            began = time.monotonic()
            found = run(folder, seed=seed, budget=given.budget, limits=limits)
            runs.append({"seed": seed, "minutes": (time.monotonic() - began) / 60, **figures(found)})
            given.out.write_text(
                json.dumps({"infertune": __version__, "torch": torch.__version__, "runs": runs}, indent=2) + "\n"
            )
    print(given.out.read_text())


if __name__ == "__main__":
    main()
