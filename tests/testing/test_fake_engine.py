import random

import pytest

from infertune.testing import EngineContract, FakeEngine
from infertune.types import Decoding, Request


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


class TestFakeEngine(EngineContract):
    pass


def test_the_writer_decides_the_text():
    def write(request: Request, sample: int, source: random.Random) -> str:
        return f"{request.example_id} says {sample}"

    engine = FakeEngine(write)
    wish = Request(example_id="Ann", prompt="Hello", decoding=Decoding(), samples=(2,))
    (response,) = engine.generate([wish])
    (generation,) = response.generations
    assert generation.text == "Ann says 2"
    assert len(generation.token_ids) == 4  # three words and the end
    assert generation.text_ends == (3, 8, 10, 10)
    assert generation.finish_reason == "stop"
    assert engine.requests == [wish]


def test_settings_with_one_seed_share_their_randomness():
    texts = [
        next(FakeEngine().generate([Request(example_id="a", prompt="x", decoding=Decoding(temperature=t), seed=3)]))
        .generations[0]
        .text
        for t in (0.5, 1.0)
    ]
    assert texts[0] == texts[1]
