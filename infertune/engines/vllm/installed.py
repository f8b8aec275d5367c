"""What the installed vLLM says of itself: its flags with their types, and what it makes of a model by default."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from infertune.engines import cache, models
from infertune.engines.process import failures
from infertune.engines.vllm import effective_config
from infertune.engines.vllm.interpreter import VLLMPython
from infertune.errors import EngineError, InvalidInputError, nearest
from infertune.types import Scalar

_SOURCE = Path(__file__).with_name("ask_parser.py")
_ANSWER_SECONDS = 300
_SEES_DEVICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "VLLM_CPU_KVCACHE_SPACE")


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """One flag of the server's command line.

    Attributes:
        name: With underscores, without the leading dashes.
        kind: ``bool``, ``int``, ``float``, ``text``, ``list`` (several words) or ``json``.
        choices: All values that it takes; empty for any of its kind.
        default: None where the parser leaves it to the engine.
    """

    name: str
    kind: str
    choices: tuple[Scalar, ...] = ()
    default: Scalar | None = None


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """An installed vLLM with one model, on the devices of this machine.

    Attributes:
        device: ``cpu``, ``cuda``, ...
        n_devices: At least 1.
        memory_bytes: Of one device; of the machine for ``cpu``.
        flags: All of the parser's.
        config: The whole configuration that it makes of the model and the arguments that were given.
        n_heads: Attention heads of the model; ``n_layers`` likewise.
        modules: Those optional packages of vLLM's that are there.
    """

    device: str
    device_name: str
    n_devices: int
    memory_bytes: int
    flags: tuple[Flag, ...]
    config: dict[str, Any]
    n_heads: int
    n_layers: int
    modules: tuple[str, ...]

    def __contains__(self, name: str) -> bool:
        return any(flag.name == name for flag in self.flags)

    def flag(self, name: str) -> Flag:
        """Return a flag by its name.

        Raises:
            InvalidInputError: There is none; the message has the nearest one.
        """
        for flag in self.flags:
            if flag.name == name:
                return flag
        raise InvalidInputError(f"this vLLM has no flag '{name}'{_near(name, self.flags)}")

    def default(self, name: str) -> Scalar | None:
        """Return what a flag is when nobody sets it; None where the engine decides later, or does without."""
        value = effective_config.in_force(self.config, name)
        return value if value is not None or name not in self else self.flag(name).default


class _UnknownFlag(InvalidInputError):
    def __init__(self, name: str) -> None:
        super().__init__(f"this vLLM has no flag '{name}'")
        self.name = name


def ask(
    python: VLLMPython, model: Path, *, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Installed:
    """Ask the interpreter, which takes about ten seconds; what is known of the same version is not asked again.

    Args:
        python: That has vLLM.
        model: Its folder.
        arguments: Of the server, which shape the configuration.
        environment: Variables of the server beside this process's own.

    Raises:
        InvalidInputError: The parser does not take the arguments.
        EngineError: vLLM cannot make a configuration of them, such as for a model that it does not know.
    """
    environment = {**(environment or {})}
    seen = {name: environment.get(name, os.environ.get(name, "")) for name in _SEES_DEVICES}
    source = _SOURCE.read_text(encoding="utf-8")
    key = json.dumps([python.version, str(python.path), models.fingerprint(model), [*arguments], seen, source])
    kept = cache.folder() / "vllm" / f"installed-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Installed)
    except (OSError, msgspec.DecodeError):
        pass
    try:
        answer = _asked(python, source, ["--model", str(model), *arguments], environment)
    except _UnknownFlag as unknown:
        ask(python, model, environment=environment).flag(unknown.name)  # raises, with the nearest one
        raise
    installed = msgspec.json.decode(answer, type=Installed)
    with contextlib.suppress(OSError):  # where the cache cannot be written, it is asked again
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_bytes(answer)
        partial.replace(kept)
    return installed


def _asked(python: VLLMPython, source: str, words: Sequence[str], environment: Mapping[str, str]) -> bytes:
    with tempfile.TemporaryDirectory() as nowhere:  # of the current folder, Python would import what lies there
        try:
            done = subprocess.run(
                [python.path, "-c", source, *words],
                cwd=nowhere,
                env={**os.environ, "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", **environment},
                capture_output=True,
                timeout=_ANSWER_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"vLLM {python.version} does not say what flags it has: {error}") from None
    if done.returncode == 0:
        return done.stdout.rstrip().rpartition(b"\n")[2]
    failure = failures.of_ended_server(
        done.stderr.decode(errors="replace"), exit_code=done.returncode, was_ready=False
    )
    if unknown := re.search(r"unrecognized arguments: --([\w-]+)", failure.line):
        raise _UnknownFlag(unknown[1].replace("-", "_"))
    if failure.kind == "bad argument":
        raise InvalidInputError(f"vLLM {python.version} does not take its arguments: {failure.line}")
    raise EngineError(f"vLLM {python.version} cannot take the model with these arguments: {failure.line}")


def _near(name: str, flags: Sequence[Flag]) -> str:
    hint = nearest(name, [flag.name for flag in flags])
    return hint if "did you mean" in hint else "; `vllm serve --help=all` lists them"
