"""The search space of the labels model: many templates, a budget for thinking, and parameters that may do nothing."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from infertune.space import Parameter, SearchSpace
from infertune.space.default_space import default_space
from infertune.types import Scalar

STYLES = ("steps", "terse", "persona", "schema", "worked")
N_TEMPLATES = 60
MAX_TOKENS = (128, 256, 512, 1024, 2048)
THINKING = "argument.thinking_tokens"
CONTEXT = "argument.context_tokens"
SHOTS = "argument.n_shots"


def _number(
    name: str, kind: str, low: float, high: float, default: float, *, step: float | None = None, log: bool = False
) -> Parameter:
    return Parameter(
        name=f"argument.{name}",
        tier="request",
        kind="int" if kind == "int" else "float",
        low=low,
        high=high,
        default=default,
        step=step,
        log=log,
    )


def _texts(name: str, *choices: str) -> Parameter:
    return Parameter(name=f"argument.{name}", tier="request", kind="choice", choices=choices, default=choices[0])


DEALT = (
    _number("context_tokens", "int", 32, 1024, 256, log=True),
    _number("chunk_tokens", "int", 16, 512, 64, log=True),
    _number("n_shots", "int", 0, 8, 0),
    _number("overlap", "int", 0, 200, 0, step=20),
    _number("rerank_weight", "float", 0.001, 10.0, 1.0, log=True),
    _number("threshold", "float", 0.0, 1.0, 0.5, step=0.05),
    _texts("separator", "newline", "dash", "hash", "tag"),
    _texts("order", "given", "reversed", "by_score"),
    _texts("quotes", "none", "single", "double", "block"),
)
"""Those of which a seed draws some that matter."""


def labels_space(rng: np.random.Generator) -> SearchSpace:
    """Return the space, whose templates come in an order of their own."""
    names = [f"{style}-{number:02d}" for style in STYLES for number in range(1, N_TEMPLATES // len(STYLES) + 1)]
    mixed = [names[at] for at in rng.permutation(N_TEMPLATES)]
    space = default_space(prompts=mixed, max_tokens=MAX_TOKENS)
    unused = ("decoding.top_k", "decoding.min_p", "decoding.repetition_penalty")
    request = [each for each in space.parameters if each.tier == "request" and each.name not in unused]
    replay = [each for each in space.parameters if each.tier == "replay"]
    thinking = _number("thinking_tokens", "int", 32, 4096, 256, log=True)
    return SearchSpace((*request, thinking, *DEALT, *replay), space.constraints)


def effect(parameter: Parameter, rng: np.random.Generator) -> Callable[[Scalar], float]:
    """Draw what a parameter's values do to the ability: a plateau with slopes, or for texts each its own."""
    if parameter.kind == "choice":
        own = rng.normal(0.0, 0.5, len(parameter.choices))
        return dict(zip(parameter.choices, own.tolist(), strict=True)).__getitem__
    return partial(_plateau, parameter, rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.2), rng.uniform(1.0, 3.0))


def _plateau(parameter: Parameter, best: float, width: float, slope: float, value: Scalar) -> float:
    """Return 0 within a distance of the best position in the range, and less the farther it is."""
    assert parameter.low is not None and parameter.high is not None
    low, high, at = parameter.low, parameter.high, float(value)
    if parameter.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return -slope * max(abs((at - low) / (high - low) - best) - width, 0.0)
