"""What the finals buy: the same examples of all, within their share, and what is there already first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.evaluation.coverage import Coverage
from infertune.study.finals import LEAST_EXAMPLES, LEAST_FINALISTS, RESERVE, FinalOrders, final_orders, first_few
from infertune.study.plan import N_FINALISTS
from infertune.types import Configuration
from infertune.types.evidence import Order

CONFIGURATIONS = [Configuration({"a": number}) for number in range(8)]
N_TUNE = 20


def landed(*pieces: tuple[int, range, int]) -> list[Order]:
    return [
        Order(configuration=CONFIGURATIONS[number], examples=tuple(examples), n_samples=n)
        for number, examples, n in pieces
    ]


def made(
    orders: list[Order],
    n_finalists: int,
    tokens: float,
    n_examples: int = 8,
    n_kept: int = 0,
    depths: dict[Configuration, int] | None = None,
) -> FinalOrders:
    """Return the finals where an example of the first costs 10 tokens with all samples, of the others 20."""
    return final_orders(
        CONFIGURATIONS[:n_finalists],
        orders,
        depths=depths or {},
        price=lambda order: (10.0 if order.configuration == CONFIGURATIONS[0] else 20.0) * order.n_samples / 3,
        share=tokens,
        n_examples=n_examples,
        n_tune=N_TUNE,
        n_kept=n_kept,
        n_samples=3,
        max_tokens=16,
    )


def test_the_default_is_always_among_the_finalists_and_none_twice() -> None:
    chosen = first_few(CONFIGURATIONS[7], [*CONFIGURATIONS, *CONFIGURATIONS])
    assert chosen == [CONFIGURATIONS[7], *CONFIGURATIONS[: N_FINALISTS - 1]]
    assert first_few(CONFIGURATIONS[7], []) == [CONFIGURATIONS[7]]


def test_what_is_there_costs_nothing() -> None:
    found = made(landed((0, range(5, 15), 3), (1, range(5, 15), 3)), 2, tokens=0.0, n_examples=10)
    assert [sorted(each.examples) for each in found.orders] == [list(range(5, 15))] * 2
    assert found.share == 0.0


def test_examples_that_most_finalists_have_come_first() -> None:
    orders = landed((0, range(12), 3), (1, range(4, 20), 3))
    found = made(orders, 2, tokens=1e9, n_examples=16)  # both have 4 to 11; the cheap one lacks 12 to 19
    assert found.orders[0].examples == tuple(range(4, 20))
    assert found.share == pytest.approx(RESERVE * 8 * 10.0)


def test_what_was_kept_for_the_finals_comes_before_what_some_have() -> None:
    orders = landed((0, range(4), 3), (1, range(8), 3))
    for n_examples in (8, 10, 12):
        found = made(orders, 2, tokens=1e9, n_examples=n_examples, n_kept=8)
        assert found.orders[0].examples == (*range(4), *range(12, 20))[:n_examples]
    found = made(orders, 2, tokens=1e9, n_examples=16, n_kept=8)
    assert found.orders[0].examples == (*range(4), *range(12, 20), *range(4, 8))


def test_a_finalist_gets_as_many_samples_as_planned_and_as_it_ever_had_where_there_is_room() -> None:
    orders = landed((0, range(10), 1), (0, range(10, 20), 9))
    assert made([], 1, tokens=1e9).orders[0].n_samples == 3
    assert made(orders, 1, tokens=1e9).orders[0].n_samples == 9
    assert sorted(made(orders, 1, tokens=0.0, n_examples=10).orders[0].examples) == list(range(10, 20))


def test_samples_that_no_believed_choice_needs_are_given_up_first() -> None:
    """All three samples cost 10 + 20 an example, one sample a third of it."""
    one = dict.fromkeys(CONFIGURATIONS, 1)
    for tokens, n_samples in ((RESERVE * 8 * 30.0 + 1, 3), (RESERVE * 8 * 30.0 - 1, 1), (RESERVE * 8 * 10.0 + 1, 1)):
        found = made([], 2, tokens=tokens, depths=one)
        assert [each.n_samples for each in found.orders] == [n_samples] * 2
        assert found.n_examples == 8


def test_then_finalists_are_given_up_before_examples() -> None:
    """One finalist at 10 tokens, the others at 20."""
    for n_finalists in (6, 5, 4, 3, 2):
        room = RESERVE * 9 * (10.0 + (n_finalists - 1) * 20.0) + 1
        found = made([], 6, tokens=room, n_examples=9)
        assert (len(found.orders), found.n_examples) == (n_finalists, 9)
    few = made([], 6, tokens=RESERVE * 7 * 30.0 + 1, n_examples=9)
    assert (len(few.orders), few.n_examples) == (LEAST_FINALISTS, 7)


def test_at_the_very_end_only_what_is_there_is_compared() -> None:
    orders = landed((0, range(20), 1), (0, range(3), 9), (1, range(20), 3))
    found = made(orders, 2, tokens=0.0, n_examples=20).orders
    assert [each.n_samples for each in found] == [1, 3]
    assert found[0].examples == tuple(range(20))


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 19), st.integers(1, 20), st.integers(1, 3)).map(
            lambda drawn: (drawn[0], range(drawn[1], min(drawn[1] + drawn[2], N_TUNE)), drawn[3])
        ),
        max_size=10,
    ),
    st.integers(1, 6),
    st.floats(0, 5_000),
    st.integers(1, N_TUNE),
)
def test_the_room_is_kept(pieces: list[tuple[int, range, int]], n: int, tokens: float, n_examples: int) -> None:
    orders = landed(*pieces)
    found = made(orders, n, tokens, n_examples)
    examples = found.orders[0].examples
    assert len(examples) == found.n_examples <= n_examples
    assert all(each.examples == examples for each in found.orders)
    assert len(set(examples)) == len(examples) and set(examples) <= set(range(N_TUNE))
    assert [each.configuration for each in found.orders] == CONFIGURATIONS[: len(found.orders)]
    assert min(n, LEAST_FINALISTS) <= len(found.orders) <= n
    coverage = Coverage(orders, 16)
    cost = sum(
        RESERVE * (10.0 if each.configuration == CONFIGURATIONS[0] else 20.0) * each.n_samples / 3
        for each in found.orders
        for _ in coverage.lacks(each)
    )
    assert found.share == pytest.approx(cost)
    if cost > tokens + 1e-6:
        assert found.n_examples <= LEAST_EXAMPLES and len(found.orders) <= LEAST_FINALISTS
    if found.n_examples < n_examples:
        assert len(found.orders) <= LEAST_FINALISTS
