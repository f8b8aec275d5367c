"""What an engine would have written under a shorter ``max_tokens`` or with stop texts, from what it wrote without."""

from collections.abc import Sequence
from dataclasses import replace

from infertune.types import Generation


def cut(generation: Generation, *, max_tokens: int, stop: tuple[str, ...] = ()) -> Generation:
    """Return the generation as the engine would have made it under a smaller limit; exact to the last character.

    Args:
        generation: One sample. When ``stop`` is given it must have been made without stop texts, for those that
            ended it hide what came after.
        max_tokens: At least 1. A limit beyond the generation's own changes nothing, nor does any where it is not known
            how much of the text each token ends.
        stop: Stop texts to apply; empty leaves those it was made with in force.

    Returns:
        The shortened generation: tokens up to the one that completes the earliest stop text or reaches
        ``max_tokens``; the text is cut before the stop text, or before an ending that a stop text could begin with.
    """
    shorter = generation
    if max_tokens < len(generation.token_ids) and generation.text_ends:
        shorter = _first_tokens(generation, max_tokens)
    return _ended(shorter, stop) if stop else shorter


def _first_tokens(generation: Generation, n_tokens: int) -> Generation:
    return replace(
        generation,
        text=generation.text[: generation.text_ends[n_tokens - 1]],
        token_ids=generation.token_ids[:n_tokens],
        logprobs=generation.logprobs[:n_tokens],
        text_ends=generation.text_ends[:n_tokens],
        finish_reason="length",
    )


def _ended(generation: Generation, stop: tuple[str, ...]) -> Generation:
    text = generation.text
    ends = [at + len(ending) for ending in stop if (at := text.find(ending)) >= 0]
    if not ends:
        text_ends = _held_back(text, generation.text_ends, stop)
        if generation.finish_reason == "stop" and text_ends:  # nothing follows, so nothing is held back
            text_ends[-1] = generation.text_ends[-1]
        return replace(generation, text=text[: text_ends[-1]] if text_ends else text, text_ends=tuple(text_ends))
    if not generation.text_ends:  # all its tokens count, for it is not known which came after
        return replace(
            generation, text=text[: min(text.find(ending) for ending in stop if ending in text)], finish_reason="stop"
        )
    n_tokens = 1 + next(index for index, end in enumerate(generation.text_ends) if end >= min(ends))
    seen = text[: generation.text_ends[n_tokens - 1]]
    start = min(at for ending in stop if (at := seen.find(ending)) >= 0)
    text_ends = _held_back(text, generation.text_ends[:n_tokens], stop)
    return replace(
        generation,
        text=text[:start],
        token_ids=generation.token_ids[:n_tokens],
        logprobs=generation.logprobs[:n_tokens],
        text_ends=tuple(min(end, start) for end in [*text_ends[:-1], start]),
        finish_reason="stop",
    )


def _held_back(text: str, text_ends: Sequence[int], stop: tuple[str, ...]) -> list[int]:
    """Return the ends less what the engine holds back: the longest ending that a stop text could begin with."""
    beginnings = {ending[:length] for ending in stop for length in range(1, len(ending))}
    longest = max(map(len, beginnings), default=0)
    held_back: dict[int, int] = {}
    for end in text_ends:
        if end not in held_back:
            held = (length for length in range(min(longest, end), 0, -1) if text[end - length : end] in beginnings)
            held_back[end] = end - next(held, 0)
    return [held_back[end] for end in text_ends]
