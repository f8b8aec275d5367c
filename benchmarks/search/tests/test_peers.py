"""Peers: what they may choose from, what they pay, and how they are spoken to."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.search.methods import METHODS, PEERS
from benchmarks.search.methods.axes import Axes
from benchmarks.search.methods.peer import GUARD_EXAMPLES, GUARD_SLACK, Peer
from benchmarks.search.peers import environments
from benchmarks.search.peers.bridge import Bridge, PeerDied
from benchmarks.search.peers.environments import ENVIRONMENTS, PeerMissing, installed
from benchmarks.search.peers.percentile import even
from benchmarks.search.peers.protocol import RUNGS, Axis, Best, Outcome, Task, Wish
from benchmarks.search.problem import Bought, Problem, Purchase, RecordedProblem, SyntheticProblem
from benchmarks.search.race import Run, Setting, run

RANDOM = Peer("random_peer")
PROBLEM = SyntheticProblem(0, 600.0, 0)
AXES = Axes(PROBLEM)


class Books:
    """A problem that keeps every purchase."""

    configurations = ()

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.name, self.space, self.cap, self.seed = problem.name, problem.space, problem.cap, problem.seed
        self.n_examples, self.max_tokens, self.configurations = (
            problem.n_examples,
            problem.max_tokens,
            problem.configurations,
        )
        self.scale = problem.scale
        self.bought: list[Bought] = []
        self.regret = problem.regret

    def buy(self, purchase: Purchase) -> Bought:
        self.bought.append(self._problem.buy(purchase))
        return self.bought[-1]


def ran(name_or_peer: str | Peer, problem: Problem, budget: int, n_workers: int = 1, shares: tuple = (1.0,)) -> Run:
    make = METHODS[name_or_peer] if isinstance(name_or_peer, str) else name_or_peer
    return run(make, Setting(problem=problem, budget_tokens=budget, n_workers=n_workers), checkpoints=shares)


def task(**changes: object) -> Task:
    facts = {"seed": 0, "budget_tokens": 100_000, "cap": 150.0, "n_workers": 1, "n_examples": 512}
    return Task(axes=[Axis("a", [1, 2, 3], True)], **(facts | changes))  # type: ignore[arg-type]


def test_every_configuration_has_a_point_and_every_point_a_configuration() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        wanted = PROBLEM.space.sample(rng)
        point = [
            axis.values.index(wanted[axis.name]) if wanted.get(axis.name) in axis.values else 0 for axis in AXES.axes
        ]
        assert AXES.configuration(point) == wanted
    PROBLEM.space.validate(AXES.default())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_point_is_a_configuration_that_can_be_bought(data: st.DataObject, recorded: RecordedProblem) -> None:
    for problem in (PROBLEM, recorded):
        axes = Axes(problem)
        point = [data.draw(st.integers(0, len(axis.values) - 1), label=axis.name) for axis in axes.axes]
        found = axes.configuration(point)
        problem.space.validate(found)
        problem.regret(found)


def test_switches_are_no_scales() -> None:
    ordered = {axis.name: axis.ordered for axis in AXES.axes}
    assert ordered["decoding.temperature"] and ordered["strategy.n"] and ordered["decoding.max_tokens"]
    assert not ordered["decoding.top_k"] and not ordered["prompt.template"] and not ordered["strategy.name"]
    assert len(AXES.axes) == len(PROBLEM.space.parameters)


@pytest.mark.parametrize("n_workers", [1, 16])
def test_a_peer_pays_its_own_n_and_max_tokens_and_nothing_twice(n_workers: int) -> None:
    books = Books(PROBLEM)
    done = ran(RANDOM, books, 120_000, n_workers)
    paid: Counter[tuple] = Counter()
    for bought in books.bought:
        purchase = bought.purchase
        paid.update((purchase.configuration, purchase.n_samples, purchase.max_tokens, e) for e in purchase.examples)
    assert done.tokens <= 120_000 < sum(bought.tokens for bought in books.bought) and max(paid.values()) == 1
    assert len({(purchase.purchase.n_samples, purchase.purchase.max_tokens) for purchase in books.bought}) > 8
    starts = {key[:3] for key in paid}
    assert all(paid[(*key, 0)] for key in starts), "examples come in the same order for all"


def test_what_is_far_over_the_cap_is_stopped_after_eight() -> None:
    problem = SyntheticProblem(0, 150.0, 0)
    books = Books(problem)
    ran(RANDOM, books, 150_000)
    first = {}
    for bought in books.bought[:-1]:
        key = (bought.purchase.configuration, bought.purchase.n_samples, bought.purchase.max_tokens)
        if bought.purchase.examples[0] == 0:
            assert len(bought.purchase.examples) == GUARD_EXAMPLES
            first[key] = bought.tokens / GUARD_EXAMPLES
        else:
            assert first[key] <= GUARD_SLACK * 150
    n_stopped = sum(cost > GUARD_SLACK * 150 for cost in first.values())
    assert 0 < n_stopped < len(first)


def test_a_run_repeats_itself_and_has_the_shorter_ones_in_it() -> None:
    whole = ran(RANDOM, PROBLEM, 120_000, shares=(0.25, 0.5, 1.0))
    again = ran(RANDOM, PROBLEM, 120_000, shares=(0.25, 0.5, 1.0))
    assert whole.regrets == again.regrets and [n.tokens for n in whole.notes] == [n.tokens for n in again.notes]
    for note, budget in zip(whole.notes, (30_000, 60_000, 120_000), strict=True):
        alone = ran(RANDOM, PROBLEM, budget).notes[-1]
        assert (note.regret, note.tokens, note.n_trials) == (alone.regret, alone.tokens, alone.n_trials)
    counts = [note.n_trials for note in whole.notes]
    assert counts == sorted(counts) and counts[0] < counts[-1] <= len(whole.ask_seconds)  # type: ignore[operator]


def test_samples_that_were_had_before_are_not_paid_again() -> None:
    configuration = PROBLEM.space.tier("request").default_configuration()
    three = Purchase(configuration=configuration, examples=np.arange(4), n_samples=3, max_tokens=64)
    rest = Purchase(
        configuration=configuration,
        examples=np.arange(4),
        n_samples=3,
        max_tokens=64,
        paid=np.array([[False, True, True]] * 4),
    )
    one = Purchase(configuration=configuration, examples=np.arange(4), n_samples=1, max_tokens=64)
    prompts = int(PROBLEM.buy(one).prompt_tokens.sum())
    assert PROBLEM.buy(rest).tokens == PROBLEM.buy(three).tokens - PROBLEM.buy(one).tokens + prompts


def test_the_rungs_follow_the_budget() -> None:
    assert task().rungs == [6, 18, 54]
    assert task(budget_tokens=10_000_000).rungs == list(RUNGS)
    assert task(budget_tokens=1).rungs == [6, 18]
    assert task(budget_tokens=10_000_000, n_examples=60).rungs == [6, 18, 54]
    assert task(n_examples=12).rungs == [4, 12], "there are two at least"
    assert task(n_examples=30).flat_examples == 30 and task(options={"examples": 18}).flat_examples == 18


def test_the_best_is_sought_where_most_was_seen_and_not_among_the_stopped() -> None:
    def outcome(value: float, *, stopped: bool = False) -> Outcome:
        return Outcome(value, 100.0, [value], [50.0], [50.0], stopped)

    best = Best()
    assert best.point() is None
    best.add(Wish(0, [0], 48), outcome(0.9, stopped=True))
    assert best.point() is None
    best.add(Wish(1, [1], 6), outcome(0.9))
    best.add(Wish(2, [2], 18), outcome(0.4))
    best.add(Wish(3, [0], 18), outcome(0.3))
    assert best.point() == [2]


def test_a_peer_that_dies_says_why(tmp_path: Path) -> None:
    script = tmp_path / "broken_peer.py"
    script.write_text("import sys\nprint('no such solver', file=sys.stderr)\nsys.exit(3)\n")
    with pytest.raises(PeerDied, match="broken_peer ended with status 3: no such solver"):
        Bridge(script, None, task())


def test_a_peer_that_dies_in_a_task_says_why_and_is_started_anew(tmp_path: Path) -> None:
    script = _marked_peer(tmp_path)
    with pytest.raises(PeerDied, match=r"marked_peer ended with status 1: .*ValueError: no such seed"):
        Bridge(script, None, task(seed=-1))
    bridge = Bridge(script, None, task())
    assert bridge.recommend() == [1, 2]
    bridge.close()


def test_a_library_is_imported_once_and_no_task_sees_what_another_left(tmp_path: Path) -> None:
    script = _marked_peer(tmp_path)
    for seed in range(3):
        bridge = Bridge(script, None, task(seed=seed))
        assert bridge.recommend() == [1, 2], "as in the first task"
        bridge.close()
    assert (tmp_path / "imports").read_text() == "once "
    one, other = Bridge(script, None, task()), Bridge(script, None, task())
    assert one.recommend() == other.recommend() == [1, 2]
    one.close()
    other.close()
    assert (tmp_path / "imports").read_text() == "once once ", "two at a time are two processes"


def test_a_fork_does_not_use_the_processes_of_the_one_it_came_from(tmp_path: Path) -> None:
    script = _marked_peer(tmp_path)
    _recommended(script)
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        assert list(pool.map(_recommended, [script] * 8)) == [[1, 2]] * 8
    _recommended(script)
    assert (tmp_path / "imports").read_text().count("once") <= 3, "one each"


def _recommended(script: Path) -> list[int] | None:
    bridge = Bridge(script, None, task())
    try:
        return bridge.recommend()
    finally:
        bridge.close()


def _marked_peer(folder: Path) -> Path:
    """Return a script that notes each import, and recommends how many tasks it has had, and files where it runs."""
    script = folder / "marked_peer.py"
    script.write_text(
        f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(environments.__file__).parent)!r})
from protocol import Peer, serve
with open({str(folder / "imports")!r}, "a") as file:
    file.write("once ")
n_tasks = 0

class Marked(Peer):
    def __init__(self, task):
        global n_tasks
        if task.seed < 0:
            raise ValueError("no such seed")
        n_tasks += 1
        Path("one").touch()
        Path(str(n_tasks + 100)).touch()

    def ask(self):
        return None

    def tell(self, wish, outcome):
        pass

    def recommend(self):
        return [n_tasks, len(list(Path().iterdir()))]

serve(Marked)
"""
    )
    return script


