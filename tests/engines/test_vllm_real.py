"""The engine on a real vLLM server. What every run of the tests looks at is in this file, so that one server will do.

``enforce_eager`` saves more than it costs here: compiling takes minutes on two cores.
"""

import os
from collections.abc import Iterator

import psutil
import pytest

from infertune import tasks
from infertune.engines import models
from infertune.engines.vllm.engine import VLLMEngine
from infertune.engines.vllm.interpreter import VARIABLE
from infertune.testing import EngineContract
from infertune.types import Decoding, Request

MODEL = "bundled:smollm2-135m"
SMALL = {"dtype": "bfloat16", "max_model_len": 1024, "engine_args": {"enforce_eager": True}}

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs a Python with vLLM, named by ${VARIABLE}"),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[VLLMEngine]:
    engine = VLLMEngine(MODEL, **SMALL)  # type: ignore[arg-type]
    family = psutil.Process(engine.server_pid).children(recursive=True)
    assert len(family) >= 2  # the engine core and a worker
    yield engine
    engine.close()
    assert not psutil.wait_procs(family, timeout=10)[1]


class TestRealServer(EngineContract):
    """A server batches as it likes and computes in bfloat16, so near-ties can flip between two runs."""

    agreement = 0.8
    max_tokens = 12
    hottest = 2.0  # vLLM refuses more


def capitals(*, temperature: float = 0.0, n: int = 1, max_tokens: int = 12) -> list[Request]:
    task = tasks.load("capitals")
    prompt = task.prompts["capitals-quiz"]
    decoding = Decoding(temperature=temperature, max_tokens=max_tokens)
    return [
        Request(example_id=one.id, prompt=prompt.render(one.fields), decoding=decoding, samples=tuple(range(n)))
        for one in (*task.tune, *task.confirm)[:100]
    ]


def test_facts(engine: VLLMEngine) -> None:
    facts = dict(engine.facts)
    assert facts["engine"] == "vllm"
    assert facts["model"] == models.fingerprint(models.resolve(MODEL))
    assert (facts["device"], facts["seeded"], facts["dtype"]) == ("cpu", "yes", "bfloat16")


def test_what_the_server_counts(engine: VLLMEngine) -> None:
    """Prompts of a task begin alike; blocks of 32 tokens are small enough to find that in the prefix cache."""
    list(engine.generate(capitals()[:32]))
    counted = engine.metrics
    assert counted.generation_tokens > 0
    assert counted.prefix_hit_share is not None and 0 < counted.prefix_hit_share < 1
    assert counted.acceptance_rate is None
