"""Two processes at one study: one runs it, its books are exact and its answer the same whatever happens to either."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RIVALS = Path(__file__).parent / "rivals.py"


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("n_kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_what_is_booked_is_what_the_engines_answered(n_kills: int, tmp_path: Path) -> None:
    command = [sys.executable, str(RIVALS), str(tmp_path), str(n_kills), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fates"]["killed"] >= n_kills
    assert found["fates"]["turned away"] >= 1
    alone, fought = found["alone"], found["fought"]
    assert alone["booked"] == alone["answered"]
    assert alone["leases_left"] == 0
    assert fought["answer"] == alone["answer"]
    # A kill falls between an engine's answer and the books now and then: that one answer is all that can be lost.
    n_lost = fought["answered"][0] - fought["booked"][0]
    assert 0 <= n_lost <= found["fates"]["killed"]
