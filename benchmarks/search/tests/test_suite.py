"""The suite: one command, one table, one picture, and what it has run is not run again."""

import json
import re
from pathlib import Path

import matplotlib
import pytest

from benchmarks.search import suite
from benchmarks.search.methods import PEERS
from benchmarks.search.report import report
from benchmarks.search.results import picture


def test_a_small_suite_is_whole_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "synthetic": suite.Family(problem=suite._synthetic, budgets=(20_000, 40_000)),
        "recorded": suite.Family(problem=suite._recorded, budgets=(10_000, 20_000)),
    }
    monkeypatch.setattr(suite, "FAMILIES", small)
    monkeypatch.setattr(suite, "TRIALS", (10, 50))
    results, table, picture = tmp_path / "r.jsonl", tmp_path / "t.md", tmp_path / "p.png"
    words = [
        "suite",
        "--seeds",
        "1",
        "--workers",
        "1",
        "--methods",
        "random",
        "random, no reuse",
        "--results",
        results,
    ]
    words += ["--table", table, "--picture", picture, "--patient-results", tmp_path / "patient.jsonl"]
    for _ in range(2):
        monkeypatch.setattr("sys.argv", list(map(str, words)))
        suite.main()
        assert len(results.read_text().splitlines()) == 2 * 2 * 2 + 2  # methods, budgets, families; asks
    said = table.read_text()
    assert "## synthetic, 1 worker" in said and "## recorded, 1 worker" in said
    assert said.count("The best peer with") == 2
    times = said.split("## Milliseconds per ask")[1]
    assert re.search(r"\| random \| \d+\.\d \|  \|  \| ended at 50, \d+\.\d \|", times)
    assert picture.stat().st_size > 1000
    monkeypatch.setattr("sys.argv", [*map(str, words), "--families", "recorded"])
    suite.main()
    assert "## recorded, 1 worker" in table.read_text() and "## synthetic" not in table.read_text()


def test_what_patient_peers_found_is_shown_and_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not they are installed: others' runs would take hours."""
    small = {"synthetic": suite.Family(problem=suite._synthetic, budgets=(20_000,))}
    monkeypatch.setattr(suite, "FAMILIES", small)
    monkeypatch.setattr(suite, "OURS", ("random",))
    monkeypatch.setattr(suite, "PEERS", {})
    monkeypatch.setattr(suite, "TRIALS", (10, 50))
    row = {
        "family": "synthetic",
        "method": "optuna gp",
        "problem": suite._synthetic(0).name,
        "seed": 0,
        "budget": 20_000,
        "workers": 1,
        "regret": 0.1234,
        "ask_ms": 5.0,
    }
    kept = tmp_path / "patient.jsonl"
    kept.write_text(json.dumps(row) + "\n")
    words = ["suite", "--seeds", "1", "--workers", "1", "--results", tmp_path / "r.jsonl", "--patient-results", kept]
    words += ["--table", tmp_path / "t.md", "--picture", tmp_path / "p.png"]
    monkeypatch.setattr("sys.argv", list(map(str, words)))
    suite.main()
    said = (tmp_path / "t.md").read_text()
    assert "| optuna gp | 1 | 1 | 12.3 [12.3 to 12.3], mean 12.3 | 5 |" in said
    assert "| random | 1 | 1 |" in said
    assert kept.read_text() == json.dumps(row) + "\n"


def test_a_peer_with_fewer_runs_shortens_no_comparison_but_its_own() -> None:
    """Five runs of two methods, four and three of better peers, two of another, which are too few."""
    n_runs = {"value": 5, "syne asha": 5, "syne cqr": 4, "optuna gp": 3, "smac": 2}
    regret = {"value": 0.1, "syne asha": 0.3, "syne cqr": 0.25, "optuna gp": 0.2, "smac": 0.0}
    done = [
        {
            "family": "synthetic",
            "method": name,
            "problem": f"landscape {seed}",
            "seed": seed,
            "budget": 20_000,
            "workers": 1,
            "regret": regret[name],
            "ask_ms": 5.0,
        }
        for name, n in n_runs.items()
        for seed in range(n)
    ]
    said = report({"synthetic, 1 worker": done}, {}, {}, PEERS, [])
    assert "| smac |" not in said
    found = said.split("The best peer with")[1:]
    expected = [("syne asha", 30.0, 5), ("syne cqr", 25.0, 4), ("optuna gp", 20.0, 3)]
    for each, (name, points, n) in zip(found, expected, strict=True):
        assert f"{name}, with a median regret of {points}" in each
        assert f"| value | {n} |" in each and f"| {name} | {n} |" in each
        assert all(f"| {other} |" not in each for other in n_runs if other not in (name, "value"))


def test_a_picture_of_many_panels_has_rows_of_four(tmp_path: Path) -> None:
    row = {"method": "value", "seed": 0, "budget": 20_000, "regret": 0.1}
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        picture({f"panel {number}": [row] for number in range(6)}, tmp_path / "p.svg")
    drawn = (tmp_path / "p.svg").read_text()
    assert all(f">panel {number}<" in drawn for number in range(6))
    labels = re.findall(r">(regret on unseen examples, points)<", drawn)
    assert len(labels) == 2, "one for each row"


def test_a_picture_dashes_what_has_fewer_seeds_in_that_panel(tmp_path: Path) -> None:
    """One method has all seeds in the first panel and half of them in the second."""
    n_seeds = {"first": {"value": 4, "syne asha": 4}, "second": {"value": 4, "syne asha": 2}}
    panels = {
        title: [
            {"method": name, "seed": seed, "budget": budget, "regret": 0.1}
            for name, n in methods.items()
            for seed in range(n)
            for budget in (20_000, 40_000)
        ]
        for title, methods in n_seeds.items()
    }
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        picture(panels, tmp_path / "p.svg")
    drawn = (tmp_path / "p.svg").read_text()
    first, second, legend = re.split(r'id="(?:axes_2|legend_1)"', drawn)
    assert (first.count("stroke-dasharray"), second.count("stroke-dasharray")) == (0, 1)
    assert legend.count("stroke-dasharray") == 1
    assert re.findall(r">(value|syne asha)([^<]*)<", legend) == [
        ("value", ""),
        ("syne asha", ""),
        ("syne asha", " (2 seeds)"),
    ]
