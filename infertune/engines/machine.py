"""What this machine has to offer to an engine."""

import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

VLLM_PYTHON = "INFERTUNE_VLLM_PYTHON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Hardware and packages of this machine.

    Attributes:
        n_cores: That this process may use.
        memory_bytes: Of the whole machine; 0 where it is not known.
        torch: Its version; empty where it is not installed.
        device: What the engine ``hf`` would use; empty without torch.
        transformers: Likewise a version.
        vllm: Its version in this Python, or the other Python that has it; empty where neither is there.
    """

    python: str
    system: str
    n_cores: int
    memory_bytes: int
    torch: str
    device: str
    transformers: str
    vllm: str


def inspect() -> Machine:
    """Return what this machine has; loads torch where it is installed, which takes some seconds."""
    torch = _version("torch")
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        n_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        torch=torch,
        device=_device() if torch else "",
        transformers=_version("transformers"),
        vllm=_version("vllm") or _other_python(),
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return f"cuda ({torch.cuda.device_count()} x {properties.name}, {properties.total_memory / 2**30:.0f} GiB)"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def _other_python() -> str:
    named = os.environ.get(VLLM_PYTHON, "")
    return f"by {Path(named)}" if named and shutil.which(named) else ""
