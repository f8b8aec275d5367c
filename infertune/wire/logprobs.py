"""Log probabilities in the two forms that servers have for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token: what it spells, its log probability, and those of the likeliest tokens at its place by their text.

    Its ``id`` is None where it is not told here.
    """

    spelt: bytes
    logprob: float
    top: Mapping[str, float]
    id: int | None = None


class _Top(msgspec.Struct, gc=False):
    token: str
    logprob: float


class _Token(msgspec.Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int] | None = None
    id: Any = None
    top_logprobs: list[_Top] | None = None


class Logprobs(msgspec.Struct, gc=False):
    """In the newer form all is in ``content``, in the older one in the other three; either may come on either path."""

    content: list[_Token] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | list[_Top] | None] | None = None


def tokens_of(found: Logprobs) -> tuple[Token, ...] | None:
    """Return the tokens with what is told of them; None where that is nothing.

    Raises:
        ValueError: There is not one log probability for each, or something that is none.
    """
    if found.content is not None:
        return tuple(
            Token(
                spelt=_bytes(each),
                logprob=each.logprob,
                top={top.token: top.logprob for top in each.top_logprobs or ()},
                id=each.id if type(each.id) is int else None,
            )
            for each in found.content
        )
    if found.token_logprobs is None:
        return None
    tokens = found.tokens or []
    tops: Sequence[Any] = found.top_logprobs or [None] * len(tokens)
    if not len(tokens) == len(found.token_logprobs) == len(tops):
        raise ValueError("not one log probability for each token")
    if None in found.token_logprobs:
        raise ValueError("a token without a log probability")
    return tuple(
        Token(spelt=token.encode("utf-8", "surrogatepass"), logprob=logprob or 0.0, top=_top(top))
        for token, logprob, top in zip(tokens, found.token_logprobs, tops, strict=True)
    )


def _top(top: Any) -> Mapping[str, float]:
    return {each.token: each.logprob for each in top} if isinstance(top, list) else top or {}


def _bytes(token: _Token) -> bytes:
    if token.bytes is None:
        return token.token.encode("utf-8", "surrogatepass")
    try:
        return bytes(token.bytes)
    except ValueError:
        raise ValueError("bytes of a token that are none") from None
