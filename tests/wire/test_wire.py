"""Answers in every form in use are read as what they are, and errors and bombs are told apart from them."""

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

from infertune.wire import reply, usage
from infertune.wire.base_url import reached, tidied, without_version
from infertune.wire.body import Body, Room, TooLarge, largest
from infertune.wire.finish import understood
from infertune.wire.reply import NoAnswer, ReplyChoice
from infertune.wire.usage import WireUsage
from infertune.wire.words import is_filtered, said, words


@pytest.mark.parametrize(
    ("found", "prompt_tokens", "completion_tokens"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}, 5, 3),
        ({"prompt_tokens": 5.0, "completion_tokens": 3.0}, 5, 3),
        ({"prompt_tokens": "5", "completion_tokens": "3.0"}, 5, 3),
        ({"input_tokens": 5, "output_tokens": 3}, 5, 3),
        # Thoughts that the total has beside the completion, or that are more than all of it.
        ({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 28}, 5, 23),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 3,
                "total_tokens": 8,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            5,
            23,
        ),
        ({"prompt_tokens": 5, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}}, 5, 30),
        ({"prompt_tokens": 5, "completion_tokens": 3, "reasoning_tokens": 20}, 5, 23),
        ({"prompt_tokens": 5, "total_tokens": 8}, 5, 3),
        ({"completion_tokens": 3, "total_tokens": 8}, 5, 3),
        ({"total_tokens": 8}, None, None),
        ({"prompt_tokens": None, "completion_tokens": -3}, None, None),
        ({"prompt_tokens": float("inf"), "completion_tokens": True}, None, None),
        (None, None, None),
        ("8 tokens", None, None),
    ],
)
def test_usage_in_every_form(found: Any, prompt_tokens: int | None, completion_tokens: int | None) -> None:
    read = usage.read(found)
    assert (read.prompt_tokens, read.completion_tokens) == (prompt_tokens, completion_tokens)


def test_what_is_not_counted_is_reckoned_from_the_rest() -> None:
    assert WireUsage(total_tokens=20).counted(prompt="ignored", completion=3) == (17, 3)
    assert WireUsage(total_tokens=2).counted(prompt="ignored", completion=30) == (1, 1)
    assert WireUsage(prompt_tokens=7).counted(prompt="ignored", completion=3) == (7, 3)
    assert WireUsage().counted(prompt="four words of prompt", completion=3) == (5, 3)


@pytest.mark.parametrize("huge", [10**18, 10**9, 2**31])
def test_a_bill_that_cannot_be_is_not_believed(huge: int) -> None:
    told = usage.read({"prompt_tokens": huge, "completion_tokens": 3})
    assert told.believed(request_bytes=100, answer_bytes=100, limit=8) == WireUsage(completion_tokens=3)
    told = usage.read({"prompt_tokens": 5, "completion_tokens": huge, "total_tokens": huge})
    assert told.believed(request_bytes=100, answer_bytes=100, limit=8) == WireUsage(prompt_tokens=5)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        *((word, "stop") for word in ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "tool_calls", "STOP")),
        *((word, "length") for word in ("length", "max_tokens", "MAX_TOKENS", "FinishReason.LENGTH", "model_length")),
        *((word, "filtered") for word in ("content_filter", "SAFETY", "refusal")),
        *((word, "broken") for word in ("abort", "error", "insufficient_system_resource")),
        *((word, None) for word in (None, "", "because")),
    ],
)
def test_why_a_sample_ended(word: str | None, meaning: str | None) -> None:
    assert understood(word) == meaning


def choice(**found: Any) -> ReplyChoice:
    (made,) = reply.read(json.dumps({"choices": [found], "usage": {}}).encode()).choices
    return made


