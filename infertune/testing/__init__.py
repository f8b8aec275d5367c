"""For authors of engines, ours or a plugin's: a fake engine, and the contract that every engine's tests subclass."""

from infertune.testing.engine_contract import EngineContract
from infertune.testing.fake_engine import FakeEngine

__all__ = ["EngineContract", "FakeEngine"]
