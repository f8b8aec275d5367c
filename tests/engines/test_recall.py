"""What was found out about a server is not paid for again while it is the same, and never believed of another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from toy_endpoint import ToyEndpoint

from infertune.engines.endpoint.api_key import Key
from infertune.engines.probing import recall
from infertune.engines.probing.probe import Probe

Look = Callable[..., Probe]


def metrics(started: float) -> str:
    return f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n"


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))

    def looking(toy: ToyEndpoint, *, at: str = "http://127.0.0.1:9/v1", **options: Any) -> Probe:
        given = {"extra_body": {}, "extra": {}, "seeds_safe": False, "concurrency": None, "again": False}
        with httpx.Client(base_url=at, transport=httpx.MockTransport(toy.respond)) as client:
            return recall.probed(client, model="toy", key=Key("sk-secret-1"), **{**given, **options})

    return looking


def test_the_same_process_is_asked_once(look: Look, tmp_path: Path) -> None:
    toy = ToyEndpoint("ignores:min_p", metrics=metrics(1.5))
    first = look(toy)
    n_asked = len(toy.bodies)
    second = look(toy)
    assert len(toy.bodies) == n_asked
    assert (first.is_recalled, second.is_recalled) == (False, True)
    assert second.capabilities == first.capabilities
    assert second.rows == first.rows
    assert not any("sk-secret" in file.read_text() for file in tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"again": True},
        {"extra": {"presence_penalty": (0, 2)}},
        {"extra_body": {"top_a": 1}},
        {"seeds_safe": True},
        {"at": "http://127.0.0.1:10/v1"},
    ],
    ids=str,
)
def test_another_question_is_asked(look: Look, change: dict[str, Any]) -> None:
    toy = ToyEndpoint(metrics=metrics(1.5))
    look(toy)
    assert not look(toy, **change).is_recalled


def test_a_server_that_began_anew_is_another(look: Look) -> None:
    assert look(ToyEndpoint(metrics=metrics(1.5))).capabilities.min_p
    assert not look(ToyEndpoint("ignores:min_p", metrics=metrics(2.5))).capabilities.min_p


def test_a_server_here_that_does_not_tell_is_asked_again(look: Look) -> None:
    assert look(ToyEndpoint()).capabilities.min_p
    assert not look(ToyEndpoint("ignores:min_p")).capabilities.min_p


def test_one_elsewhere_is_believed_for_a_day(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = ToyEndpoint()
    assert not look(toy, at="https://toy.example/v1").is_recalled
    assert look(toy, at="https://toy.example/v1").is_recalled
    monkeypatch.setattr(recall, "KEPT_SECONDS", -1.0)
    assert not look(toy, at="https://toy.example/v1").is_recalled


def test_a_spoilt_file_is_no_memory(look: Look, tmp_path: Path) -> None:
    toy = ToyEndpoint(metrics=metrics(1.5))
    look(toy)
    for file in tmp_path.rglob("*.json"):
        file.write_text('{"rows": 3')
    assert not look(toy).is_recalled
    assert look(toy).is_recalled