@pytest.mark.parametrize(
    ("message", "text", "thoughts"),
    [
        ({"content": "Paris"}, "Paris", ""),
        ({"content": None}, "", ""),
        ({"content": ["Pa", "ris"]}, "Paris", ""),
        ({"content": {"type": "text", "text": "Paris"}}, "Paris", ""),
        ({"content": [{"type": "output_text", "text": "Paris"}]}, "Paris", ""),
        ({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Paris"}]}, "Paris", "hm"),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "Paris"}]},
            "Paris",
            "hm",
        ),
        ({"content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "Paris"}]}, "Paris", "hm"),
        ({"content": "Paris", "reasoning_content": "hm"}, "Paris", "hm"),
        ({"content": "Paris", "reasoning": {"content": "hm"}}, "Paris", "hm"),
        ({"content": "Paris", "thinking": [{"text": "h"}, "m"]}, "Paris", "hm"),
    ],
)
def test_text_and_thoughts_in_every_form(message: dict[str, Any], text: str, thoughts: str) -> None:
    made = choice(message=message, finish_reason="stop")
    assert (made.text, made.thoughts, made.whole) == (text, thoughts, thoughts + text)


@pytest.mark.parametrize("place", [{"message": {"content": "ab"}}, {"text": "ab"}], ids=["chat", "plain"])
def test_log_probabilities_in_both_forms_on_both_paths(place: dict[str, Any]) -> None:
    newer = {
        "content": [
            {"token": "a", "logprob": -1, "top_logprobs": [{"token": "a", "logprob": -1}]},
            {"token": "?", "bytes": [98], "logprob": -2},
        ]
    }
    older = {"tokens": ["a", "b"], "token_logprobs": [-1, -2], "top_logprobs": [{"a": -1}, None]}
    one, two = (choice(**place, logprobs=each).tokens for each in (newer, older))
    assert one == two and one is not None
    assert [(token.spelt, token.logprob, dict(token.top)) for token in one] == [(b"a", -1, {"a": -1}), (b"b", -2, {})]


def test_choices_without_numbers_are_in_order_and_others_by_number() -> None:
    def texts(*numbers: int | None) -> list[str]:
        found = [{"text": str(at), **({} if n is None else {"index": n})} for at, n in enumerate(numbers)]
        return [each.text for each in reply.read(json.dumps({"choices": found}).encode()).choices]

    assert texts(None, None, None) == ["0", "1", "2"]
    assert texts(2, 0, 1) == ["1", "2", "0"]
    for wrong in [(0, 0), (1,), (0, None)]:
        with pytest.raises(NoAnswer, match="numbered"):
            texts(*wrong)


@pytest.mark.parametrize(
    ("body", "blame", "text"),
    [
        (
            {"error": {"message": "Your credit is used up", "code": 402}},
            "user",
            "Your credit is used up",
        ),
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, "load", "slow down"),
        ({"error": {"message": "too long", "type": "invalid_request_error"}}, "request", "too long"),
        ({"error": "model is loading"}, "attempt", "model is loading"),
        ({"message": "upstream broke", "code": 502}, "endpoint", "upstream broke"),
        ({"detail": [{"msg": "no such field"}]}, "attempt", "no such field"),
        ({"choices": [{"error": {"message": "overloaded", "code": 529}}]}, "load", "overloaded"),
        ({"choices": [], "error": {"message": "quota used up"}}, "user", "quota used up"),
    ],
)
def test_an_error_with_a_good_status_is_told_in_its_words(body: dict[str, Any], blame: str, text: str) -> None:
    with pytest.raises(NoAnswer, match=text) as error:
        reply.read(json.dumps(body).encode())
    assert error.value.is_error and error.value.blame == blame
    assert words(json.dumps(body).encode()) == text


@pytest.mark.parametrize("depth", [10_000, 200_000])
def test_what_is_nested_too_deep_is_no_answer(depth: int) -> None:
    for inside in (b"[" * depth, b"[" * depth + b"]" * depth):
        with pytest.raises(NoAnswer):
            reply.read(b'{"choices": ' + inside + b"}")
        assert words(inside)


def test_filters_are_known_by_their_words() -> None:
    assert is_filtered(b'{"error": {"code": "content_filter"}}')
    assert is_filtered(b'{"error": {"message": "your input was flagged"}}')
    assert not is_filtered(b'{"error": {"message": "invalid key"}}')
    assert said(302, b"", str, location="http://x/") == "HTTP 302; it points to http://x/"


def test_a_body_is_unpacked_within_its_limit() -> None:
    plain = b"x" * 100_000
    room = Room(150_000)
    for packed, packing in ((plain, "identity"), (gzip.compress(plain), "gzip"), (zlib.compress(plain), "deflate")):
        with Body({"content-encoding": packing}, limit=100_000, room=room) as body:
            body.keep(packed)
            assert body.content == plain
            with Body({}, limit=100_000, room=room) as other, pytest.raises(TooLarge, match="together"):
                other.keep(plain)
        assert room.left == 150_000
        with Body({"content-encoding": packing}, limit=99_999, room=room) as body, pytest.raises(TooLarge):
            body.keep(packed)
        assert room.left == 150_000
    with pytest.raises(TooLarge, match="not asked for"):
        Body({"content-encoding": "br"}, limit=1, room=room)
    assert largest(n_samples=1, max_tokens=1) < largest(n_samples=8, max_tokens=4096) <= 12 * 2**20


@pytest.mark.parametrize(
    "given",
    [
        "http://h:1/v1",
        " http://h:1/v1 ",
        "http://h:1/v1/",
        "http://h:1//v1//",
        "http://h:1/v1/chat/completions",
        "http://h:1/v1/completions/",
        "http://h:1/v1/models",
    ],
)
def test_a_base_url_in_every_usual_form(given: str) -> None:
    assert tidied(given) == "http://h:1/v1"
    assert without_version(given) == "http://h:1"


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("given", ["http://h/v1", "http://h"])
@pytest.mark.parametrize("place", ["/v1", ""])
def test_the_version_is_added_or_left_out_as_the_endpoint_has_it(given: str, place: str, lists: bool) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if lists and request.url.path == f"{place}/models":
            return httpx.Response(200, json={"data": []})
        if request.url.path == f"{place}/chat/completions":
            return httpx.Response(400)
        return httpx.Response(404, text="<html>")

    with httpx.Client(base_url=given, transport=httpx.MockTransport(respond)) as client:
        assert reached(client) == f"http://h{place}"


@pytest.mark.parametrize(
    ("choice", "text", "thoughts"),
    [
        ({"message": {"content": [None, {"type": "text", "text": {"value": "a"}}]}}, "a", ""),
        ({"message": {"content": {"type": "text", "value": "a"}}}, "a", ""),
        ({"message": {"content": 5}}, "5", ""),
        ({"message": {"content": True}}, "true", ""),
        ({"delta": {"content": "a"}}, "a", ""),
        ({"message": {"content": "a", "refusal": False}, "finish_reason": {"type": "stop"}}, "a", ""),
        ({"message": {"content": "a"}, "index": "0"}, "a", ""),
        ({"message": {"content": "a"}, "index": 0.0}, "a", ""),
        ({"message": {"content": "a", "reasoning_details": [{"type": "reasoning.text", "text": "t"}]}}, "a", "t"),
        ({"message": {"content": "a", "thinking_blocks": [{"type": "thinking", "thinking": "t"}]}}, "a", "t"),
    ],
)
def test_odd_forms_of_a_choice(choice, text, thoughts):
    (found,) = reply.read(json.dumps({"choices": [choice]}).encode()).choices
    assert (found.text, found.thoughts, found.is_withheld) == (text, thoughts, False)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'\xef\xbb\xbf{"choices": [{"text": "a"}]}', "a"),
        (rb'{"choices": [{"text": "a\ud83d"}]}', "a\ufffd"),
        (rb'{"choices": [{"text": "\ude00b \ud83d\ude00"}]}', "\ufffdb 😀"),
        (b'{"choices": [{"text": "a"}], "usage": {"prompt_tokens": NaN}}', "a"),
    ],
)
def test_bodies_that_are_not_quite_json(body, text):
    assert [choice.text for choice in reply.read(body).choices] == [text]


def test_a_token_that_cannot_be_has_the_log_probability_of_one():
    body = b'{"choices": [{"text": "a", "logprobs": {"content": [{"token": "a", "logprob": -Infinity}]}}]}'
    assert reply.read(body).choices[0].tokens[0].logprob == -9999
