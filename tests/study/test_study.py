"""A study from its pilot to its answer: what it finds, what it spends, and that interruptions change nothing."""

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from planted import SEARCHES, TOKENS, Interrupted, interrupting, make_study, plain, space_of, write, write_task

from infertune.bank import SampleBank
from infertune.budget import Budget, Prices
from infertune.errors import BudgetError, EngineError
from infertune.samplers.grid import GridSampler
from infertune.samplers.tpe import TPESampler
from infertune.selection.recommendation import Recommendation
from infertune.selection.select import Wanted
from infertune.study.progress import Progress
from infertune.study.sampler_allocator import SamplerAllocator
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.testing import FakeEngine
from infertune.types import Request, Response

SMALL = 5_500  # tokens, where it is not the answer that is looked at

both = pytest.mark.parametrize("way", SEARCHES)


@dataclass(frozen=True)
class Whole:
    """An uninterrupted study: how it searched, its folder, what it asked and said, and its answer."""

    way: str
    folder: Path
    task: Task
    engine: FakeEngine
    progress: list[Progress]
    found: Recommendation


@pytest.fixture(scope="module", params=SEARCHES)
def whole(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    task, engine, progress = write_task(folder), FakeEngine(write), list[Progress]()
    study = make_study(folder, task=task, engine=engine, on_progress=progress.append, search=SEARCHES[request.param])
    return Whole(request.param, folder, task, engine, progress, study.run())


@pytest.fixture
def found(whole: Whole) -> Recommendation:
    return whole.found


def test_it_finds_what_is_planted(found: Recommendation) -> None:
    recommended = found.recommended
    assert recommended["prompt.template"] == "good"
    assert found.verdict.clear
    assert found.verdict.difference.low > 0
    assert found.verdict.difference.mean == pytest.approx(
        found.verdict.seen.utility.mean - found.verdict.default.utility.mean
    )


def test_the_budget_is_used_and_kept(found: Recommendation) -> None:
    assert 0.8 * TOKENS < found.spent.tokens <= TOKENS + 200


def test_the_first_trial_is_the_default(whole: Whole, found: Recommendation) -> None:
    log = TrialLog(SampleBank(whole.folder / "study.db").url, "planted").trials()
    assert len(log) == found.n_trials
    request_part = {name: value for name, value in found.default.items() if name in log[0].configuration}
    assert log[0].configuration == request_part


def test_the_search_never_sees_confirm(whole: Whole, found: Recommendation) -> None:
    """What is asked about `confirm` is asked last, and only of the recommended configuration and the default."""
    requests = whole.engine.requests
    confirm = {example.id for example in whole.task.confirm}
    asked = [request.example_id in confirm for request in requests]
    assert asked == sorted(asked)
    settings = {(request.prompt, request.decoding) for request in requests if request.example_id in confirm}
    assert len({decoding for _, decoding in settings}) <= 2
    assert found.verdict.seen.utility.n == len({r.example_id for r in requests if r.example_id in confirm})


@pytest.mark.parametrize("sampler", [TPESampler(), GridSampler()])
def test_the_same_seed_gives_the_same_answer(tmp_path: Path, sampler: object) -> None:
    answers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        answers.append(
            plain(make_study(tmp_path / name, search=SamplerAllocator(sampler), budget=Budget(tokens=9_000)).run())
        )
    assert answers[0] == answers[1]


def _books(folder: Path) -> tuple[int, int]:
    """Return tokens in the books of the bank, and how many samples it holds twice."""
    with sqlite3.connect(folder / "study.db") as connection:
        rows = connection.execute(
            "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id"
        ).fetchall()
        spent = connection.execute("SELECT sum(prompt_tokens + completion_tokens) FROM bank_requests").fetchone()[0]
    return int(spent), sum(count - 1 for count in Counter(rows).values())


@pytest.fixture(scope="module", params=SEARCHES)
def small(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[str, Path, Recommendation]:
    """Return how it searched, the folder and the answer of a small study that was not interrupted."""
    folder = tmp_path_factory.mktemp("small")
    search = SEARCHES[request.param]
    return request.param, folder, make_study(folder, budget=Budget(tokens=SMALL), search=search).run()


@pytest.mark.parametrize("stride", [1, 7, 61, 173])
def test_interrupted_anywhere_it_ends_with_the_same_answer_and_the_same_bill(
    tmp_path: Path, stride: int, small: tuple[str, Path, Recommendation]
) -> None:
    """The engine here has one request under way, so that even the bill is the same to the token."""
    way, whole_folder, whole = small
    n_stops = 0
    while True:
        on_progress = interrupting(stride + 3 * n_stops)
        study = make_study(tmp_path, budget=Budget(tokens=SMALL), on_progress=on_progress, search=SEARCHES[way])
        try:
            parts = study.run()
        except Interrupted:
            n_stops += 1
        else:
            break
    assert n_stops >= (3 if stride < 100 else 1)
    assert plain(parts) == plain(whole)
    assert parts.spent.tokens == whole.spent.tokens
    assert _books(tmp_path) == _books(whole_folder)
    assert _books(tmp_path)[1] == 0


class Batched:
    """An engine that pulls several requests at once and answers them in another order, as real ones do."""

    def __init__(self, size: int) -> None:
        self._inner = FakeEngine(write)
        self._size = size
        self.facts = self._inner.facts

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        source = iter(requests)
        pending: list[Request] = []
        while True:
            while len(pending) < self._size and (request := next(source, None)) is not None:
                pending.append(request)
            if not pending:
                return
            pending.sort(key=lambda request: request.example_id)
            yield from self._inner.generate([pending.pop(0)])

    def close(self) -> None:
        pass


@both
def test_what_was_under_way_changes_nothing(tmp_path: Path, way: str) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = make_study(tmp_path / "whole", engine=Batched(16), budget=Budget(tokens=9_000), search=SEARCHES[way]).run()
    for stop in range(5, 2_000, 37):
        try:
            parts = make_study(
                tmp_path / "parts",
                engine=Batched(16),
                budget=Budget(tokens=9_000),
                on_progress=interrupting(stop),
                search=SEARCHES[way],
            ).run()
        except Interrupted:
            continue
        break
    assert plain(parts) == plain(whole)
    assert _books(tmp_path / "parts")[1] == 0


@both
def test_a_larger_budget_goes_on(tmp_path: Path, way: str) -> None:
    small = make_study(tmp_path, budget=Budget(tokens=SMALL), search=SEARCHES[way]).run()
    large = make_study(tmp_path, budget=Budget(tokens=2 * SMALL), search=SEARCHES[way]).run()
    assert large.n_trials >= small.n_trials
    assert SMALL + 200 < large.spent.tokens <= 2 * SMALL + 200
    assert large.verdict.seen.utility.n >= small.verdict.seen.utility.n


@both
def test_two_studies_in_one_file_share_samples(tmp_path: Path, way: str) -> None:
    first = make_study(tmp_path, name="first", budget=Budget(tokens=SMALL), search=SEARCHES[way]).run()
    again = make_study(tmp_path, name="second", budget=Budget(tokens=SMALL), search=SEARCHES[way]).run()
    # What the first paid for is free for the second, whose budget therefore reaches further.
    assert again.n_trials > first.n_trials
    assert _books(tmp_path)[1] == 0


@both
def test_a_budget_too_small_names_one_that_is_enough(tmp_path: Path, way: str) -> None:
    with pytest.raises(BudgetError, match="must buy 4 trials of 8 examples") as error:
        make_study(tmp_path, budget=Budget(tokens=500), search=SEARCHES[way]).run()
    needed = int(str(error.value).split("about ")[1].split(" tokens")[0].replace(",", ""))
    enough = make_study(tmp_path, budget=Budget(tokens=int(1.1 * needed)), search=SEARCHES[way]).run()
    assert enough.n_trials >= 4


@both
def test_the_cost_cap_is_kept(tmp_path: Path, way: str) -> None:
    settings: dict[str, Any] = {"budget": Budget(tokens=9_000), "search": SEARCHES[way]}
    free = make_study(tmp_path, name="free", **settings).run()
    costs = [cost for cost, _ in free.explored]
    cap = 1.2 * min(costs)
    assert max(costs) > cap
    capped = make_study(tmp_path, name="capped", wanted=Wanted(max_cost_tokens=cap), **settings).run()
    assert capped.on_tune.cost_tokens <= cap


def test_a_cap_below_any_prompt_is_refused_before_the_search(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="max_cost_tokens must be at least") as error:
        make_study(tmp_path, wanted=Wanted(max_cost_tokens=3)).run()
    assert "tokens per request" in str(error.value)
    assert SampleBank(tmp_path / "study.db").spent("planted").tokens < 1_000


class Failing:
    """An engine that fails some examples for good."""

    def __init__(self, share: float) -> None:
        self._inner = FakeEngine(write)
        self._share = share
        self.facts = self._inner.facts

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            if random.Random(request.example_id).random() < self._share:
                yield Response(request=request, generations=(), prompt_tokens=0, seconds=0.0, error="no such luck")
            else:
                yield from self._inner.generate([request])

    def close(self) -> None:
        pass


def test_failed_requests_are_reported_and_never_scored(tmp_path: Path, whole: Whole) -> None:
    some = make_study(tmp_path, engine=Failing(0.2), search=SEARCHES[whole.way]).run()
    assert some.spent.n_failed > 0
    assert any("failed" in note for note in some.notes)
    # As zeros they would cost a fifth of the utility.
    assert some.verdict.seen.utility.mean > 0.9 * whole.found.verdict.seen.utility.mean
    assert some.verdict.seen.utility.n < whole.found.verdict.seen.utility.n


@both
def test_when_most_fail_the_study_stops_and_says_why(tmp_path: Path, way: str) -> None:
    with pytest.raises(EngineError, match="no such luck"):
        make_study(tmp_path, engine=Failing(1.0), search=SEARCHES[way]).run()
    with pytest.raises(EngineError, match="no such luck"):
        make_study(tmp_path, name="other", engine=Failing(0.8), search=SEARCHES[way]).run()


def test_a_space_that_ends_ends_the_search(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    fixed = ("top_p=1", "top_k=0", "min_p=0", "repetition_penalty=1", "temperature=0,1", "n=1", "max_tokens=4")
    found = make_study(tmp_path, task=task, space=space_of(task, *fixed), search=SamplerAllocator(GridSampler())).run()
    assert found.n_trials == 4
    assert "every configuration of the space was tried" in found.notes
    assert found.recommended["prompt.template"] == "good"
    assert found.recommended["decoding.temperature"] == 0


@both
def test_a_space_of_one_keeps_the_default(tmp_path: Path, way: str) -> None:
    task = write_task(tmp_path)
    fixed = (
        "top_p=1",
        "top_k=0",
        "min_p=0",
        "repetition_penalty=1",
        "temperature=1",
        "n=1",
        "max_tokens=4",
        "prompt=good",
    )
    found = make_study(tmp_path, task=task, space=space_of(task, *fixed), search=SEARCHES[way]).run()
    assert found.recommended == found.default
    assert found.verdict.difference.mean == 0
    assert not found.verdict.clear


@both
@pytest.mark.parametrize("voter", ["majority", "best_of_n"])
def test_more_samples_can_be_made_the_only_choice(tmp_path: Path, voter: str, way: str) -> None:
    task = write_task(tmp_path)
    space, budget = space_of(task, "n=3,5", f"voter={voter}"), Budget(tokens=9_000)
    found = make_study(tmp_path, task=task, space=space, budget=budget, search=SEARCHES[way]).run()
    assert found.recommended["strategy.name"] == voter
    assert found.default["strategy.n"] == 3


@both
def test_money_is_a_budget(tmp_path: Path, way: str) -> None:
    prices = Prices(prompt_per_million=1.0, completion_per_million=10.0)
    found = make_study(tmp_path, budget=Budget(money=0.09, prices=prices), search=SEARCHES[way]).run()
    paid = prices.cost(found.spent.prompt_tokens, found.spent.completion_tokens)
    assert 0.06 < paid <= 0.0906


class Clock:
    """Time that passes only where an engine says so, in place of the account's."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class TimedEngine(FakeEngine):
    """Takes so long for each of its requests, by their number; the study's own work takes no time at all."""

    def __init__(self, patch: pytest.MonkeyPatch, seconds: Callable[[int], float]) -> None:
        super().__init__(write)
        self._seconds = seconds
        self._clock = Clock()
        patch.setattr("infertune.evaluation.account.time", self._clock)

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        for response in super().generate(requests):
            self._clock.seconds += self._seconds(len(self.requests))
            yield response


@both
def test_seconds_are_a_budget(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TimedEngine(monkeypatch, lambda number: 0.003)
    found = make_study(tmp_path, engine=engine, budget=Budget(seconds=1.0), search=SEARCHES[way]).run()
    assert 0.8 < found.seconds <= 1.006


def test_a_first_request_that_waits_does_not_shrink_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a budget of seconds goes to a first connection: what is left buys as much as the second round says."""
    engine = TimedEngine(monkeypatch, lambda number: 1.0 if number == 1 else 0.001)
    found = make_study(tmp_path, engine=engine, budget=Budget(seconds=2.0)).run()
    assert 1.5 < found.seconds <= 2.002
    log = TrialLog(SampleBank(tmp_path / "study.db").url, "planted")
    assert log.noted("plan")["n_samples"] > 1, "the plan of some thousand tokens, where the first round says 170"


def test_what_to_try_instead_is_in_the_units_of_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request of the search takes longer than the whole budget: nothing is left to confirm with."""
    engine = TimedEngine(monkeypatch, lambda number: 5.0 if number == 150 else 0.003)
    with pytest.raises(BudgetError, match="must leave room for a confirmation, but is spent; try 4 seconds"):
        make_study(tmp_path, engine=engine, budget=Budget(seconds=2.0)).run()


def test_a_study_that_goes_on_with_more_tokens_confirms_on_more_examples_at_once(tmp_path: Path) -> None:
    """What its search has spent in the meantime is no price of the confirmation that was there before."""
    task = write_task(tmp_path, n_confirm=400)
    space = space_of(task, "prompt=good", "n=1", "max_tokens=4", "temperature=0,1")
    examples: list[list[int]] = []
    for tokens in (6_000, 12_000):
        found = make_study(
            tmp_path, task=task, space=space, budget=Budget(tokens=tokens), search=SEARCHES["orders"]
        ).run()
        assert found.spent.tokens > 0.95 * tokens
        noted = TrialLog(SampleBank(tmp_path / "study.db").url, "planted").noted("confirm")
        assert noted is not None
        examples.append([parts[0][0] for parts, _ in noted["steps"]])
    before, after = examples
    assert after[: len(before)] == before
    assert after[len(before)] - before[-1] > 0.5 * (after[-1] - before[-1]) > 10, "the first purchase is most of it"


def test_the_first_limit_to_be_reached_ends_it(tmp_path: Path) -> None:
    prices = Prices(prompt_per_million=1.0, completion_per_million=1.0)
    found = make_study(tmp_path, budget=Budget(tokens=SMALL, money=1.0, prices=prices)).run()
    assert found.spent.tokens <= SMALL + 200


@both
def test_tiny_splits_give_wide_intervals(tmp_path: Path, way: str) -> None:
    task = write_task(tmp_path, n_tune=8, n_confirm=1)
    found = make_study(tmp_path, task=task, budget=Budget(tokens=SMALL), search=SEARCHES[way]).run()
    assert (found.verdict.seen.utility.low, found.verdict.seen.utility.high) == (0.0, 1.0)
    assert not found.verdict.clear


def test_progress_tells_the_truth(whole: Whole, found: Recommendation) -> None:
    seen = whole.progress
    phases = [progress.phase for progress in seen]
    assert list(dict.fromkeys(phases)) == ["pilot", "search", "finals", "confirm"]
    spent = [progress.spent.tokens for progress in seen]
    assert spent == sorted(spent)
    assert seen[-1].spent == found.spent
    assert seen[-1].run_tokens == found.spent.tokens
    assert max(progress.n_trials for progress in seen) == found.n_trials


def test_a_larger_budget_gives_a_study_that_resumes_more_examples_in_the_finals(tmp_path: Path) -> None:
    task = write_task(tmp_path, n_tune=200, n_confirm=40)
    small = make_study(tmp_path, task=task, budget=Budget(tokens=8_000)).run()
    large = make_study(tmp_path, task=task, budget=Budget(tokens=24_000)).run()
    assert small.n_tune < large.n_tune <= 200
