"""The account: what is bought once, in the bank before anything else, and never beyond a batch over the limit."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from infertune.bank import SampleBank
from infertune.budget import Budget, Prices
from infertune.errors import EngineError
from infertune.evaluation.account import MIN_LANDED, Account
from infertune.testing import FakeEngine
from infertune.types import Decoding, Request, Response

TOO_LONG = Decoding(max_tokens=100_000)


def wishes(n: int, decoding: Decoding = Decoding(max_tokens=8), start: int = 0) -> list[Request]:  # noqa: B008
    return [Request(example_id=str(i), prompt=f"question {i}", decoding=decoding) for i in range(start, start + n)]


class Batching(FakeEngine):
    """Holds several requests under way at once, as a real engine does."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        source = iter(requests)
        while batch := list(islice(source, self.batch_size)):
            yield from super().generate(batch)


@pytest.fixture
def bank(tmp_path: Path) -> SampleBank:
    return SampleBank(tmp_path / "study.db")


def open_account(bank: SampleBank, engine: FakeEngine | None = None, **changes: object) -> Account:
    return Account(study="mine", engine=engine or FakeEngine(), bank=bank, **changes)  # type: ignore[arg-type]


def test_what_the_bank_holds_is_not_bought_again(bank: SampleBank) -> None:
    engine = FakeEngine()
    first = open_account(bank, engine)
    assert first.buy(wishes(5))
    paid = first.spent
    assert paid.n_requests == 5
    assert paid.tokens == sum(each.prompt_tokens + each.completion_tokens for each in first.responses(wishes(5)))
    assert first.buy(wishes(7))
    assert [request.example_id for request in engine.requests] == ["0", "1", "2", "3", "4", "5", "6"]
    later = open_account(bank, engine)
    assert later.spent == first.spent
    assert later.buy(wishes(7))
    assert (later.run_tokens, len(engine.requests)) == (0, 7)


def test_every_response_is_in_the_bank_when_it_is_told_of(bank: SampleBank) -> None:
    held: list[int] = []
    account = open_account(
        bank,
        on_landing=lambda: held.append(5 - len(bank.missing(FakeEngine().facts, wishes(5)))),
    )
    account.buy(wishes(5))
    assert held == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("until", [0.5, 1.0])
def test_it_stops_within_one_batch_of_the_limit(bank: SampleBank, batch_size: int, until: float) -> None:
    account = open_account(bank, Batching(batch_size), budget=Budget(tokens=400))
    assert not account.buy(wishes(500), until=until)
    assert account.share_used >= until
    # One request is its prompt's two words and 8 tokens at most.
    assert account.spent.tokens <= 400 * until + 10 * batch_size
    before = account.spent
    assert not account.buy(wishes(5, start=600), until=until)
    assert account.spent == before


def test_at_the_limit_what_is_paid_for_is_complete(bank: SampleBank) -> None:
    account = open_account(bank, budget=Budget(tokens=20))
    account.buy(wishes(50))
    held = [each for each in account.responses(wishes(50)) if each.generations]
    assert account.buy([each.request for each in held])


def test_money_counts_prompt_and_completion_at_their_prices(bank: SampleBank) -> None:
    prices = Prices(prompt_per_million=1e6, completion_per_million=2e6)
    account = open_account(bank, budget=Budget(money=100.0, prices=prices))
    account.buy(wishes(200))
    spent = account.spent
    assert account.share_used == (spent.prompt_tokens + 2 * spent.completion_tokens) / 100
    assert 1.0 <= account.share_used < 1.0 + (2 + 2 * 8) / 100


def test_seconds_of_earlier_runs_count(bank: SampleBank) -> None:
    account = open_account(bank, budget=Budget(seconds=10.0), seconds=9.0)
    assert account.share_used == 0.9
    account.buy(wishes(3))
    assert account.seconds == 9.0 + account.run_seconds
    assert 0 < account.run_seconds < 1


def test_another_study_pays_for_itself_alone(bank: SampleBank) -> None:
    open_account(bank).buy(wishes(5))
    other = Account(study="other", engine=FakeEngine(), bank=bank)
    assert other.buy(wishes(6))
    assert other.spent.n_requests == 1


