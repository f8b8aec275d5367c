"""The benchmark's books and its simulated workers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.families import SYNTHETIC
from benchmarks.search.methods import METHODS, PEERS
from benchmarks.search.optimum import worth
from benchmarks.search.problem import Bought, Problem, Purchase, RecordedProblem, SyntheticProblem
from benchmarks.search.race import Method, Setting, run
from infertune.types import Configuration


class Clerk:
    """Buys one thing again and again, and keeps the receipts."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.asked = self.told = 0
        self.receipts: list[int] = []

    def ask(self) -> Purchase | None:
        self.asked += 1
        request = self.setting.problem.space.tier("request")
        return Purchase(
            configuration=request.default_configuration(), examples=np.arange(5), n_samples=3, max_tokens=256
        )

    def tell(self, bought: Bought) -> None:
        self.told += 1
        self.receipts.append(bought.tokens)

    def recommend(self) -> Configuration:
        return self.setting.problem.space.default_configuration()


def clerk(n_workers: int) -> tuple[Clerk, float]:
    made: list[Clerk] = []

    def make(setting: Setting) -> Method:
        made.append(Clerk(setting))
        return made[0]

    setting = Setting(problem=SyntheticProblem(0, None, 0), budget_tokens=20_000, n_workers=n_workers)
    done = run(make, setting)
    assert done.tokens == sum(made[0].receipts) <= 20_000 < done.tokens + made[0].receipts[0]
    assert made[0].told == made[0].asked - 1, "what goes over the budget is not told"
    return made[0], done.seconds


def test_every_purchase_is_paid_in_full_also_the_second_time() -> None:
    alone, seconds = clerk(1)
    assert seconds == sum(alone.receipts) and len(set(alone.receipts)) == 1
    table = alone.setting.problem.buy(alone.ask() or pytest.fail("nothing asked"))
    whole = table.table(256, "")
    assert table.tokens == int(table.prompt_tokens.sum() + whole.tokens.sum())


def test_workers_share_the_work() -> None:
    _, alone = clerk(1)
    _, together = clerk(4)
    assert together < alone / 3


def test_greedy_decoding_is_paid_once() -> None:
    problem = SyntheticProblem(0, None, 0)
    request = problem.space.tier("request")
    greedy = request.assemble(lambda p: 0.0 if p.name == "decoding.temperature" else p.default)
    bought = [
        problem.buy(Purchase(configuration=greedy, examples=np.arange(4), n_samples=n, max_tokens=64)).tokens
        for n in (1, 9)
    ]
    assert bought[0] == bought[1]


OURS = [name for name in METHODS if name not in PEERS]
CASES = [(name, kind) for name in OURS for kind in ("synthetic", "recorded")]
CASES += [
    (name, kind) for name in ("value", "random", "tpe", "ecooptigen") for kind in SYNTHETIC if kind != "synthetic"
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_method_runs_on_every_kind_of_problem(name: str, kind: str, recorded: RecordedProblem) -> None:
    cap = 600.0 if kind == "synthetic" else SYNTHETIC[kind].caps[-1] if kind in SYNTHETIC else None
    problem: Problem = recorded if kind == "recorded" else SyntheticProblem(0, cap, 0, family=kind)
    budget = {"synthetic": 40_000, "recorded": 60_000}.get(kind, 150_000)
    made: list[Method] = []

    def make(setting: Setting, start: Callable[[Setting], Method] = METHODS[name]) -> Method:
        made.append(start(setting))
        return made[0]

    done = run(make, Setting(problem=problem, budget_tokens=budget, n_workers=3), checkpoints=(0.5, 1.0))
    assert len(done.regrets) == 2 and min(done.regrets) > -0.02
    assert 0 < done.tokens <= budget
    problem.space.validate(made[0].recommend())
    assert done.n_configurations <= (len(recorded.configurations) if kind == "recorded" else budget)


def test_what_is_over_the_cap_loses_by_how_much() -> None:
    assert worth(0.8, 90.0, 100.0) == worth(0.8, 100.0, 100.0) == 0.8
    assert worth(0.8, 110.0, 100.0) == pytest.approx(0.7)
    assert worth(0.8, 1e9, None) == 0.8
    assert worth(0.008, 110.0, 100.0, scale=0.01) == pytest.approx(0.007)


def test_the_results_are_kept_and_a_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.search import __main__ as command
    from benchmarks.search import results as lines

    results, ran = tmp_path / "results.jsonl", []
    real = lines.run
    monkeypatch.setattr(lines, "run", lambda *a, **k: ran.append(1) or real(*a, **k))
    words = ["search", "random", "qmc", "--landscapes", "0", "--caps", "600", "--budgets", "30k"]
    for expected in (2, 2):
        monkeypatch.setattr("sys.argv", [*words, "--results", str(results), "--picture", str(tmp_path / "p.png")])
        command.main()
        assert len(ran) == expected and len(results.read_text().splitlines()) == 2
    assert (tmp_path / "p.png").stat().st_size > 1000
