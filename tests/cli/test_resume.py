"""The command that resumes a study with a larger budget."""

import shlex

import pytest

from infertune.budget import Budget, Prices
from infertune.cli.resume import command


@pytest.mark.parametrize("given", [["--budget-tokens", "60k"], ["--budget-tokens=60k"]])
def test_the_budget_is_larger_and_all_else_is_as_it_was(given: list[str]) -> None:
    words = ["optimize", "--task", "my task.yaml", *given, "--set", "n=1,3"]
    said = shlex.split(command(words, Budget(tokens=60_000), 2.5))
    assert said[:4] == ["infertune", "optimize", "--task", "my task.yaml"]
    assert said[-2:] == ["--set", "n=1,3"]
    assert "150k" in " ".join(said) and "60k" not in " ".join(said)


def test_every_budget_that_was_given_grows() -> None:
    prices = Prices(prompt_per_million=1.0, completion_per_million=1.0)
    budget = Budget(seconds=90.0, money=0.5, prices=prices)
    said = command(["optimize", "--budget-seconds", "90s", "--budget-money", "0.5"], budget, 2.0)
    assert said == "infertune optimize --budget-seconds 180s --budget-money 1"
