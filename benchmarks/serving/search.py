"""The search of tune-serving against the full grid of settings and rates, as ``vllm bench sweep serve`` runs it.

On simulated servers whose true capacities are known. The grid starts a server for every setting and presses it with
every rate for as long; its answer is the setting that held the highest rate, of several the one with the lowest p99 of
the time to first token. The search gets a part of the grid's time. Both are judged by the true capacity of their
answer, as a share of the best of all settings.

    python benchmarks/serving/search.py --seeds 10
    python benchmarks/serving/search.py --capacity      the error of one capacity against the length of bursts
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from infertune.engines.process.server_process import ServerFailed
from infertune.load.arrival_load import Load
from infertune.load.saturation import hopeless
from infertune.load.slo import Slo, parse
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.capacity import Effort, capacity
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.figures import Figures, figures, held
from infertune.serving.measure.goal import Goal
from infertune.serving.search.search import ServingSearch
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.testing.simulated_server import Hardware, Traffic
from infertune.types import Configuration

SETTINGS = ("max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching")
RATES = (2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0)
MOST_GRIDS = 3  # of other seeds; they take most of the time
GRID_SECONDS = 20.0  # of each load
SCENARIOS = {
    "chat": (Hardware(), Traffic(), "p99_ttft<400ms, p99_itl<60ms"),
    "long prompts": (Hardware(), Traffic(prompt=600.0, output=20.0, shared=0.3), "p99_ttft<800ms, p99_itl<90ms"),
    "long answers": (Hardware(), Traffic(prompt=60.0, output=120.0), "p99_e2e<6s, p99_itl<40ms"),
}


def grid(launcher: SimulatedLauncher, slo: Slo) -> Configuration:
    """Return the answer of the grid."""
    best: tuple[float, float, Configuration] | None = None
    for configuration in launcher.space.configurations():
        try:
            server = launcher.start(configuration)
        except ServerFailed:
            continue
        for rate in RATES:
            n = max(20, int(rate * GRID_SECONDS))
            found = figures(server.press(Load(rate=rate), n_requests=n, seed=0), slo, n)
            if held(found):
                better = (rate, -found.latencies["p99_ttft"])
                if best is None or better > best[:2]:
                    best = (*better, configuration)
        server.close()
    assert best is not None, "the grid's lowest rate keeps no SLO"
    return best[2]


def searched(launcher: SimulatedLauncher, slo: Slo, budget: float, seed: int) -> dict[str, Configuration | None]:
    """Return the answers of the search and of its random control, by the control's own bursts."""
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "log.db", "bench")
        account = LoadAccount(launcher, log, slo, launcher.clock)
        goal = Goal(kind="goodput", slo=slo)
        found = ServingSearch(account, log, launcher.space, goal, budget=budget, burst_seconds=10.0, seed=seed).run()
        log.close()
    random = [trial for trial in found.trials if trial.arm == "random" and trial.score is not None]
    return {
        "search": found.verdict.recommended.configuration if found.verdict.recommended else None,
        "random": max(random, key=lambda trial: trial.score or 0.0).configuration if random else None,
    }


def compare(seeds: int, parts: tuple[int, ...], names: list[str]) -> None:
    """Print the table: for each scenario and part of the grid's time, the shares of the best true capacity."""
    print(
        "| scenario | settings | grid, s | grid's answer | default | part of the time | search, mean (least) "
        "| random control |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in names:
        hardware, traffic, text = SCENARIOS[name]
        slo = parse(text)
        exact = SimulatedLauncher(hardware, traffic, settings=SETTINGS)
        truth = {each: exact.truth(each, slo, n_requests=400) for each in exact.space.configurations()}
        best = max(truth.values())
        default = truth[exact.space.default_configuration()] / best
        walls, answers = [], []
        for seed in range(min(seeds, MOST_GRIDS)):
            launcher = SimulatedLauncher(hardware, traffic, seed=seed, settings=SETTINGS)
            answers.append(truth[grid(launcher, slo)] / best)
            walls.append(launcher.clock())
        for part in parts:
            shares: dict[str, list[float]] = {"search": [], "random": []}
            for seed in range(seeds):
                launcher = SimulatedLauncher(hardware, traffic, seed=1000 + seed, settings=SETTINGS)
                for arm, answer in searched(launcher, slo, float(np.mean(walls)) / part, seed).items():
                    shares[arm].append(truth[answer] / best if answer is not None else 0.0)
            mine, control = shares["search"], shares["random"]
            print(
                f"| {name} | {len(truth)} | {np.mean(walls):,.0f} | {_share(answers)} | {default:.0%} | 1/{part} "
                f"| {_share(mine)} ({min(mine):.0%}) | {_share(control)} |",
                flush=True,
            )


def capacities(seeds: int) -> None:
    """Print the error of one capacity: bias and spread of its logarithm against the truth, by the length of bursts."""
    slo = parse("p99_ttft<400ms, p99_itl<60ms")
    rng = np.random.default_rng(0)
    space = SimulatedLauncher().space
    drawn = [space.sample(rng) for _ in range(seeds)]
    truth = [SimulatedLauncher().truth(each, slo, n_requests=600) for each in drawn]
    print("| bursts of | n | bias | standard deviation | bursts used | seconds |")
    print("|---:|---:|---:|---:|---:|---:|")
    for length in (5.0, 10.0, 20.0, 30.0):
        errors, used, spent = [], [], []
        for seed, (configuration, true) in enumerate(zip(drawn, truth, strict=True)):
            if not true:
                continue
            launcher = SimulatedLauncher(seed=seed)
            server = launcher.start(configuration)
            began = launcher.clock()

            def press(level: float, turn: int, server=server, length=length) -> Figures:  # type: ignore[no-untyped-def]
                n = max(20, int(level * length))
                burst = server.press(Load(rate=level), n_requests=n, seed=1 + turn, hopeless=hopeless(slo, n))
                return figures(burst, slo, n)

            effort = Effort(most_bursts=8, tolerance=0.15)
            found = capacity(press, start=6.0, lowest=0.05, highest=1000.0, effort=effort)
            if found.value:
                errors.append(np.log(found.value / true))
            used.append(len(found.bursts))
            spent.append(launcher.clock() - began)
        print(
            f"| {length:g} s | {len(errors)} | {np.expm1(np.mean(errors)):+.0%} | {np.std(errors):.0%} "
            f"| {np.mean(used):.1f} | {np.mean(spent):.0f} |",
            flush=True,
        )


def _share(values: list[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.1%} ±{error:.1%}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--capacity", action="store_true")
    parser.add_argument("--parts", type=int, nargs="+", default=[5, 10])
    asked = parser.parse_args()
    if asked.capacity:
        capacities(asked.seeds)
    else:
        compare(asked.seeds, tuple(asked.parts), asked.scenarios)
