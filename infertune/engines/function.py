"""A Python function as an engine: each sample is one call, its text the score, its tokens the cost."""

import hashlib
import inspect
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from infertune.errors import InvalidInputError
from infertune.tasks.calls import MOST_COST
from infertune.types import Generation, Request, Response, Scalar, Unsupported

_LONGEST_ERROR = 300


class FunctionEngine:
    """Answers requests by calls of a function.

    The function takes any of ``configuration`` (a mapping of names to values), ``example`` and ``seed``, by these
    names, and returns a score in [0, 1], or a pair of score and cost. A call that raises is a failed request: it is
    neither right nor wrong.

    Args:
        function: Is called in this thread, one call after the other.
        examples: By their ids.
    """

    samples_per_prompt = 1

    def __init__(self, function: Callable[..., Any], examples: Mapping[str, Any]) -> None:
        self._function = function
        self._examples = examples
        self._takes = _parameters(function)
        self._facts = {"engine": "function", "model": name_of(function), "code": _digest(function)}

    @property
    def facts(self) -> Mapping[str, str]:
        """Its name, and a digest of its source where there is one: a changed function shares no samples."""
        return self._facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing."""
        return ()

    @property
    def batch_size(self) -> int:
        """One: calls follow one another."""
        return 1

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield the outcome of each request's calls, in order."""
        for request in requests:
            if request is None:
                return
            started = time.monotonic()
            outcomes: list[tuple[float, int]] = []
            error = ""
            for sample in request.samples:
                try:
                    outcomes.append(self._call(request, sample))
                except InvalidInputError:
                    raise
                except Exception as raised:
                    error = f"{type(raised).__name__}: {raised}"[:_LONGEST_ERROR]
                    break
            yield response(request, [] if error else outcomes, error, time.monotonic() - started)

    def close(self) -> None:
        """Nothing is held."""

    def _call(self, request: Request, sample: int) -> tuple[float, int]:
        given: dict[str, Any] = {
            "configuration": {name.partition(".")[2]: value for name, value in request.decoding.extra},
            "example": self._examples[request.example_id],
            "seed": seed_of(request, sample),
        }
        found = self._function(**{name: value for name, value in given.items() if name in self._takes})
        score, cost = found if isinstance(found, tuple) and len(found) == 2 else (found, 1)
        return checked_score(score, self._facts["model"]), checked_cost(cost, self._facts["model"])


def name_of(function: Callable[..., Any]) -> str:
    """Return what a function is called."""
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    known = ("configuration", "example", "seed")
    parameters = inspect.signature(function).parameters
    needed = [name for name, each in parameters.items() if each.default is each.empty and each.kind not in (2, 4)]
    if wrong := [name for name in needed if name not in known]:
        raise InvalidInputError(
            f"{name_of(function)} must take configuration, example and seed, or some of them, but takes '{wrong[0]}'"
        )
    return frozenset(name for name in known if name in parameters)


def _digest(function: Callable[..., Any]) -> str:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = name_of(function)
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def seed_of(request: Request, sample: int) -> int:
    """Return the seed of a call: the same for every configuration, so that they share their noise."""
    key = json.dumps([request.seed, request.example_id, sample])
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def checked_score(value: Any, name: str) -> float:
    """Return a score in [0, 1]; raise InvalidInputError, naming who gave it, for anything else."""
    if isinstance(value, Scalar) and not isinstance(value, str) and math.isfinite(value) and 0 <= value <= 1:
        return float(value)
    try:
        plain = float(value)  # numpy's numbers
    except (TypeError, ValueError):
        plain = math.nan
    if not 0 <= plain <= 1:
        raise InvalidInputError(f"{name} must return a score in [0, 1], or a pair of score and cost, not {value!r}")
    return plain


def checked_cost(value: Any, name: str) -> int:
    """Return a cost as a whole number; raise InvalidInputError, naming who gave it, for what is none."""
    try:
        plain = float(value)
    except (TypeError, ValueError):
        plain = math.nan
    if not 0 <= plain <= MOST_COST:
        raise InvalidInputError(f"{name} must return a cost from 0 to {MOST_COST:,}, not {value!r}")
    return round(plain)


def response(request: Request, outcomes: Sequence[tuple[float, int]], error: str, seconds: float) -> Response:
    """Return what calls brought; each pays for itself, so the mean cost is that of a prompt that none shares."""
    costs = [cost for _, cost in outcomes]
    mean = round(sum(costs) / len(costs)) if costs else 0
    return Response(
        request=request,
        generations=tuple(
            Generation(sample=sample, text=repr(score), token_ids=(), logprobs=(), text_ends=(), finish_reason="stop")
            for sample, (score, _) in zip(request.samples, outcomes, strict=False)
        ),
        prompt_tokens=mean,
        extra_prompt_tokens=sum(costs) - mean if costs else 0,
        seconds=seconds,
        error=error,
    )
