"""Which events of an answer bring tokens, and when an answer is at its end."""

import json
from typing import Any

import pytest

from infertune.load.stream import StreamedReply, StreamFailed


def read(*events: dict[str, Any] | str) -> StreamedReply:
    """Feed one event a second."""
    answer = StreamedReply()
    for second, event in enumerate(events):
        data = event if isinstance(event, str) else json.dumps(event)
        answer.feed(f"data: {data}\n\n".encode(), float(second))
    return answer


def text(piece: str | None, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": piece, "finish_reason": finish}]}


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("events", "chunks"),
    [
        # vLLM's completions: the last token comes with the reason; the usage comes alone.
        (
            [text(" a"), text(" b", "length"), {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}],
            [0, 1],
        ),
        # Half a character shows nothing yet; the token that ends the text shows nothing, and is none to wait for.
        ([text(""), text("é"), text("", "stop")], [0, 1]),
        # Chat begins with a role, and may end with an empty piece of its own.
        ([delta(role="assistant", content=""), delta(content="a"), delta(content="b"), delta("stop")], [1, 2]),
        ([delta(role="assistant", content="a"), delta("stop", content="b")], [0, 1]),
        (
            [delta(role="assistant"), delta(reasoning="hm"), delta(reasoning_content="hm"), delta(content="a")],
            [1, 2, 3],
        ),
        ([delta(role="assistant", content=None), delta(tool_calls=[{"index": 0}]), delta("tool_calls")], [1]),
        # An answer that is over at once still has a first token: the one that ended it.
        ([text("", "stop")], [0]),
        ([delta(role="assistant", content=""), delta("stop", content="")], [1]),
        # Fields that are null, unknown or empty.
        ([{"choices": None, "usage": None, "error": None, "x": 1}, text(None), text("a", "")], [2]),
    ],
)
def test_what_brings_tokens(events: list[dict[str, Any]], chunks: list[float]) -> None:
    assert read(*events).chunks == chunks


def test_the_end() -> None:
    assert not read(text("a")).is_finished
    assert not read(text("a", "")).is_finished
    assert read(text("a", "length")).is_finished
    assert read(text("a"), "[DONE]").is_finished


def test_usage_is_the_last_that_came() -> None:
    usage = read({"usage": {"prompt_tokens": 3}}, {"usage": {"prompt_tokens": 3, "completion_tokens": 9}}).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (3, 9)


@pytest.mark.parametrize("event", ['{"error": {"message": "no memory"}}', '{"error": "no memory"}'])
def test_an_error_of_the_server(event: str) -> None:
    with pytest.raises(StreamFailed, match="no memory"):
        read(event)


@pytest.mark.parametrize("event", ["{", "[]", '{"choices": 3}', '{"choices": [{"text": 3}]}', "\x80"])
def test_nonsense(event: str) -> None:
    with pytest.raises(StreamFailed, match="cannot be read"):
        read(event)
