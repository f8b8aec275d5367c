"""The command that goes on is the one that was given, with other values of some options, and safe for a shell."""

import shlex

import pytest

from infertune.cli.resume import command, rounded


def test_an_option_is_replaced_however_it_was_spelt() -> None:
    given = [
        "optimize",
        "--task",
        "my task.yaml",
        "--turns=3",
        "--budget-tokens",
        "9k",
        "--set",
        "n=1",
        "--turns",
        "4",
    ]
    made = command(given, {"--turns": "12"})
    assert shlex.split(made) == [
        *("infertune", "optimize", "--task", "my task.yaml", "--budget-tokens", "9k", "--set", "n=1", "--turns", "12"),
    ]
    assert "'my task.yaml'" in made


def test_one_that_was_not_given_is_added() -> None:
    assert command(["optimize", "--joint"], {"--turns": "6"}) == "infertune optimize --joint --turns 6"


@pytest.mark.parametrize(
    ("amount", "up"), [(137, 140), (45_201, 46_000), (140, 140), (0.123, 0.13), (2.0, 2.0), (9.91, 10.0)]
)
def test_amounts_are_rounded_up_to_two_digits(amount: float, up: float) -> None:
    assert rounded(amount) == pytest.approx(up)
