"""`transformers serve` with the embedded model: one request at a time, and few settings."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from real_server import beside, free_port, running
from real_server_contract import RealServerContract

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn", "openai", "transformers")),
        reason="needs transformers[serving]",
    ),
]


class TestTransformersServe(RealServerContract):
    verdicts: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("n", "stop", "logprobs"), "ignored"),
        "token_ids": "refused",
        **dict.fromkeys(("seed", "seed_nests", "raw_logprobs"), "not tried"),
    }
    concurrency = 2

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> str:
        from infertune.engines import models

        return str(models.resolve("bundled:smollm2-135m"))

    @pytest.fixture(scope="class")
    @classmethod
    def base_url(cls, model: str) -> Iterator[str]:
        port = free_port()
        command = [str(beside(Path(sys.executable), "transformers")), "serve", model, "--device", "cpu"]
        # In bfloat16, which is the default, a CPU without instructions for it takes ten times as long.
        command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
        with running(command, port=port, ready="/health", HF_HUB_OFFLINE="1") as url:
            yield url
