"""The joint search with a real vLLM server on the CPU: servers start, are timed, and share the stored samples."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from infertune.engines.vllm.interpreter import VARIABLE

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs a Python with vLLM, named by ${VARIABLE}"),
]

ARGUMENTS = [
    "optimize", "--joint", "--engine", "vllm", "--task", "capitals", "--budget-tokens", "8k", "--set",
    "prompt=capitals-shots", "--set", "n=1", "--set", "engine.max_num_seqs=4,64", "--engine-arg", "enforce_eager",
    "--engine-arg", "max_model_len=1024", "--starts", "2", "--burst", "24", "--turns", "1", "--json",
]  # fmt: skip


def test_a_small_search(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infertune", *ARGUMENTS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["joint"]
    first, second = found["starts"]
    assert first["engine"] == found["default_engine"]
    assert (first["shapes_text"], second["shapes_text"]) == (False, False)
    assert first["seconds"] > 0 and second["seconds"] > 0
    with sqlite3.connect(tmp_path / "infertune.db") as connection:
        names = {name for (name,) in connection.execute("SELECT DISTINCT study FROM bank_requests")}
        engines = connection.execute("SELECT count(*) FROM bank_engines").fetchone()[0]
    assert names == {"capitals", "capitals/speed"}
    assert engines == 1  # both servers have the same facts
