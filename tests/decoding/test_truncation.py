"""A cut generation is, to the last character, what the engine writes under the smaller limit."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.decoding.truncation import cut
from infertune.testing import FakeEngine
from infertune.types import Decoding, FinishReason, Generation, Request

pieces = st.lists(st.text("ab\n", max_size=3), min_size=1, max_size=12)  # an empty piece: an unfinished character
stops = st.lists(st.text("ab\n", min_size=1, max_size=3), max_size=3).map(tuple)


def write(pieces: list[str], *, ends: bool, max_tokens: int, stop: tuple[str, ...]) -> Generation:
    """A character-level engine, written from the definitions in `infertune.types.requests` alone."""
    text_ends: list[int] = []
    reason: FinishReason = "length"
    seen = ""
    for number, piece in enumerate([*pieces, None] if ends else pieces):
        if number == max_tokens:
            break
        if piece is None:
            text_ends.append(len(seen))
            reason = "stop"
            break
        seen += piece
        found = [seen.index(s) for s in stop if s in seen]
        if found:
            seen = seen[: min(found)]
            text_ends.append(len(seen))
            reason = "stop"
            break
        held = [k for k in range(len(seen) + 1) if k == 0 or any(s.startswith(seen[-k:]) for s in stop)]
        text_ends.append(len(seen) - max(held))
    return Generation(
        sample=0,
        text=seen[: text_ends[-1]],
        token_ids=tuple(range(len(text_ends))),
        logprobs=tuple(-float(number) for number in range(len(text_ends))),
        text_ends=tuple(text_ends),
        finish_reason=reason,
    )


@settings(deadline=None, max_examples=300)
@given(pieces=pieces, ends=st.booleans(), stop=stops, long=st.integers(1, 14), data=st.data())
def test_a_shorter_limit(pieces, ends, stop, long, data):
    short = data.draw(st.integers(1, long))
    whole = write(pieces, ends=ends, max_tokens=long, stop=stop)
    if whole.finish_reason == "stop" or len(whole.token_ids) >= short:
        assert cut(whole, max_tokens=short) == write(pieces, ends=ends, max_tokens=short, stop=stop)


@settings(deadline=None, max_examples=500)
@given(pieces=pieces, ends=st.booleans(), stop=stops, long=st.integers(1, 14), data=st.data())
def test_stop_texts_and_a_shorter_limit(pieces, ends, stop, long, data):
    short = data.draw(st.integers(1, long))
    whole = write(pieces, ends=ends, max_tokens=long, stop=())
    if whole.finish_reason == "stop" or len(whole.token_ids) >= short:
        assert cut(whole, max_tokens=short, stop=stop) == write(pieces, ends=ends, max_tokens=short, stop=stop)


@settings(deadline=None, max_examples=200)
@given(text=st.text("ab \nx", min_size=1, max_size=30), stop=stops, short=st.integers(1, 12))
def test_the_engines_own_text_stream_agrees(text, stop, short):
    engine = FakeEngine(lambda request, sample, source: text)
    request = Request(example_id="e", prompt="p", decoding=Decoding(max_tokens=100))
    smaller = replace(request, decoding=Decoding(max_tokens=short, stop=stop))
    (whole,), (expected,) = (next(engine.generate([r])).generations for r in (request, smaller))
    cropped = cut(whole, max_tokens=short, stop=stop)
    assert cropped == replace(expected, logprobs=cropped.logprobs)
    assert cropped.logprobs == whole.logprobs[: len(expected.token_ids)]


@settings(deadline=None)
@given(pieces=pieces, ends=st.booleans(), stop=stops, limits=st.lists(st.integers(1, 12), min_size=2, max_size=2))
def test_cutting_in_steps_or_at_once_is_the_same(pieces, ends, stop, limits):
    whole = write(pieces, ends=ends, max_tokens=100, stop=())
    long, short = sorted(limits, reverse=True)
    at_once = cut(whole, max_tokens=short, stop=stop)
    assert cut(cut(whole, max_tokens=long, stop=stop), max_tokens=short) == at_once


@pytest.mark.parametrize(
    ("stop", "text", "n_tokens"),
    [
        (("\n\n",), "one", 4),  # completed by the fourth token, and its first half never shows
        (("two",), "one\n\n", 5),
        (("o\nt", "wo"), "one\n\nt", 6),
        (("nothing",), "one\n\ntwo", 7),
    ],
)
def test_some_stop_texts(stop, text, n_tokens):
    whole = write(["on", "e", "\n", "\n", "two" if stop == ("two",) else "t", "wo"], ends=True, max_tokens=9, stop=())
    cropped = cut(whole, max_tokens=9, stop=stop)
    assert (cropped.text, len(cropped.token_ids), cropped.finish_reason) == (text, n_tokens, "stop")
