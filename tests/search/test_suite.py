"""The suite: one command, one table, one picture, and what it has run is not run again."""

from pathlib import Path

import pytest

from benchmarks.search import suite


def test_a_small_suite_is_whole_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "synthetic": suite.Family(problem=suite._synthetic, budgets=(20_000, 40_000)),
        "recorded": suite.Family(problem=suite._recorded, budgets=(10_000, 20_000)),
    }
    monkeypatch.setattr(suite, "FAMILIES", small)
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
    words += ["--table", table, "--picture", picture]
    for _ in range(2):
        monkeypatch.setattr("sys.argv", list(map(str, words)))
        suite.main()
        assert len(results.read_text().splitlines()) == 2 * 2 * 2  # methods, budgets, families
    said = table.read_text()
    assert "## synthetic, 1 worker" in said and "## recorded, 1 worker" in said
    assert said.count("The best peer with") == 2
    assert picture.stat().st_size > 1000
