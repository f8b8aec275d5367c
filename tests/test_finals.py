"""What the finals buy: the same examples of all, within their share, and what is there already first."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from infertune.allocators import Order
from infertune.coverage import Coverage
from infertune.finals import LEAST_EXAMPLES, LEAST_FINALISTS, N_FINALISTS, RESERVE, final_orders, first_few
from infertune.space import Configuration

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
    n_wanted: int = 8,
    n_kept: int = 0,
    depths: dict[Configuration, int] | None = None,
) -> list[Order]:
    return final_orders(
        CONFIGURATIONS[:n_finalists],
        orders,
        depths=depths or {},
        price=lambda order: 10.0 if order.configuration == CONFIGURATIONS[0] else 20.0,
        share=tokens,
        n_wanted=n_wanted,
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
    found = made(landed((0, range(5, 15), 3), (1, range(5, 15), 3)), 2, tokens=0.0)
    assert [sorted(each.examples) for each in found] == [list(range(5, 15))] * 2


def test_examples_that_most_finalists_have_come_first() -> None:
    orders = landed((0, range(12), 3), (1, range(4, 20), 3))
    found = made(orders, 2, tokens=RESERVE * 8 * 10.0 + 1)  # both have 4 to 11; the cheap one lacks 12 to 19
    assert found[0].examples == tuple(range(4, 20))


def test_what_was_kept_for_the_finals_comes_before_what_some_have() -> None:
    orders = landed((0, range(4), 3), (1, range(8), 3))
    for n_examples in (8, 10, 12):
        found = made(orders, 2, tokens=RESERVE * 30.0 * (n_examples - 4) + 1, n_kept=8)
        assert found[0].examples == (*range(4), *range(12, 20))[:n_examples]
    found = made(orders, 2, tokens=RESERVE * (30.0 * 8 + 10.0 * 4) + 1, n_kept=8)
    assert found[0].examples == (*range(4), *range(12, 20), *range(4, 8))


def test_fewer_samples_than_a_finalist_ever_had_are_not_enough() -> None:
    orders = landed((0, range(10), 1), (0, range(10, 20), 9))
    found = made(orders, 1, tokens=0.0)
    assert found[0].n_samples == 9
    assert sorted(found[0].examples) == list(range(10, 20))


def test_what_is_of_use_is_enough() -> None:
    orders = landed((0, range(10), 1), (0, range(10, 20), 9))
    assert made(orders, 1, tokens=0.0, depths={CONFIGURATIONS[0]: 1})[0].examples == tuple(range(20))


def test_at_the_very_end_only_what_is_there_is_compared() -> None:
    orders = landed((0, range(20), 1), (0, range(3), 9), (1, range(20), 3))
    found = made(orders, 2, tokens=0.0)
    assert [each.n_samples for each in found] == [1, 3]
    assert found[0].examples == tuple(range(20))


def test_a_finalist_that_was_never_bought_gets_as_many_as_planned() -> None:
    assert made([], 1, tokens=0.0)[0].n_samples == 3


def test_finalists_are_given_up_before_examples() -> None:
    """One finalist at 10 tokens, the others at 20; there is room for 9 examples of six, or 19 of three."""
    room = RESERVE * 9 * (10.0 + 5 * 20.0) + 1
    assert [len(made([], 6, tokens=room, n_wanted=n)) for n in (9, 10, 19, 20)] == [6, 5, 3, 2]


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
def test_the_room_is_kept_and_used(pieces: list[tuple[int, range, int]], n: int, tokens: float, n_wanted: int) -> None:
    orders = landed(*pieces)
    found = made(orders, n, tokens, n_wanted)
    examples = found[0].examples
    assert all(each.examples == examples for each in found)
    assert len(set(examples)) == len(examples) and set(examples) <= set(range(N_TUNE))
    assert [each.configuration for each in found] == CONFIGURATIONS[: len(found)]
    assert min(n, LEAST_FINALISTS) <= len(found) <= n
    coverage = Coverage(orders, 16)

    def cost(chosen: Sequence[int]) -> float:
        """Return what these examples cost, by the book."""
        return sum(
            RESERVE * (10.0 if each.configuration == CONFIGURATIONS[0] else 20.0)
            for each in found
            for example in chosen
            if example in coverage.lacks(replace(each, examples=tuple(range(N_TUNE))))
        )

    if cost(examples) > tokens + 1e-6:
        assert len(examples) == LEAST_EXAMPLES and len(found) <= LEAST_FINALISTS
    for another in set(range(N_TUNE)) - set(examples):
        assert cost([*examples, another]) > tokens - 1e-6
