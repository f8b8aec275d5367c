"""A real vLLM server comes out of the probe with everything honoured, settings of one's own included."""

import os
from collections.abc import Iterator

import httpx
import pytest

from infertune.engines.probing.probe import probe
from infertune.engines.vllm.engine import VLLMEngine
from infertune.engines.vllm.interpreter import VARIABLE
from infertune.types import Decoding, Request

MODEL = "bundled:smollm2-135m"
EXTRA = {"presence_penalty": (-2.0, 2.0), "nonsense": (0, 1)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs a Python with vLLM, named by ${VARIABLE}"),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[VLLMEngine]:
    arguments = {"enforce_eager": True}
    engine = VLLMEngine(MODEL, dtype="bfloat16", max_model_len=1024, engine_args=arguments, extra=EXTRA)
    yield engine
    engine.close()


def test_the_managed_engine_leaves_out_what_it_does_not_know(engine: VLLMEngine) -> None:
    assert [each.name for each in engine.unsupported] == ["decoding.nonsense"]


def test_what_probing_cost_is_on_the_first_response(engine: VLLMEngine) -> None:
    decoding = Decoding(max_tokens=4, extra=(("presence_penalty", 1.0),))
    requests = [Request(example_id=name, prompt="Once", decoding=decoding) for name in "ab"]
    responses = list(engine.generate(requests))
    assert not any(response.error for response in responses)
    assert sorted(response.extra_completion_tokens > 0 for response in responses) == [False, True]


def test_every_setting_is_honoured(engine: VLLMEngine) -> None:
    with httpx.Client(base_url=engine.base_url, timeout=60.0) as client:
        found = probe(client, model=MODEL, seeds_safe=True)
        assert {row.setting: row.verdict for row in found.rows if row.verdict != "honoured"} == {}
        assert (found.server.name, found.capabilities.seed_nests) == ("vllm", True)
        assert found.capabilities.warpers == engine.facts["warpers"]
        assert found.server.may_be_cpu
        careful = probe(client, model=MODEL)
        assert {row.setting for row in careful.rows if row.verdict == "not tried"} == {"seed", "seed_nests"}
