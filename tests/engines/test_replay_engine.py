"""The engine `replay` serves what was recorded, whole or cut, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infertune.bank import SampleBank
from infertune.engines.replay import ReplayEngine
from infertune.errors import InvalidInputError
from infertune.testing import EngineContract, FakeEngine
from infertune.types import Decoding, Request, Response

MAX_TOKENS = EngineContract.max_tokens


class RecordedBeforehand(ReplayEngine):
    """Has every request recorded just before it is made, at full length and without stop texts."""

    def __init__(self, path: str) -> None:
        self._source = FakeEngine()
        self._record([Request(example_id="first", prompt="x", decoding=Decoding(max_tokens=1))], SampleBank(path))
        super().__init__(path)

    def _record(self, requests: Iterable[Request], bank: SampleBank) -> None:
        for response in self._source.generate(bank.missing(self._source.facts, requests)):
            bank.put("recording", self._source.facts, response)

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            if request is None:
                return
            whole = replace(request.decoding, stop=(), max_tokens=max(MAX_TOKENS, request.decoding.max_tokens))
            self._record([replace(request, decoding=whole)], self._bank)
            yield from super().generate([request])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedBeforehand]:
    engine = RecordedBeforehand(str(tmp_path_factory.mktemp("recorded") / "bank.db"))
    yield engine
    engine.close()


class TestRecordedEngine(EngineContract):
    pass


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A bank with three samples of one request, bought by a study."""
    path, source = tmp_path / "recorded.db", FakeEngine()
    bank = SampleBank(path)
    for response in source.generate([wish()]):
        bank.put("recording", source.facts, response)
    bank.close()
    return path


def wish(*, samples: tuple[int, ...] = (0, 1, 2), seed: int = 0, prompt: str = "Hello", **decoding: float) -> Request:
    settings = Decoding(**{"max_tokens": 12, **decoding})  # type: ignore[arg-type]
    return Request(example_id="a", prompt=prompt, decoding=settings, seed=seed, samples=samples)


def test_the_books_are_those_of_the_recording(recorded: Path) -> None:
    (served,) = ReplayEngine(str(recorded)).generate([wish()])
    (original,) = FakeEngine().generate([wish()])
    assert served.request == original.request
    assert [g.token_ids for g in served.generations] == [g.token_ids for g in original.generations]
    assert (served.prompt_tokens, served.completion_tokens) == (original.prompt_tokens, original.completion_tokens)
    assert ReplayEngine(str(recorded)).facts == FakeEngine().facts


@pytest.mark.parametrize(
    "other",
    [
        wish(samples=(0, 3)),
        wish(seed=1),
        wish(prompt="Hallo"),
        wish(temperature=0.7),
        wish(max_tokens=13),
        replace(wish(), example_id="b"),
    ],
    ids=["samples", "seed", "prompt", "temperature", "max_tokens", "example"],
)
def test_what_was_not_recorded_fails_and_costs_nothing(recorded: Path, other: Request) -> None:
    (response,) = ReplayEngine(str(recorded)).generate([other])
    assert response.error.startswith("not recorded") and not response.generations
    assert response.prompt_tokens == response.completion_tokens == 0
    assert response.request == other


def test_a_bank_must_be_there_and_of_one_engine(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"there is no .*nothing\.db"):
        ReplayEngine(str(tmp_path / "nothing.db"))
    assert not (tmp_path / "nothing.db").exists()
    SampleBank(tmp_path / "empty.db").close()
    with pytest.raises(InvalidInputError, match="has 0: none"):
        ReplayEngine(str(tmp_path / "empty.db"))
    (response,) = FakeEngine().generate([wish()])
    bank = SampleBank(recorded)
    bank.put("other", {"engine": "other", "model": "m"}, response)
    bank.close()
    with pytest.raises(InvalidInputError, match=r"has 2: .*other with m"):
        ReplayEngine(str(recorded))
