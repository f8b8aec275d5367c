"""For authors of engines: fakes, the contract that every engine must pass, and servers with good and bad days."""

from infertune.testing.chaos_proxy import ChaosProxy
from infertune.testing.engine_contract import EngineContract
from infertune.testing.fake_engine import FakeEngine
from infertune.testing.openai_server import OpenAIServer
from infertune.testing.streaming_server import StreamingServer, StreamPlan

__all__ = ["ChaosProxy", "EngineContract", "FakeEngine", "OpenAIServer", "StreamPlan", "StreamingServer"]