def test_what_a_library_prints_is_not_taken_for_an_answer() -> None:
    bridge = Bridge(Path(__file__).parent / "chatty_peer.py", None, task())
    try:
        wish = bridge.ask()
        assert wish == Wish(1, [2], 6) and len(bridge.ask_seconds) == 1
        bridge.tell(wish, Outcome(0.5, 100.0, [0.5], [50.0], [50.0]))
        assert bridge.ask() == Wish(1, [2], 18) and len(bridge.ask_seconds) == 1, "going on is no question"
        assert bridge.ask() is None and bridge.recommend() == [2]
    finally:
        bridge.close()


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.one_of(st.floats(0, 100), st.sampled_from([0.0, 20.0, 50.0, 100.0])),
)
def test_a_percentile_is_the_least_value_with_that_share_at_or_below(numbers: list[int], rank: float) -> None:
    values = np.array(numbers, float)
    wanted = next(v for v in np.sort(values) if (values <= v).sum() >= rank / 100 * len(values))
    assert even(_never)(values, np.ones(len(values)), rank) == wanted


@pytest.mark.parametrize(
    ("values", "weights"), [([1.0, 2.0], [1.0, 3.0]), ([1.0, np.nan], [1.0, 1.0]), ([[1.0], [2.0]], [1.0, 1.0])]
)
def test_a_percentile_of_another_kind_is_left_to_the_library(values: list, weights: list) -> None:
    assert even(lambda *_: 7.0)(np.array(values), np.array(weights), 50.0) == 7.0


