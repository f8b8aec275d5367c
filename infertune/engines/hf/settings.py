"""Which settings of the ``hf`` engine, and of a server that runs the same models, are worth searching here.

All are parameters ``engine.NAME`` limited to what this machine can do; one with a single value is no choice and left
out. What changes the numbers of a forward pass may change what is generated, and is asked for by itself.
"""

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec

import torch

from infertune.engines.hf.engine import default_batch_size
from infertune.engines.hf.language_model import default_dtype, device_named
from infertune.space import Condition, Parameter
from infertune.types import Scalar

RUNNER = "engine.runner"
RUNNERS = ("infertune", "generate", "continuous")
"""infertune's own batch loop, transformers' ``generate`` (what its pipelines call), its continuous batching."""

_BATCH_SIZES = {"cuda": (16, 32, 64, 128, 256, 512)}
_BATCH_SIZES_OTHERWISE = (1, 4, 8, 16, 32, 64)
_DTYPES: Mapping[str, tuple[Scalar, ...]] = {
    "cuda": ("float32", "bfloat16", "float16"),
    "mps": ("float32", "float16"),
    "cpu": ("float32", "bfloat16"),
}


def engine_parameters(device: str | None, *, fixed: Mapping[str, Scalar]) -> tuple[Parameter, ...]:
    """Return what the engine ``hf`` itself can be started with: batch size, dtype, and threads on a CPU.

    Args:
        device: ``cuda``, ``mps`` or ``cpu``; None for the first that is there.
        fixed: Settings that are given, without ``engine.``, and so not searched.

    Raises:
        InvalidInputError: There is no such device.
    """
    kind = device_named(device)
    made = [_batch_size(kind), _dtype(kind)]
    if kind.type == "cpu":
        own = torch.get_num_threads()
        counts = {2**power for power in range((os.cpu_count() or 1).bit_length())} | {own}
        made.append(_choice("threads", tuple(sorted(counts)), own))
    return _searched(made, fixed)


def server_parameters(
    device: str | None, *, fixed: Mapping[str, Scalar], changing_answers: bool = False
) -> tuple[Parameter, ...]:
    """Return what a server of `infertune.engines.hf.serve` can be started with.

    Args:
        device: As above; ``fixed`` likewise.
        changing_answers: Also the dtype, which is searched only where answers are judged.
    """
    kind = device_named(device)
    theirs, generates = Condition(RUNNER, "!=", "infertune"), Condition(RUNNER, "==", "generate")
    made = [
        _choice("runner", RUNNERS, "infertune"),
        _batch_size(kind),
        _choice("attention", ("sdpa", "eager"), "sdpa", when=theirs),
        _choice("cache", ("dynamic", "static"), "dynamic", when=generates),
    ]
    if _can_compile(kind):
        made.append(_choice("compile", (False, True), False, when=generates))
    if changing_answers:
        made.append(_dtype(kind))
    return _searched(made, fixed)


def _batch_size(device: torch.device) -> Parameter:
    return _choice(
        "batch_size", _BATCH_SIZES.get(device.type, _BATCH_SIZES_OTHERWISE), default_batch_size(device.type)
    )


def _dtype(device: torch.device) -> Parameter:
    choices = _DTYPES[device.type]
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        choices = tuple(choice for choice in choices if choice != "bfloat16")
    return _choice("dtype", choices, str(default_dtype(device)).removeprefix("torch."))


def _choice(name: str, choices: tuple[Scalar, ...], default: Scalar, *, when: Condition | None = None) -> Parameter:
    full = f"engine.{name}"
    limits: tuple[Condition, ...] = ()
    if isinstance(default, str):
        limits = (Condition(full, "in", choices),)
    elif not isinstance(default, bool):
        limits = (Condition(full, ">=", 1),)
    return Parameter(
        name=full, tier="engine", kind="choice", choices=choices, default=default, when=when, limits=limits
    )


def _searched(parameters: list[Parameter], fixed: Mapping[str, Scalar]) -> tuple[Parameter, ...]:
    kept = [each for each in parameters if each.alias not in fixed and len(each.choices) > 1]
    names = {each.name for each in kept}
    return tuple(each for each in kept if each.when is None or each.when.name in names)


def _can_compile(device: torch.device) -> bool:
    """Whether inductor finds what it builds with: Triton for a GPU, a C++ compiler for a CPU."""
    if device.type == "cpu":
        return shutil.which(os.environ.get("CXX", "g++")) is not None or shutil.which("clang++") is not None
    return device.type == "cuda" and find_spec("triton") is not None