def test_a_failure_is_booked_and_asked_again_only_by_another_call(bank: SampleBank) -> None:
    account = open_account(bank)
    assert account.buy([*wishes(5), *wishes(1, TOO_LONG, start=9)])  # no money brings its answer
    assert (account.spent.n_requests, account.spent.n_failed) == (5, 1)
    assert [bool(each.generations) for each in account.responses(wishes(1, TOO_LONG, start=9))] == [False]
    assert open_account(bank).spent.n_failed == 1


def test_an_engine_that_mostly_fails_is_stopped_early_with_its_own_words(bank: SampleBank) -> None:
    engine = FakeEngine()
    account = open_account(bank, engine)
    with pytest.raises(EngineError, match=r"20 of 20 requests failed.*the last one said: refused: prompt of 2 tokens"):
        account.buy(wishes(500, TOO_LONG))
    assert len(engine.requests) == MIN_LANDED


def test_what_is_paid_beyond_the_answers_uses_the_budget(bank: SampleBank) -> None:
    class Wasteful(FakeEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
            for response in super().generate(requests):
                yield replace(response, extra_prompt_tokens=20, extra_completion_tokens=10)

    prices = Prices(prompt_per_million=1e6, completion_per_million=2e6)
    account = open_account(bank, Wasteful(), budget=Budget(money=400.0, prices=prices))
    assert not account.buy(wishes(100))
    spent = account.spent
    assert spent.extra_tokens == 30 * spent.n_requests
    money = (
        spent.prompt_tokens + spent.extra_prompt_tokens + 2 * (spent.completion_tokens + spent.extra_completion_tokens)
    )
    assert account.share_used == money / 400
    assert account.run_tokens == spent.tokens == open_account(bank).spent.tokens


def together(bad: int, n_configurations: int, n_examples: int) -> tuple[list[Request], list[int]]:
    """Return requests of several configurations, example by example, some of which always fail, and whose each is."""
    settings = [
        Decoding(max_tokens=100_000 if number < bad else 8, temperature=1 + number / 10)
        for number in range(n_configurations)
    ]
    wanted = [
        Request(example_id=str(example), prompt=f"question {example}", decoding=decoding)
        for example in range(n_examples)
        for decoding in settings
    ]
    return wanted, list(range(n_configurations)) * n_examples


@pytest.mark.parametrize("labelled", [True, False])
def test_a_configuration_that_always_fails_stops_no_study_in_which_others_work(
    bank: SampleBank, labelled: bool
) -> None:
    requests, labels = together(bad=2, n_configurations=4, n_examples=20)
    account = open_account(bank)
    assert account.buy(requests, configurations=labels if labelled else None)
    assert (account.spent.n_requests, account.spent.n_failed) == (40, 40)


def test_failures_spread_over_most_configurations_stop_it(bank: SampleBank) -> None:
    requests, labels = together(bad=3, n_configurations=4, n_examples=20)
    account = open_account(bank)
    with pytest.raises(EngineError, match=r"requests failed.*prompt of 2 tokens"):
        account.buy(requests, configurations=labels)
    assert account.spent.n_requests + account.spent.n_failed < 30


def test_one_configuration_is_not_told_apart_by_its_examples(bank: SampleBank) -> None:
    """Six of ten examples that fail of the only configuration are most of it; one of three templates is not."""
    mixed = [*wishes(12, TOO_LONG), *wishes(8, start=12)]
    with pytest.raises(EngineError, match="20 requests failed"):
        open_account(bank).buy(mixed[::-1], configurations=["only"] * 20)
    other = open_account(bank)
    assert other.buy(wishes(30, start=100) + wishes(15, TOO_LONG, start=200), configurations=[*"ab" * 15, *"c" * 15])


def test_what_landed_before_an_engine_died_is_kept(bank: SampleBank) -> None:
    class Dying(FakeEngine):
        def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
            yield from islice(super().generate(requests), 3)
            raise EngineError("the engine died")

    account = open_account(bank, Dying())
    with pytest.raises(EngineError, match="died"):
        account.buy(wishes(5))
    assert account.spent == open_account(bank).spent
    assert account.spent.n_requests == 3
    assert open_account(bank).buy(wishes(3))
