"""A recording of the fake engine, as small as one can be that has everything."""

import pytest

from benchmarks.search import tables
from benchmarks.search.problem import RecordedProblem
from benchmarks.search.recording import recording
from infertune.bank import SampleBank
from infertune.testing import FakeEngine


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedProblem:
    plan = recording("opposites", n_configurations=14, n_tune=12, n_confirm=8, n_samples=9)
    path, engine = tmp_path_factory.mktemp("recorded") / "bank.db", FakeEngine()
    bank = SampleBank(path)
    for response in engine.generate(plan.requests()):
        bank.put("recording", engine.facts, response)
    read = tables.read(tables.write(plan, bank, path.with_suffix(".npz")))
    bank.close()
    return RecordedProblem(read, None, seed=0)