def _never(*_: object) -> float:
    raise AssertionError("the weights are one")


def test_an_environment_that_is_missing_is_named_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERTUNE_PEERS", str(tmp_path))
    with pytest.raises(PeerMissing, match=r"python -m benchmarks\.search\.peers install optuna"):
        environments.python("optuna")
    with pytest.raises(PeerMissing):
        ran("optuna tpe", PROBLEM, 10_000)


def test_every_peer_has_its_script_and_its_environment_is_pinned() -> None:
    here = Path(environments.__file__).parent
    for peer in PEERS.values():
        assert (here / f"{peer.script}.py").exists()
        assert peer.environment is None or peer.environment in ENVIRONMENTS
    for name in ENVIRONMENTS:
        lines = (environments.PINNED / f"{name}.txt").read_text().splitlines()
        assert lines and all("==" in line for line in lines)
    assert {peer.environment for peer in PEERS.values()} - {None} == set(ENVIRONMENTS)


def needs(name: str) -> None:
    environment = PEERS[name].environment
    if environment is not None and not installed(environment):
        pytest.skip(f"the environment {environment} is not installed; python -m benchmarks.search.peers install")


@pytest.mark.parametrize("name", list(PEERS))
def test_every_peer_repeats_itself(name: str) -> None:
    needs(name)
    one, again = (ran(name, PROBLEM, 30_000, 4).notes[-1] for _ in range(2))
    assert (one.regret, one.tokens, one.n_trials) == (again.regret, again.tokens, again.n_trials)


@pytest.mark.parametrize("name", list(PEERS))
@pytest.mark.parametrize("kind", ["synthetic", "recorded"])
@pytest.mark.parametrize("n_workers", [1, 16])
def test_every_peer_runs(name: str, kind: str, n_workers: int, recorded: RecordedProblem) -> None:
    needs(name)
    problem: Problem = PROBLEM if kind == "synthetic" else recorded
    most = int(PEERS[name].options.get("examples", 48))  # a trial of so many must fit in twice
    budget = 400 * max(most, 48) if kind == "synthetic" else 5_000
    done = ran(name, problem, budget, n_workers, (0.5, 1.0))
    first, last = done.notes
    assert first.tokens <= budget / 2 < last.tokens <= budget
    assert min(done.regrets) > -0.02
    assert last.n_trials and len(last.ask_seconds) >= last.n_trials
    assert last.n_configurations <= last.n_trials
