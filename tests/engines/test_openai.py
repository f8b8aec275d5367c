"""The engine over a real HTTP server: the contract, the bill, faults, and what happens when it ends."""

from collections.abc import Iterator

import pytest

from infertune.engines import honours
from infertune.engines.openai import OpenAIEngine
from infertune.testing import EngineContract, FakeEngine
from infertune.testing.openai_server import OpenAIServer


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(FakeEngine()) as server:
        yield server


@pytest.fixture(scope="module")
def engine(server: OpenAIServer) -> Iterator[OpenAIEngine]:
    engine = OpenAIEngine("fake", base_url=server.base_url, honours=honours.vllm())
    yield engine
    engine.close()


class TestOpenAIEngine(EngineContract):
    pass
