"""The search by an allocator's orders: what is bought, noted and told, and that it always ends."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from planted import Interrupted, interrupting, make_study, plain, space_of, write, write_task

from infertune.allocators import Offer
from infertune.allocators.ecooptigen.allocator import EcoOptiGenAllocator
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import EngineError, InvalidInputError
from infertune.selection.select import Wanted
from infertune.study.progress import Progress
from infertune.study.search import NOTHING_NEW, NOTHING_WORTH_IT
from infertune.study.trial_log import LoggedTrial, TrialLog
from infertune.testing import FakeEngine
from infertune.types import Configuration, Request, Response
from infertune.types.evidence import Evidence, Order

GREEDY = {"decoding.temperature": 0.0, "decoding.repetition_penalty": 1.0}


class Scripted:
    """Orders what a function says of how much there is already; the last configuration ordered is the best."""

    def __init__(self, script: Callable[[Offer, Sequence[Evidence], Sequence[Order]], Order | None]) -> None:
        self.seen: list[tuple[Offer, list[Evidence], list[Order]]] = []
        self._script = script

    def order(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        self.seen.append((offer, list(evidence), list(pending)))
        return self._script(offer, evidence, pending)

    def ranking(self, offer: Offer, evidence: Sequence[Evidence]) -> list[Configuration]:
        last = {each.order.configuration: each for each in evidence}
        return [each.with_values(piece.choices[0]) for each, piece in reversed(last.items())]

    def recommend(self, offer: Offer, evidence: Sequence[Evidence]) -> Configuration:
        return self.ranking(offer, evidence)[0]


def listed(*wishes: tuple[str, range, int]) -> Scripted:
    """Return what orders a template's greedy configuration, or with `~` its default one, wish after wish."""

    def script(offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        n = len(evidence) + len(pending)
        if n >= len(wishes):
            return None
        template, examples, n_samples = wishes[n]
        default = offer.space.tier("request").default_configuration()
        greedy = Configuration({**GREEDY, "prompt.template": template.strip("~")})
        sampled = default.with_values({"prompt.template": template.strip("~")})
        chosen = sampled if template.startswith("~") else greedy
        return Order(configuration=chosen, examples=tuple(examples), n_samples=n_samples)

    return Scripted(script)


def study(folder: Path, allocator: Any, **changes: Any) -> Any:
    return make_study(folder, search=allocator, **changes)


def trials(folder: Path, name: str = "planted") -> list[LoggedTrial]:
    return TrialLog(SampleBank(folder / "study.db").url, name).trials()


@pytest.mark.parametrize(
    ("examples", "n_samples", "changes", "says"),
    [
        ((), 1, {}, "its examples must lie between 0 and"),
        ((0, 60), 1, {}, "but found 60"),
        ((3, 3), 1, {}, "each example must be named once, but found [3, 3]"),
        ((3,), 0, {}, "n_samples must lie between 1 and"),
        ((3,), 99, {}, "but is 99"),
        ((3,), 1, {"max_tokens": 0}, "max_tokens must be None or at least 1, but is 0"),
        ((3,), 1, {"configuration": Configuration({"prompt.template": "good"})}, "must be given"),
        (
            (3,),
            1,
            {"configuration": Configuration({**GREEDY, "prompt.template": "god"})},
            "did you mean 'good'?",
        ),
    ],
)
def test_an_order_that_cannot_be_bought_ends_with_one_sentence(
    tmp_path: Path, examples: tuple[int, ...], n_samples: int, changes: dict[str, Any], says: str
) -> None:
    whole = {"configuration": Configuration({**GREEDY, "prompt.template": "good"}), **changes}
    wrong = Scripted(lambda *_: Order(examples=examples, n_samples=n_samples, **whole))
    with pytest.raises(InvalidInputError) as caught:
        study(tmp_path, wrong).run()
    assert str(caught.value).startswith("the allocator Scripted gave an order that cannot be bought: ")
    assert says in str(caught.value)
    assert trials(tmp_path) == [], "nothing was bought for it"


def test_what_was_ordered_is_logged_as_it_was_ordered(tmp_path: Path) -> None:
    found = study(tmp_path, listed(("good", range(3, 9), 1), ("~poor", range(20, 25), 3))).run()
    log = trials(tmp_path)
    assert [each.order and (each.order.examples, each.order.n_samples) for each in log] == [
        (tuple(range(3, 9)), 1),
        (tuple(range(20, 25)), 3),
    ]
    assert [each.order and each.order.configuration for each in log] == [
        Configuration(each.configuration) for each in log
    ]
    assert [(each.n_planned, each.n_examples, each.unanswered) for each in log] == [(6, 6, ()), (5, 5, ())]
    assert found.n_trials == 2
    assert NOTHING_WORTH_IT in found.notes


def test_the_first_of_the_ranking_is_compared_with_the_default(tmp_path: Path) -> None:
    found = study(tmp_path, listed(("good", range(3, 9), 1))).run()
    assert found.recommended["decoding.temperature"] == 0
    assert found.n_tune == 60  # two finalists: there is room for all examples


def test_more_samples_of_the_same_examples_buy_the_rest_alone(tmp_path: Path) -> None:
    engine = FakeEngine(write)
    allocator = listed(("~good", range(8), 1), ("~good", range(8), 3))
    study(tmp_path, allocator, engine=engine).run()
    bought = Counter(
        (str(request.prompt), request.decoding, sample) for request in engine.requests for sample in request.samples
    )
    assert max(bought.values()) == 1
    _, evidence, _ = allocator.seen[-1]
    assert [max(choice["strategy.n"] for choice in each.choices) for each in evidence] == [1, 3]
    assert [each.order.examples for each in evidence] == [tuple(range(8))] * 2


N_ORDERS = 45  # three rounds of the temperatures


class Batch(FakeEngine):
    """Answers so many requests together, those that were asked for last first."""

    def __init__(self, batch_size: int | None) -> None:
        super().__init__(write)
        self.batch_size = batch_size
        self._n = batch_size or 32
        self.n_in_flight = 0

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        source = iter(requests)
        flight: list[Request] = []
        more = True
        while more or flight:
            while more and len(flight) < self._n:
                try:
                    request = next(source)
                except StopIteration:
                    more = False
                    break
                if request is None:
                    break
                flight.append(request)
            if not flight:
                return
            self.n_in_flight = len(flight)
            yield from super().generate([flight.pop()])


def many(n_orders: int = N_ORDERS) -> Scripted:
    """Return what orders 12 examples of 15 temperatures in turn, though never of one that is under way."""
    temperatures = [round(0.1 * step, 1) for step in range(1, 16)]

    def script(offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        n = len(evidence) + len(pending)
        if n == n_orders:
            return None
        request = offer.space.tier("request").default_configuration()
        chosen = request.with_values({"decoding.temperature": temperatures[n % 15]})
        if chosen in {each.configuration for each in pending}:
            return None
        return Order(configuration=chosen, examples=tuple(range(n // 15 * 12, n // 15 * 12 + 12)), n_samples=1)

    return Scripted(script)


LARGE: dict[str, Any] = {"budget": Budget(tokens=1_000_000)}


@pytest.mark.parametrize("batch_size", [1, 24, 32])
def test_an_engine_in_this_process_has_two_batches_beside_the_oldest_order(tmp_path: Path, batch_size: int) -> None:
    allocator = many()
    task = write_task(tmp_path)
    changes = {"engine": Batch(batch_size), "space": space_of(task, "n=1"), "task": task, **LARGE}
    study(tmp_path, allocator, **changes).run()
    most = max(len(pending) for _, _, pending in allocator.seen)
    assert most == (0 if batch_size == 1 else 1 + (2 * (batch_size - 1) - 1) // 12)
    landed = [each.order and each.order.configuration for each in trials(tmp_path)]
    assert [each.order.configuration for each in allocator.seen[-1][1]] == landed
    assert [each.placed for each in trials(tmp_path)] == list(range(N_ORDERS)), "they are taken in in turn"


def test_a_server_has_as_much_as_it_takes_and_orders_land_as_they_come(tmp_path: Path) -> None:
    allocator = many()
    task = write_task(tmp_path)
    engine = Batch(None)
    study(tmp_path, allocator, engine=engine, space=space_of(task, "n=1"), task=task, **LARGE).run()
    placed = [each.placed for each in trials(tmp_path)]
    assert sorted(placed) == list(range(N_ORDERS))
    assert placed != list(range(N_ORDERS))
    offer, evidence, _ = allocator.seen[-1]
    assert offer.n_choices == (1,)
    assert [each.order for each in evidence] == [each.order for each in trials(tmp_path)]


@pytest.mark.parametrize("batch_size", [24, None])
def test_interrupted_anywhere_nothing_is_paid_twice(tmp_path: Path, batch_size: int | None) -> None:
    """In turn the search repeats itself to the last digit, out of turn at least its orders."""
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    settings: dict[str, Any] = {"budget": Budget(tokens=8_000)}
    whole = study(tmp_path / "whole", many(), engine=Batch(batch_size), **settings).run()
    n_stops = 0
    while True:
        noted = TrialLog(SampleBank(tmp_path / "parts" / "study.db").url, "planted").noted("orders")
        try:
            parts = study(
                tmp_path / "parts",
                many(),
                engine=Batch(batch_size),
                on_progress=interrupting(17 + 9 * n_stops),
                **settings,
            ).run()
        except Interrupted:
            n_stops += 1
            after = TrialLog(SampleBank(tmp_path / "parts" / "study.db").url, "planted").noted("orders")
            for each in noted["under_way"] if noted else ():
                landed = {trial.placed for trial in trials(tmp_path / "parts")}
                assert each["number"] in landed or each in after["under_way"], "a noted order was not made anew"
            continue
        break
    assert n_stops >= 3
    if batch_size is not None:
        assert plain(parts) == plain(whole)
        assert parts.spent.tokens == whole.spent.tokens
    with sqlite3.connect(tmp_path / "parts" / "study.db") as connection:
        joined = "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id"
        bought = Counter(connection.execute(joined))
    assert max(bought.values()) == 1


@pytest.mark.parametrize(("tokens", "least", "most"), [(3_000, 4, 24), (1_000_000, 32, 32)])
def test_of_a_small_budget_less_is_in_flight(tmp_path: Path, tokens: int, least: int, most: int) -> None:
    """A sixteenth of the search's share of 3,000 tokens is about 11 requests, and the last order may go beyond it."""
    engine, task = Batch(None), write_task(tmp_path)
    seen: list[int] = []

    def on_progress(progress: Progress) -> None:
        if progress.phase == "search":
            seen.append(engine.n_in_flight)

    changes = {"engine": engine, "space": space_of(task, "n=1"), "task": task, "on_progress": on_progress}
    study(tmp_path, many(), budget=Budget(tokens=tokens), **changes).run()
    assert least <= max(seen) <= most


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_an_allocator_that_repeats_itself_ends_the_search(tmp_path: Path, n_repeats: int) -> None:
    wishes = [("good", range(8), 1)] * (1 + n_repeats)
    found = study(tmp_path, listed(*wishes)).run()
    assert found.n_trials == 1
    assert NOTHING_NEW in found.notes


class Refusing(FakeEngine):
    """Never answers some requests."""

    def __init__(self, refuses: Callable[[Request], bool]) -> None:
        super().__init__(write)
        self._refuses = refuses

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            if self._refuses(request):
                yield Response(request=request, generations=(), prompt_tokens=0, seconds=0.0, error="not that one")
            else:
                yield from super().generate([request])


def test_a_failed_example_is_no_evidence_and_the_allocator_is_told(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    never = {task.tune[1].id, task.tune[5].id}
    allocator = listed(("good", range(8), 1), ("~good", range(8), 1))
    engine = Refusing(lambda request: request.example_id in never)
    study(tmp_path, allocator, task=task, engine=engine).run()
    offer, evidence, _ = allocator.seen[-1]
    assert [each.order.examples for each in evidence] == [(0, 2, 3, 4, 6, 7)] * 2
    assert [each.scores.shape[1] for each in evidence] == [6, 6]
    assert [each.examples for each in offer.failed] == [(1, 5)] * 2
    assert [(each.n_examples, each.unanswered) for each in trials(tmp_path)] == [(6, (1, 5))] * 2


def test_an_order_without_an_answer_failed_with_its_cause(tmp_path: Path) -> None:
    allocator = listed(("~good", range(8), 1), ("poor", range(8), 1))
    engine = Refusing(lambda request: request.decoding.temperature == 0)
    found = study(tmp_path, allocator, engine=engine).run()
    failed = trials(tmp_path)[1]
    assert (failed.utility, failed.cause) == (None, "every request failed: not that one")
    assert found.n_trials == 2
    assert NOTHING_NEW in found.notes  # asked again for the same, for its evidence never came


def test_when_nothing_is_answered_the_study_says_so(tmp_path: Path) -> None:
    def refuses(request: Request) -> bool:
        return len(seen) > 8 or bool(seen.append(request))

    seen: list[Request] = []
    with pytest.raises(EngineError, match="not that one"):
        study(tmp_path, listed(*(("good", range(n, n + 9), 1) for n in range(40))), engine=Refusing(refuses)).run()


def test_orders_are_noted_before_they_are_bought(tmp_path: Path) -> None:
    """Killed while some are under way, the study buys them, though another allocator would want others."""
    first = listed(("good", range(12), 1), ("poor", range(12), 1), ("~good", range(12), 1))
    with pytest.raises(Interrupted):
        study(tmp_path, first, engine=Batch(32), on_progress=interrupting(14)).run()
    assert trials(tmp_path) == []
    other = listed(("~poor", range(30, 36), 1), *[("~poor", range(30, 36), 1)] * 9)
    study(tmp_path, other, engine=Batch(32)).run()
    log = trials(tmp_path)
    assert [each.order and each.order.examples for each in log[:3]] == [tuple(range(12))] * 3
    assert [str(each.configuration["prompt.template"]) for each in log[:3]] == ["good", "poor", "good"]
    assert len(other.seen[0][2]) == 3, "the other allocator is told what is under way"


@pytest.mark.parametrize("cap", [None, 30.0])
def test_ecooptigen_interrupted_anywhere_ends_with_the_same_answer_and_the_same_bill(
    tmp_path: Path, cap: float | None
) -> None:
    """Each of its orders depends on all before it, and more samples of one example are orders of their own."""
    settings: dict[str, Any] = {"budget": Budget(tokens=6_000), "wanted": Wanted(max_cost_tokens=cap)}
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = study(tmp_path / "whole", EcoOptiGenAllocator(), **settings).run()
    for n_stops in range(200):
        interrupted = interrupting(41 + 3 * n_stops)
        try:
            parts = study(tmp_path / "parts", EcoOptiGenAllocator(), on_progress=interrupted, **settings).run()
        except Interrupted:
            continue
        break
    assert n_stops >= 3
    assert plain(parts) == plain(whole)
    assert parts.spent.tokens == whole.spent.tokens


def test_a_search_that_ended_is_not_taken_up_again(tmp_path: Path) -> None:
    wishes = (("good", range(12), 1), ("~good", range(6, 18), 1))
    whole = study(tmp_path, listed(*wishes)).run()
    again = listed(*wishes, ("poor", range(12), 1))
    assert plain(study(tmp_path, again).run()) == plain(whole)
    assert not again.seen
    more = study(tmp_path, listed(*wishes, ("poor", range(12), 1)), budget=Budget(tokens=40_000)).run()
    assert more.n_trials == whole.n_trials + 1


def test_best_so_far_is_what_would_be_recommended(tmp_path: Path) -> None:
    seen: list[Progress] = []
    study(tmp_path, listed(("good", range(12), 1), ("poor", range(12, 20), 1)), on_progress=seen.append).run()
    best = seen[-1].best
    assert best is not None
    assert best.configuration["prompt.template"] == "poor"  # the last ordered, says this allocator
    assert len(best.example_ids) == 8
