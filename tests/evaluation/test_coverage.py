"""Which samples were asked for, held against a list of all of them."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from infertune.evaluation.coverage import Coverage
from infertune.types import Configuration
from infertune.types.evidence import Order

ONE, OTHER = Configuration({"a": 1}), Configuration({"a": 2})
LONGEST = 8

orders = st.builds(
    Order,
    configuration=st.sampled_from([ONE, OTHER]),
    examples=st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True).map(tuple),
    n_samples=st.integers(1, 3),
    max_tokens=st.sampled_from([None, 4, LONGEST]),
)


@given(st.lists(orders, max_size=8), orders)
def test_an_example_is_lacking_unless_one_order_asked_for_as_much(before: list[Order], wish: Order) -> None:
    coverage = Coverage(before[:3], LONGEST)
    for each in before[3:]:
        coverage.add(each)

    def at_least(order: Order) -> bool:
        lengths = (order.max_tokens or LONGEST, wish.max_tokens or LONGEST)
        return (
            order.configuration == wish.configuration
            and order.n_samples >= wish.n_samples
            and lengths[0] >= lengths[1]
        )

    asked = set(itertools.chain.from_iterable(each.examples for each in before if at_least(each)))
    assert coverage.lacks(wish) == [each for each in wish.examples if each not in asked]
