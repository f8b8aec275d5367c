"""Errors in the words of Python: a message that names an option of the command line names the argument instead."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from infertune.engines.options import described
from infertune.errors import InfertuneError

_OTHERWISE = {"set": "settings", "db": "database", "sampler": "search", "engine-arg": "engine_args"}
_ARGUMENTS = (
    *("task", "model", "engine", "data", "prices", "space", "search", "prefer", "seed", "study", "out", "config"),
    *("budget-tokens", "budget-seconds", "budget-money", "max-cost-tokens", "min-utility", "min-answered", "slo"),
    *("samples", "split", "examples", "workload", "maximize", "minimize", "rate", "concurrency", "command"),
    *("burst-seconds", "gpu-hour-price", "only", "changing-answers", "reset-path"),
)


@contextmanager
def arguments_named() -> Iterator[None]:
    """Let an error of infertune name arguments where it would name options."""
    try:
        yield
    except InfertuneError as error:
        error.args = (_named(str(error)), *error.args[1:])
        raise


def _named(message: str) -> str:
    known = {each: each.replace("-", "_") for each in _ARGUMENTS} | {
        each.replace("_", "-"): each for each in described()
    }
    known |= _OTHERWISE
    return re.sub(r"(?<![\w-])--([a-z][a-z-]*)", lambda found: known.get(found[1], found[0]), message)
