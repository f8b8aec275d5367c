"""Orders under way together: what is sent, to which order it is booked, and when an order is complete."""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infertune.bank import SampleBank
from infertune.bank.usage import Usage
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.purchases import Purchases
from infertune.evaluation.scoring import CachedScorer
from infertune.space.default_space import default_space
from infertune.tasks import load
from infertune.testing import FakeEngine
from infertune.types import REFUSED, Configuration, Request, Response
from infertune.types.evidence import Order

TASK = """
name: small
version: 1
source: made for tests
licence: Apache-2.0
data: small.jsonl
fields: {number: number}
reference: answer
splits: {tune: 6, confirm: 2}
prompts:
  - {name: one, kind: plain, text: "Say {number}:"}
  - {name: same, kind: plain, text: "Say {number}:"}
  - {name: other, kind: plain, text: "What is {number}?"}
max_tokens: [4, 8]
extraction: [{kind: line, which: first}]
scorer: exact
"""


class Shuffling(FakeEngine):
    """Answers what it has in any order; some it refuses, or fails to answer."""

    def __init__(self, fails: Callable[[Request], str] = lambda request: "") -> None:
        super().__init__()
        self._fails = fails

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        luck = random.Random(4)
        source, flight = iter(requests), []
        while True:
            while len(flight) < 8 and (request := next(source, None)) is not None:
                flight.append(request)
            if not flight:
                return
            request = flight.pop(luck.randrange(len(flight)))
            if error := self._fails(request):
                yield Response(request=request, generations=(), prompt_tokens=0, seconds=0.0, error=error)
            else:
                yield from super().generate([request])


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., tuple[Purchases, Evaluator, SampleBank]]:
    (tmp_path / "small.yaml").write_text(TASK)
    (tmp_path / "small.jsonl").write_text(
        "".join(f'{{"number": "n{each}", "answer": "a{each}"}}\n' for each in range(8))
    )
    task = load(tmp_path / "small.yaml")
    bank = SampleBank(tmp_path / "study.db")

    def make(engine: Any = None) -> tuple[Purchases, Evaluator, SampleBank]:
        account = Account(study="mine", engine=engine or Shuffling(), bank=bank)
        space = default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices)
        evaluator = Evaluator(scorer=CachedScorer(task), examples=task.tune, space=space, account=account, seed=0)
        return Purchases(evaluator), evaluator, bank

    return make


def order(prompt: str, examples: range, n_samples: int = 1, **changes: Any) -> Order:
    default = (
        default_space(prompts=("one", "same", "other"), max_tokens=(4, 8)).tier("request").default_configuration()
    )
    return Order(
        configuration=Configuration({**default, "prompt.template": prompt}),
        examples=tuple(examples),
        n_samples=n_samples,
        **changes,
    )


def bought(purchases: Purchases) -> list[int]:
    """Send all that is queued, and return the orders as they were completed."""
    done = list(purchases.complete())

    def requests() -> Iterator[Request | None]:
        while True:
            yield purchases.next()

    while True:
        n_before = len(done)
        for _ in purchases.answers(requests()):
            done += purchases.complete()
        if len(done) == n_before:
            return done


def test_orders_are_complete_when_all_of_them_has_landed(opened: Any) -> None:
    purchases, evaluator, _ = opened()
    orders = [order("one", range(6), 2), order("other", range(2)), order("one", range(0), 1)]
    for number, each in enumerate(orders[:2]):
        purchases.add(number, each, Usage())
    assert purchases.next_order == 0 and purchases.n_queued == 8
    assert sorted(bought(purchases)) == [0, 1]
    for each in orders[:2]:
        assert [len(response.generations) for response in evaluator.responses(each)] == (
            [each.n_samples] * len(each.examples)
        )
    assert purchases.next_order is None and purchases.next() is None


def test_every_token_is_booked_to_one_order(opened: Any) -> None:
    purchases, evaluator, bank = opened()
    orders = [order("one", range(6), 2), order("same", range(6), 2), order("other", range(3), 3)]
    for number, each in enumerate(orders):
        purchases.add(number, each, Usage())
    assert purchases.n_queued == 9, "what two orders share is sent once"
    bought(purchases)
    paid = [purchases.paid(number) for number in range(3)]
    assert paid[1].tokens == 0 and paid[0].tokens > 0
    assert sum(each.tokens for each in paid) == evaluator.account.spent.tokens == bank.spent("mine").tokens
    for each, its in ((orders[0], paid[0]), (orders[2], paid[2])):
        assert evaluator.account.paid_for(evaluator.requests(each)).tokens == its.tokens
    assert bank.spent_on("mine", evaluator.account.facts, []).tokens == 0
    assert bank.spent_on("another", evaluator.account.facts, evaluator.requests(orders[0])).tokens == 0


def test_a_share_with_fewer_samples_gets_the_rest_afterwards(opened: Any) -> None:
    purchases, evaluator, _ = opened()
    purchases.add(0, order("one", range(4), 1), Usage())
    purchases.add(1, order("same", range(4), 3), Usage())
    assert purchases.n_queued == 4
    assert bought(purchases) == [0, 1]
    assert [len(each.generations) for each in evaluator.responses(order("same", range(4), 3))] == [3] * 4
    assert sum(len(each.samples) for each in evaluator.account._engine.requests) == 12  # none twice


def test_what_the_bank_holds_is_complete_at_once_and_costs_nothing(opened: Any) -> None:
    purchases, _, _ = opened()
    purchases.add(0, order("one", range(4), 2), Usage())
    bought(purchases)
    again, _, _ = opened()
    again.add(7, order("one", range(1, 3), 1), Usage(prompt_tokens=5))
    assert list(again.complete()) == [7]
    assert again.paid(7) == Usage(prompt_tokens=5), "what an earlier run had paid for it"
    again.close(7)


@pytest.mark.parametrize("error", [f"{REFUSED}too long", "no answer in time"])
def test_what_fails_is_not_waited_for(opened: Any, error: str) -> None:
    never: set[str] = set()
    purchases, evaluator, _ = opened(Shuffling(lambda request: error if request.example_id in never else ""))
    never.add(evaluator.examples[2].id)
    purchases.add(0, order("one", range(6), 2), Usage())
    assert bought(purchases) == [0]
    piece = evaluator.evidence(order("one", range(6), 2))
    assert piece is not None
    assert set(piece.order.examples) == {0, 1, 3, 4, 5} | ({2} if error.startswith(REFUSED) else set())
    assert piece.refused == ((2,) if error.startswith(REFUSED) else ())
