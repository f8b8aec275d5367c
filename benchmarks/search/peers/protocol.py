"""What a peer and the benchmark say to each other: one line of JSON each way.

Used by both sides: here as a module, in a peer's environment as the file next to its script. So it knows nothing but
the standard library. A peer never sees an example or a sample, only lists of values to choose from, scores and tokens.
"""

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TextIO

RUNGS = (6, 18, 54, 162, 486)
FLAT_EXAMPLES = 48
_FULL_EVALUATIONS = 8


@dataclass(frozen=True)
class Axis:
    """One parameter.

    Attributes:
        values: In order. A point has the position of one of them.
        ordered: Whether neighbours are alike; otherwise it is a choice without an order.
    """

    name: str
    values: list[Any]
    ordered: bool


@dataclass(frozen=True)
class Task:
    """What a peer may know beforehand.

    Attributes:
        cap: Most tokens a request may cost on average; None is no limit.
        n_examples: That can be bought.
        scale: Of the value: 1% over the cap costs 1% of it.
        options: The peer's own, among them its ``variant``.
    """

    axes: list[Axis]
    seed: int
    budget_tokens: int
    cap: float | None
    n_workers: int
    n_examples: int
    scale: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def flat_examples(self) -> int:
        """How many examples a method without fidelities evaluates a configuration on."""
        return min(self.options.get("examples", FLAT_EXAMPLES), self.n_examples)

    @property
    def rungs(self) -> list[int]:
        """The fidelities in examples.

        The highest is such that the budget buys eight evaluations there at the cap's price: what an attentive user of
        Hyperband would choose, and far better at small budgets than all examples.
        """
        price = _FULL_EVALUATIONS * (self.cap or 300.0)
        found = [each for each in RUNGS if each <= self.n_examples]
        if len(found) < 2:
            lowest = max(1, self.n_examples // 3)
            return [lowest, 3 * lowest]
        return [each for each in found if each * price <= self.budget_tokens or each in found[:2]]


@dataclass
class Wish:
    """The first examples of a point; those that it has had already are not bought again.

    Attributes:
        trial: The peer's number for what it will be told under it.
        n_examples: How many of the first, in all.
        n_samples: Of each example, where that is not the point's own n. Then every wish is paid in full, for
            the examples from ``first_example`` on and the samples after the first ``skip``, and no guard stops it.
    """

    trial: int
    point: list[int]
    n_examples: int
    n_samples: int | None = None
    first_example: int = 0
    skip: int = 0


@dataclass
class Outcome:
    """What came of a wish.

    Attributes:
        value: Mean score less what the mean cost is over the cap, as a share of it, at most half a point.
        cost: Mean tokens per request.
        scores: By example, as are the others.
        prompt_tokens: Of each request.
        sample_tokens: Generated for each, all samples together.
        stopped: Whether the guard ended it early, its first examples being far over the cap.
    """

    value: float
    cost: float
    scores: list[float]
    prompt_tokens: list[float]
    sample_tokens: list[float]
    stopped: bool = False

    @property
    def utility(self) -> float:
        """The mean score."""
        return sum(self.scores) / len(self.scores)


class Peer(ABC):
    """A library behind three questions.

    Attributes:
        task: What it searches.
        continuing: Wishes for more of a trial under way: they are served first and are no question to the library.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.continuing: deque[Wish] = deque()

    @abstractmethod
    def ask(self) -> Wish | None:
        """Return what to evaluate next; None to wait for what is under way."""

    @abstractmethod
    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Take in what came of a wish; with several workers, in any order."""

    @abstractmethod
    def recommend(self) -> list[int] | None:
        """Return the point that it would recommend now; None before there is any."""


class Best:
    """The rule of most libraries: what was best where it was evaluated on most examples."""

    def __init__(self) -> None:
        self._seen: dict[int, list[tuple[float, list[int]]]] = {}

    def add(self, wish: Wish, outcome: Outcome) -> None:
        """Note an outcome; one that the guard stopped is no candidate."""
        if not outcome.stopped:
            self._seen.setdefault(wish.n_examples, []).append((outcome.value, wish.point))

    def point(self) -> list[int] | None:
        """Return the best at the highest number of examples reached."""
        return max(self._seen[max(self._seen)])[1] if self._seen else None


def serve(make: Callable[[Task], Peer]) -> None:
    """Answer the questions on stdin until it ends, through the file whose number is the first argument.

    So stdout is free for what libraries print, be it at import. Each task has a copy of the process: importing takes
    some libraries longer than the task does, and a task must not see what another left behind.
    """
    answers = os.fdopen(int(sys.argv[1]), "w")
    for line in sys.stdin:
        message = json.loads(line)
        assert message["do"] == "start", "the first message must start a task"
        copy = os.fork()
        if not copy:
            os.chdir(message["folder"])
            axes = [Axis(**each) for each in message["task"].pop("axes")]
            _serve(make(Task(axes=axes, **message["task"])), answers)
            os._exit(0)  # without what libraries do at exit
        _, status = os.waitpid(copy, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))


def _serve(peer: Peer, answers: TextIO) -> None:
    """Answer the questions of one task, the first being that it has started."""
    _say(answers, {})
    for line in sys.stdin:
        message = json.loads(line)
        answer: dict[str, Any] = {}
        if message["do"] == "ask":
            answer = _asked(peer)
        elif message["do"] == "tell":
            peer.tell(Wish(**message["wish"]), Outcome(**message["outcome"]))
        elif message["do"] == "recommend":
            answer["point"] = peer.recommend()
        _say(answers, answer)
        if message["do"] == "end":
            return


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer, default=_plain) + "\n")
    answers.flush()


def _asked(peer: Peer) -> dict[str, Any]:
    if peer.continuing:
        return {"wish": asdict(peer.continuing.popleft())}
    started = time.process_time()
    wish = peer.ask()
    seconds = time.process_time() - started
    return {"wish": asdict(wish) if wish else None, "seconds": seconds}


def _plain(value: Any) -> Any:
    """Return a number of numpy's as one of Python's."""
    return value.item()


def plain(value: Any) -> dict[str, Any]:
    """Return a message's part as a dictionary of its fields."""
    return {each.name: getattr(value, each.name) for each in fields(value)}
