"""A method with a bank pays for a sample once, and no other way of asking makes it cheaper."""

import numpy as np
import pytest

from benchmarks.search.bank import Bank
from benchmarks.search.problem import Bought, Purchase, SyntheticProblem

PROBLEM = SyntheticProblem(0, None, 0)
DEFAULT = PROBLEM.space.tier("request").default_configuration()


def buy(bank: Bank, *, examples: range = range(5), n_samples: int = 3, max_tokens: int = 256) -> Bought:
    numbers = np.array(examples)
    paid = bank.lacking(DEFAULT, numbers, n_samples, max_tokens)
    wish = Purchase(configuration=DEFAULT, examples=numbers, n_samples=n_samples, max_tokens=max_tokens, paid=paid)
    bought = PROBLEM.buy(wish)
    bank.put(bought)
    return bought


def lengths(n_samples: int, max_tokens: int, examples: range = range(5)) -> np.ndarray:
    wish = Purchase(configuration=DEFAULT, examples=np.array(examples), n_samples=n_samples, max_tokens=max_tokens)
    return PROBLEM.buy(wish).table(max_tokens, "").tokens


def test_more_samples_cost_the_new_ones_and_another_prompt() -> None:
    bank = Bank()
    first, more = buy(bank, n_samples=3), buy(bank, n_samples=5)
    assert first.tokens == first.prompt_tokens.sum() + lengths(3, 256).sum()
    assert more.tokens == more.prompt_tokens.sum() + lengths(5, 256)[:, 3:].sum()
    assert more.n_samples == 5, "all of them come"


def test_what_is_there_is_free_and_so_are_shorter_answers() -> None:
    bank = Bank()
    buy(bank)
    assert buy(bank).tokens == buy(bank, n_samples=2).tokens == buy(bank, max_tokens=16).tokens == 0


def test_other_examples_are_paid() -> None:
    bank = Bank()
    buy(bank)
    both = buy(bank, examples=range(3, 8))
    assert both.tokens == both.prompt_tokens[2:].sum() + lengths(3, 256, range(5, 8)).sum()


def test_longer_answers_cost_those_that_were_cut() -> None:
    bank = Bank()
    limit = int(np.median(lengths(3, 256)))
    buy(bank, max_tokens=limit)
    longer = buy(bank)
    cut = lengths(3, limit) == limit
    assert 0 < cut.sum() < cut.size
    assert longer.tokens == longer.prompt_tokens[cut.any(axis=1)].sum() + lengths(3, 256)[cut].sum()
    assert buy(bank).tokens == 0


@pytest.mark.parametrize("n_samples", [1, 4])
def test_without_a_bank_the_second_time_costs_as_much(n_samples: int) -> None:
    wish = Purchase(configuration=DEFAULT, examples=np.arange(5), n_samples=n_samples, max_tokens=256)
    assert PROBLEM.buy(wish).tokens == PROBLEM.buy(wish).tokens > 0
