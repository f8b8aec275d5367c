import math

import pytest

from infertune.budget import Budget, Prices, parse_seconds, parse_tokens
from infertune.errors import InvalidInputError

PRICES = Prices(prompt_per_million=2.0, completion_per_million=10.0)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("40000", 40_000),
        ("200k", 200_000),
        ("1.5M", 1_500_000),
        (" 2 m ", 2_000_000),
        ("1,000", 1000),
        ("1_000", 1000),
    ],
)
def test_tokens_are_read_as_people_write_them(text: str, tokens: int) -> None:
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), (".5h", 1800.0)]
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "k", "many", "-5", "10q", "1e5", "1.2.3", "5 5"])
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"such as 40000, 200k or 1\.5M, but is"):
        parse_tokens(text)
    with pytest.raises(InvalidInputError, match="such as 90s, 10m"):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["9" * 400, "9999999999999999"])
def test_a_budget_without_an_end_is_refused(text: str) -> None:
    for parse in (parse_tokens, parse_seconds):
        with pytest.raises(InvalidInputError, match="and at most 1e"):
            parse(text)
    with pytest.raises(InvalidInputError, match="budget_seconds must be above 0 and have an end, but is inf"):
        Budget(seconds=math.inf)
    with pytest.raises(InvalidInputError, match="must be above 0 and have an end, but is nan"):
        Budget(money=math.nan, prices=PRICES)


def test_a_month_of_seconds_is_not_a_million() -> None:
    assert parse_seconds("1m") == 60.0


def test_prices_are_for_a_million_tokens_of_each_kind() -> None:
    assert PRICES.cost(500_000, 100_000) == pytest.approx(1.0 + 1.0)


@pytest.mark.parametrize(
    ("budget", "share"),
    [
        (Budget(tokens=1000), 0.3),
        (Budget(seconds=8.0), 0.5),
        (Budget(money=0.01, prices=PRICES), 0.14),
        (Budget(tokens=1000, seconds=8.0, money=0.01, prices=PRICES), 0.5),
    ],
)
def test_the_limit_nearest_to_its_end_counts(budget: Budget, share: float) -> None:
    assert budget.share_used(prompt_tokens=200, completion_tokens=100, seconds=4.0) == pytest.approx(share)


def test_a_study_without_any_limit_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="needs a budget"):
        Budget()


@pytest.mark.parametrize("limits", [{"tokens": 0}, {"seconds": -1.0}, {"money": 0.0, "prices": PRICES}])
def test_a_limit_of_nothing_is_refused(limits: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="must be above 0"):
        Budget(**limits)  # type: ignore[arg-type]


def test_money_without_prices_is_refused_and_never_free() -> None:
    with pytest.raises(InvalidInputError, match="needs prices, which are per million tokens"):
        Budget(money=1.0)
