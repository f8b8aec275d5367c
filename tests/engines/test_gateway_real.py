"""LiteLLM as a gateway in front of a real vLLM server: `make gateway` installs it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from real_server import free_port, running
from real_server_contract import RealServerContract

from infertune.engines import models
from infertune.engines.vllm.interpreter import VARIABLE as VLLM
from infertune.engines.vllm.server import VLLMServer

GATEWAY = "INFERTUNE_GATEWAY"
CONFIGURATION = """\
model_list:
  - model_name: smollm2
    litellm_params: {{model: hosted_vllm/behind, api_base: "{base_url}", api_key: none}}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not (os.environ.get(GATEWAY) and os.environ.get(VLLM)),
        reason=f"needs LiteLLM's proxy, named by ${GATEWAY}, and a Python with vLLM, named by ${VLLM}",
    ),
]


class TestGateway(RealServerContract):
    """What the gateway hides is whether the server behind it runs on a GPU, so it gets no seeds."""

    verdicts: ClassVar[Mapping[str, str]] = dict.fromkeys(("seed", "seed_nests"), "not tried")

    @pytest.fixture(scope="class")
    @classmethod
    def base_url(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        folder = tmp_path_factory.mktemp("gateway")
        behind = VLLMServer(
            python=Path(os.environ[VLLM]),
            model=models.resolve("bundled:smollm2-135m"),
            name="behind",
            arguments=["--max-model-len", "1024", "--enforce-eager", "--generation-config", "vllm"],
            environment={"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"},
            log=folder / "vllm.log",
        )
        configuration = folder / "gateway.yaml"
        configuration.write_text(
            CONFIGURATION.format(base_url=f"{behind.base_url.rstrip('/').removesuffix('/v1')}/v1")
        )
        port = free_port()
        command = [os.environ[GATEWAY], "--config", str(configuration), "--host", "127.0.0.1", "--port", str(port)]
        offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
        try:
            with running(command, port=port, ready="/health/liveliness", **offline) as url:
                yield url
        finally:
            behind.stop()
