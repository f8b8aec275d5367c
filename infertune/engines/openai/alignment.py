"""Where in a text each of its tokens ends, from what a server says of the tokens: their bytes or their strings."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from infertune.decoding.truncation import cut
from infertune.types import FinishReason, Generation

_REPLACEMENT = "\ufffd".encode()  # in the place of bytes that are no character
_MAX_BYTES_PER_UNSPELT = 16  # of text that a token can stand for whose bytes are no characters


@dataclass(frozen=True, slots=True)
class Aligned:
    """A text and the number of its complete characters after each token.

    Attributes:
        text: The whole text that the tokens spell, with the stop text that the server cut off.
        ends: One for each token; the last is the length of the text.
    """

    text: str
    ends: tuple[int, ...]


def align(text: str, tokens: Sequence[bytes], *, stop: Sequence[str] = ()) -> Aligned:
    """Find the tokens in the text, one after the other.

    A character whose bytes are spread over several tokens is complete with the last of them. A token that is not in
    the text (an end-of-text token, or another special one) adds nothing. A token whose own spelling was lost, because
    its bytes are no character, is placed by the next one that can be found.

    Args:
        text: As the server gave it: without special tokens, cut before a stop text.
        tokens: What each token spells, in UTF-8; a part of a character where the server gives bytes, nothing or a
            replacement character where it gives strings.
        stop: Stop texts that the server was given.
    """
    data = text.encode("utf-8", "surrogatepass")
    ends, beyond = _byte_ends(data, tokens)
    spelt = b"".join(beyond)
    if not any(spelt.startswith(ending.encode("utf-8", "surrogatepass")) for ending in stop):
        spelt, beyond = b"", []
    whole = data + spelt
    end = len(whole)
    for back, piece in enumerate(reversed(beyond)):
        ends[len(ends) - 1 - back] = end
        end -= len(piece)
    if ends:
        ends[-1] = len(whole)
    return Aligned(text + spelt.decode("utf-8", "replace"), _complete_characters(whole, ends))


def generation(
    *,
    sample: int,
    aligned: Aligned,
    token_ids: tuple[int, ...],
    logprobs: tuple[float, ...],
    finish_reason: FinishReason,
    stop: tuple[str, ...],
) -> Generation:
    """Return the sample, its text held back where a stop text could begin, as `Generation.text_ends` demands."""
    whole = Generation(
        sample=sample,
        text=aligned.text,
        token_ids=token_ids,
        logprobs=logprobs,
        text_ends=aligned.ends,
        finish_reason=finish_reason,
    )
    return cut(whole, max_tokens=max(1, len(token_ids)), stop=stop) if token_ids else whole


def _byte_ends(data: bytes, tokens: Sequence[bytes]) -> tuple[list[int], list[bytes]]:
    """Return the number of bytes of the text after each token, and what the last tokens spell beyond the text."""
    at = 0
    ends: list[int] = []
    beyond: list[bytes] = []
    unknown: list[int] = []  # tokens before this one whose place is not known yet
    n_unspelt = 0  # tokens before this one that may stand for bytes of the text, those that spell nothing included
    for index, token in enumerate(tokens):
        start = _place(data, token, at, n_unspelt)
        if at >= len(data):
            beyond.append(token)
        elif start is None:
            if _REPLACEMENT in token:
                unknown.append(index)
                n_unspelt += 1
        else:
            _spread(ends, unknown, at, start)
            at = min(start + len(token), len(data))
            unknown = unknown if not token else []
            n_unspelt = n_unspelt + 1 if not token else 0
            if start + len(token) > len(data):
                beyond.append(token[len(data) - start :])
        ends.append(at)
    _spread(ends, unknown, at, len(data))
    return list(accumulate(ends, max)), beyond


def _place(data: bytes, token: bytes, at: int, n_unspelt: int) -> int | None:
    """Return where in the text the token begins, or None if it is not in there."""
    if data.startswith(token, at):
        return at
    if _REPLACEMENT in token:
        return None
    if n_unspelt:
        found = data.find(token, at, at + n_unspelt * _MAX_BYTES_PER_UNSPELT + len(token))
        return None if found < 0 else found
    spaceless = token.lstrip(b" ")
    if at == 0 and spaceless and data.startswith(spaceless):
        return len(spaceless) - len(token)  # some tokenizers strip the first space of a text
    rest = data[at:]
    return at if rest and token.startswith(rest) else None  # the server cut a stop text inside this token


def _spread(ends: list[int], unknown: Sequence[int], start: int, end: int) -> None:
    """Give bytes to tokens of unknown place: one each when that is what they are, else all to the last."""
    n_bytes = end - start
    for number, index in enumerate(unknown, 1):
        ends[index] = start + number if n_bytes == len(unknown) else end if number == len(unknown) else start


def _complete_characters(data: bytes, byte_ends: Sequence[int]) -> tuple[int, ...]:
    """Return the number of whole characters in each prefix of the bytes."""
    counts: list[int] = []
    at = n = 0
    for end in byte_ends:
        n += sum(1 for byte in data[at:end] if byte & 0xC0 != 0x80)  # a byte that begins a character
        at = end
        inside = end < len(data) and data[end] & 0xC0 == 0x80
        counts.append(n - 1 if inside else n)
    return tuple(counts)
