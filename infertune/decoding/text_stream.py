"""Turns token ids into text one token at a time, so that the text of a prefix is a prefix of the text."""

from collections.abc import Sequence
from typing import Any

_INCOMPLETE = "\ufffd"  # what a tokenizer decodes from the first bytes of a character
_CONTEXT_TOKENS = 5  # of the prompt: enough for the tokenizer to know whether a leading space is text


class TextStream:
    """The growing text of one sample.

    Held back until more is known: the bytes of an unfinished character, and an ending that a stop text could begin
    with. So the text after m tokens depends on those m tokens alone and never shrinks.

    Attributes:
        text: What is certain so far, cut before the first stop text once `stopped`.
        stopped: Whether a stop text was found.
    """

    def __init__(self, tokenizer: Any, prompt_ids: Sequence[int], stop: tuple[str, ...]) -> None:
        self.text = ""
        self.stopped = False
        self._tokenizer = tokenizer
        self._stop = stop
        self._pending = ""  # decoded, but possibly the beginning of a stop text
        self._context = list(prompt_ids[-_CONTEXT_TOKENS:])  # decoded before, kept for the spacing of what follows
        self._fresh: list[int] = []  # not yet decoded into complete characters

    def append(self, token_id: int) -> int:
        """Add a token and return the length of `text` after it."""
        self._fresh.append(token_id)
        before = self._decode(self._context)
        after = self._decode(self._context + self._fresh)
        if not after.endswith(_INCOMPLETE):
            self._context, self._fresh = self._fresh, []
            self._extend(after[len(before) :])
        return len(self.text)

    def finish(self) -> int:
        """Release what was held back for stop texts, as after an end-of-text token nothing follows."""
        self.text += self._pending
        self._pending = ""
        return len(self.text)

    def _extend(self, piece: str) -> None:
        self._pending += piece
        found = [at for stop in self._stop if (at := self._pending.find(stop)) >= 0]
        if found:
            self.stopped = True
            self.text += self._pending[: min(found)]
            self._pending = ""
            return
        held = self._held()
        self.text += self._pending[: len(self._pending) - held]
        self._pending = self._pending[len(self._pending) - held :]

    def _held(self) -> int:
        """Return the length of the longest ending of the pending text that begins a stop text."""
        longest = max((len(stop) for stop in self._stop), default=1) - 1
        for length in range(min(longest, len(self._pending)), 0, -1):
            ending = self._pending[-length:]
            if any(stop.startswith(ending) for stop in self._stop):
                return length
        return 0

    def _decode(self, token_ids: list[int]) -> str:
        return str(self._tokenizer.decode(token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
