"""The engine around a server that dies: started again, its requests asked again, the guilty setting found."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infertune.engines.vllm import engine as vllm
from infertune.engines.vllm import interpreter as vllm_python
from infertune.engines.vllm.engine import VLLMEngine
from infertune.errors import EngineError
from infertune.study.look import Look
from infertune.study.trial_log import TrialLog
from infertune.testing import EngineContract
from infertune.types import Decoding, Request

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
HOT = 1.7  # at which the stand-in fails, where it does
Start = Callable[..., VLLMEngine]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    folder = tmp_path_factory.mktemp("vllm")
    (folder / "config.json").write_text("{}")
    running: list[VLLMEngine] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm_python, "find_spec", lambda _name: None)
        patch.setenv("INFERTUNE_VLLM_PYTHON", sys.executable)
        patch.setenv("INFERTUNE_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE / "fake_vllm"), str(HERE.parent.parent)]))

        def start(behaviour: str = "", **options: Any) -> VLLMEngine:
            patch.setenv("FAKE_VLLM", behaviour)
            running.append(VLLMEngine(str(folder), **options))
            return running[-1]

        before = set(psutil.Process().children(recursive=True))
        yield start
        for engine in running:
            engine.close()
        assert not set(psutil.Process().children(recursive=True)) - before


@pytest.fixture(scope="module")
def engine(start: Start) -> VLLMEngine:
    return start()


class TestThroughAServer(EngineContract):
    """The stand-in answers as a fake engine does, so every sample is exact."""

    chat = True


def requests(n: int, *temperatures: float) -> list[Request]:
    return [
        Request(example_id=f"{number}-{temperature}", prompt="The", decoding=Decoding(temperature=temperature))
        for number in range(n)
        for temperature in temperatures
    ]


def outcome(engine: VLLMEngine, asked: list[Request]) -> tuple[set[str], set[str]]:
    """Return the settings that were answered and those that failed, when every request got one response."""
    responses = list(engine.generate(asked))
    assert sorted(each.request.example_id for each in responses) == sorted(each.example_id for each in asked)
    answered = {str(each.request.decoding.temperature) for each in responses if not each.error}
    failed = {str(each.request.decoding.temperature) for each in responses if each.error}
    return answered, failed


def test_facts(engine: VLLMEngine, start: Start) -> None:
    facts = dict(engine.facts)
    assert (facts["engine"], facts["version"], facts["device"], facts["seeded"]) == ("vllm", "0.32.0", "gpu", "yes")
    assert facts["generation_config"] == "vllm"
    assert not any(str(engine._server.port) in value for value in facts.values())  # type: ignore[union-attr]
    assert dict(start(engine_args={"max_num_seqs": 5}).facts) == facts
    assert dict(start(max_model_len=512).facts) == facts | {"max_model_len": "512"}


def test_the_server_counts(start: Start) -> None:
    engine = start()
    made = sum(each.completion_tokens for each in engine.generate(requests(5, 1.0)))
    engine.close()
    engine.close()
    assert engine.metrics.generation_tokens == made
    assert not list(engine._log.parent.glob(f"{engine._log.name}*"))
    with pytest.raises(EngineError, match="this engine is closed"):
        list(engine.generate(requests(1, 1.0)))


@pytest.mark.parametrize("behaviour", ["dies when hot", "dies slowly when hot"])
def test_the_setting_that_kills_fails_and_all_others_are_answered(start: Start, behaviour: str) -> None:
    engine = start(behaviour)
    answered, failed = outcome(engine, requests(6, 0.0, 0.5, HOT, 1.0))
    assert (answered, failed) == ({"0.0", "0.5", "1.0"}, {str(HOT)})
    assert {failure.kind for failure in engine.failures} == {"crash"}
    assert len(engine.failures) == 4  # once in company, three times alone
    responses = list(engine.generate(requests(3, HOT)))
    assert len(engine.failures) == 4  # known from now on
    assert {each.error for each in responses} == {
        "refused: its decoding settings killed the server 3 times: crash: RuntimeError: CPU Generator does not use "
        "offset"
    }
    assert outcome(engine, requests(3, 0.5)) == ({"0.5"}, set())


def test_a_setting_that_hangs_the_server_fails_likewise(start: Start) -> None:
    engine = start("hangs when hot", hang_seconds=1)
    assert outcome(engine, requests(2, 0.5, HOT)) == ({"0.5"}, {str(HOT)})
    assert {failure.kind for failure in engine.failures} == {"hang"}
    assert engine.failures[0].line.startswith("no token for 1 s")


def test_kills_from_outside_are_nobodys_fault(start: Start) -> None:
    """The stand-in is killed after every 20 answers: five times in a hundred requests."""
    engine = start("is killed")
    asked = requests(55, 0.5, 1.0)
    pulled = 0

    def counted() -> Iterator[Request]:
        nonlocal pulled
        for request in asked:
            pulled += 1
            yield request

    responses = list(engine.generate(counted()))
    assert pulled == len(asked)
    assert sorted(each.request.example_id for each in responses) == sorted(each.example_id for each in asked)
    assert not any(each.error for each in responses)
    assert [failure.kind for failure in engine.failures] == ["killed"] * 5
    assert engine._log.exists()  # something happened, so it is left to be read


def test_a_server_that_dies_of_everything_ends_the_study(start: Start) -> None:
    engine = start("dies")
    with pytest.raises(EngineError, match="started again 5 times and answered nothing; the last end: crash: Runtime"):
        list(engine.generate(requests(2, 0.5, 1.0, 1.5)))
    assert len(engine.failures) == 6
    with pytest.raises(EngineError, match="closed"):
        list(engine.generate(requests(1, 0.5)))


def test_an_early_end_leaves_the_engine_ready(start: Start) -> None:
    engine = start("is killed")
    responses = engine.generate(requests(100, 0.5))
    for _ in range(30):
        next(responses)
    responses.close()  # type: ignore[attr-defined]
    assert len(engine.failures) == 1
    assert outcome(engine, requests(3, 1.0)) == ({"1.0"}, set())


def test_a_wrong_argument_is_the_servers_own_complaint(start: Start) -> None:
    with pytest.raises(EngineError, match="unrecognized arguments: --max-num-seq-s 4; did you mean 'max-num-seqs'"):
        start(engine_args={"max_num_seq_s": 4})


def test_what_cannot_be(start: Start) -> None:
    with pytest.raises(vllm.InvalidInputError, match="max_model_len must be at least 1, not 0"):
        start(max_model_len=0)


def test_a_study_probes_a_server_once_however_often_it_is_started(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))
    look = Look(TrialLog(str(tmp_path / "study.db"), "s"))
    paid = []
    for arguments in ({"max_num_seqs": 8}, {"max_num_seqs": 8}, {"max_num_seqs": 16}, {"max_num_seqs": 8}):
        engine = start(extra={"presence_penalty": (0.0, 2.0)}, engine_args=arguments, journal=look)
        (response,) = engine.generate([Request(example_id="a", prompt="The", decoding=Decoding(max_tokens=2))])
        engine.close()
        assert response.extra_prompt_tokens == response.extra_completion_tokens == 0  # it is in the journal instead
        paid.append(sum(look.cost))
    assert 0 < paid[0] == paid[1] < paid[2] == paid[3]
