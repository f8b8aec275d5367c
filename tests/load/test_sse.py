"""Events of a stream come out the same however their bytes are torn apart."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.load.sse import EventStream

EVENTS = [b'{"a": 1}', "dé\u2028ja".encode(), b"two\nlines", b"", b"[DONE]"]


def written(newline: bytes) -> bytes:
    """As a careless server writes it: comments, other fields, a missing space, an event without data."""
    parts = [b": a comment", b"", b'data: {"a": 1}', b"", b"event: x", b"id: 3", "data:dé\u2028ja".encode(), b""]
    parts += [
        b"data: two",
        b"data: lines",
        b"",
        b"event: nothing",
        b"",
        b"data",
        b"data:",
        b"",
        b"data: [DONE]",
        b"",
        b"",
    ]
    return newline.join(parts)


@given(st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(0, 200), max_size=20))
def test_any_pieces(newline: bytes, cuts: list[int]) -> None:
    data = written(newline)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    stream = EventStream()
    found = [event for start, end in itertools.pairwise(edges) for event in stream.feed(data[start:end])]
    assert found == EVENTS


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_byte_by_byte(newline: bytes) -> None:
    stream = EventStream()
    assert [event for byte in written(newline) for event in stream.feed(bytes([byte]))] == EVENTS


def test_an_event_comes_with_its_blank_line_and_not_before() -> None:
    stream = EventStream()
    assert stream.feed(b"data: one\n") == []
    assert stream.feed(b"\ndata: two") == [b"one"]
    assert stream.feed(b"\n\n") == [b"two"]
