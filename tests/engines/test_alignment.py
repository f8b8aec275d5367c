"""Tokens are found in their text whatever a server makes of them, so that shorter limits are recomputed exactly."""

from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from infertune.engines.openai.alignment import align, generation

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("aé日🙂👩\u200d\n "), max_size=30)


@st.composite
def cut_anywhere(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Return a text and its bytes in pieces that need not end where characters do."""
    text = draw(TEXT)
    data = text.encode()
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=12)))
    bounds = [0, *places, len(data)]
    return text, [data[start:end] for start, end in pairwise(bounds)]


def complete(data: bytes) -> int:
    """Return the number of whole characters at the beginning of some bytes, the slow way."""
    for length in range(len(data), -1, -1):
        try:
            return len(data[:length].decode())
        except UnicodeDecodeError:
            continue
    return 0


@given(cut_anywhere())
def test_bytes_give_the_whole_characters_of_every_prefix(case: tuple[str, list[bytes]]) -> None:
    text, tokens = case
    expected = [complete(data) for data in accumulate(tokens)]
    assert list(align(text, tokens).ends) == expected


@given(cut_anywhere())
def test_strings_that_come_with_the_last_byte_of_a_character_give_the_same(case: tuple[str, list[bytes]]) -> None:
    text, tokens = case
    ends = [complete(data) for data in accumulate(tokens)]
    spelt = [text[start:end].encode() for start, end in zip([0, *ends], ends, strict=False)]
    assert list(align(text, spelt).ends) == ends


@given(cut_anywhere(), st.data())
def test_special_tokens_add_nothing(case: tuple[str, list[bytes]], data: st.DataObject) -> None:
    text, tokens = case
    at = data.draw(st.integers(0, len(tokens)))
    special = b"<|special|>"
    ends = align(text, tokens).ends
    with_special = align(text, [*tokens[:at], special, *tokens[at:]]).ends
    assert with_special == (*ends[:at], ends[at - 1] if at else 0, *ends[at:])


@given(TEXT, TEXT, st.integers(1, 6), st.text("ab\n", min_size=1, max_size=3))
def test_what_the_server_cut_off_is_put_back(before: str, after: str, size: int, stop: str) -> None:
    whole = before + stop + after
    start = whole.find(stop)
    data = whole.encode()
    tokens = [data[at : at + size] for at in range(0, len(data), size)]
    needed = next(n for n, spelt in enumerate(accumulate(tokens), 1) if stop in spelt.decode("utf-8", "ignore"))
    aligned = align(whole[:start], tokens[:needed], stop=[stop])
    assert aligned.text.startswith(whole[: start + len(stop)])
    assert list(aligned.ends[:-1]) == [complete(spelt) for spelt in accumulate(tokens[: needed - 1])]
    made = generation(
        sample=0,
        aligned=aligned,
        token_ids=(0,) * needed,
        logprobs=(0.0,) * needed,
        finish_reason="stop",
        stop=(stop,),
    )
    assert made.text == whole[:start]
    assert made.text_ends[-1] == start
    assert list(made.text_ends) == sorted(made.text_ends)


@given(TEXT, st.lists(st.binary(max_size=6), max_size=12), st.lists(st.text(max_size=3), max_size=2))
def test_whatever_a_server_says_the_ends_are_ends(text: str, tokens: list[bytes], stop: list[str]) -> None:
    aligned = align(text, tokens, stop=[ending for ending in stop if ending])
    assert aligned.text.startswith(text)
    assert len(aligned.ends) == len(tokens)
    assert list(aligned.ends) == sorted(aligned.ends)
    assert not tokens or aligned.ends[-1] == len(aligned.text)


def test_bytes_that_are_no_character_belong_to_the_token_that_shows_it() -> None:
    # As vLLM has it: an unfinished character spells nothing, and its replacement comes with the next token.
    text = "so \ufffd then 🙂!"
    tokens = [b"so", b"", b" then", b" ", b"", b"", "🙂".encode(), b"!"]
    assert align(text, tokens).ends == (2, 2, 9, 10, 10, 10, 11, 12)


def test_tokens_spelt_with_replacement_characters_are_placed_by_the_next() -> None:
    unknown = "\ufffd".encode()
    assert align("ab🙂cd", [b"ab", unknown, unknown, unknown, unknown, b"cd"]).ends == (2, 2, 2, 2, 3, 5)
    assert align("a🙂é", [b"a", unknown, unknown, b"<|end|>"]).ends == (1, 1, 3, 3)


def test_a_first_space_that_the_tokenizer_strips() -> None:
    assert align("Paris is", [b" Paris", b" is", b"</s>"]).ends == (5, 8, 8)
    assert align("Paris", [b" Paris", b"\n"], stop=["\n"]).text == "Paris\n"
