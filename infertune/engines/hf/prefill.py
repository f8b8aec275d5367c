"""Brings prompts into slots: their keys and values, and the logits after their last token.

Prompts are computed in blocks of fixed size, the blocks of all waiting prompts together, and never twice while their
keys and values are still in some slot: the samples of a request, requests with the same prompt, and prompts that begin
alike (few-shot examples) share what they can.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from infertune.engines.hf.language_model import LanguageModel
from infertune.engines.hf.slots import SlotCache

_BLOCK_TOKENS = 32


@dataclass(frozen=True, slots=True)
class _Resident:
    """A prompt whose keys and values lie at the beginning of a slot, and the logits after its last token."""

    prompt: list[int]
    logits: Tensor


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the first ``n_tokens`` of a prompt lie already; ``logits`` when that is all of it."""

    slot: int
    n_tokens: int
    logits: Tensor | None


class Prefill:
    """Keys and values by slot, and which prompts lie there.

    Args:
        model: Computes.
        n_slots: Of the cache.
        n_together: Most blocks in one pass of the model.

    Attributes:
        cache: The keys and values; whoever writes to a slot from its beginning must `forget` what was there.
    """

    def __init__(self, model: LanguageModel, *, n_slots: int, n_together: int) -> None:
        self.cache = SlotCache(n_slots)
        self._model = model
        self._n_together = n_together
        self._residents: list[_Resident | None] = [None] * n_slots

    def move(self, source: int, target: int, n_tokens: int) -> None:
        """Copy the first tokens of a slot to another, which holds the same prompt from now on."""
        self.cache.copy(source, [target], n_tokens)
        self._residents[target] = self._residents[source]

    def forget(self, slot: int) -> None:
        """Count on nothing in a slot any more."""
        self._residents[slot] = None

    def bring(self, wishes: list[tuple[int, list[int]]]) -> Tensor:
        """Bring prompts into slots and return the logits ``[prompts, vocabulary]`` after each."""
        remaining = wishes
        while remaining:
            leaders: list[tuple[int, list[int], int]] = []
            followers: list[tuple[int, list[int]]] = []
            for slot, prompt in remaining:
                source = self._source(prompt)
                shared = max((_shared_tokens(prompt, other) for _, other, _ in leaders), default=0)
                if shared > source.n_tokens:
                    followers.append((slot, prompt))  # waits until the leader's keys and values are there to copy
                    continue
                self._copy(source.slot, slot, source.n_tokens)
                if source.logits is None:
                    self._residents[slot] = None
                    leaders.append((slot, prompt, source.n_tokens))
                else:
                    self._residents[slot] = _Resident(prompt, source.logits)
            for (slot, prompt, _), logits in zip(leaders, self._compute(leaders), strict=True):
                self._residents[slot] = _Resident(prompt, logits)
            remaining = followers
        residents = [self._residents[slot] for slot, _ in wishes]
        return torch.stack([resident.logits for resident in residents if resident is not None])

    def _source(self, prompt: list[int]) -> _Source:
        """Return the slot that already holds most of a prompt."""
        best = _Source(0, 0, None)
        seen: set[int] = set()
        for slot, resident in enumerate(self._residents):
            if resident is None or id(resident.prompt) in seen:
                continue
            seen.add(id(resident.prompt))
            if resident.prompt == prompt:
                return _Source(slot, len(prompt), resident.logits)
            shared = _shared_tokens(prompt, resident.prompt)
            if shared > best.n_tokens:
                best = _Source(slot, shared, None)
        return best

    def _copy(self, source: int, target: int, n_tokens: int) -> None:
        if n_tokens and source != target:
            self.cache.copy(source, [target], n_tokens)

    def _compute(self, prompts: list[tuple[int, list[int], int]]) -> list[Tensor]:
        """Compute prompts (slot, tokens, how many are there already) and return the logits after each."""
        blocks = [
            (slot, start, prompt)
            for slot, prompt, n_ready in prompts
            for start in range(n_ready, len(prompt), _BLOCK_TOKENS)
        ]
        logits: list[Tensor] = []
        # Blocks of one prompt may share a pass: every layer writes all keys and values before any row reads them.
        for first in range(0, len(blocks), self._n_together):
            some = blocks[first : first + self._n_together]
            last = [
                (row, (len(prompt) - 1) % _BLOCK_TOKENS)
                for row, (_, start, prompt) in enumerate(some)
                if start + _BLOCK_TOKENS >= len(prompt)
            ]
            tokens = [prompt[start : start + _BLOCK_TOKENS] for _, start, prompt in some]
            positions = [range(start, start + _BLOCK_TOKENS) for _, start, _ in some]
            logits += self._model.forward(
                self.cache,
                self._model.tensor([block + [0] * (_BLOCK_TOKENS - len(block)) for block in tokens]),
                self._model.tensor([list(block) for block in positions]),
                slots=self._model.tensor([slot for slot, _, _ in some]),
                keep=last,
            )
        return logits


def _shared_tokens(prompt: list[int], other: list[int]) -> int:
    """Return how many first tokens two prompts share: whole blocks, and never all, for the last token is computed."""
    end = _BLOCK_TOKENS
    while end < len(prompt) and prompt[end - _BLOCK_TOKENS : end] == other[end - _BLOCK_TOKENS : end]:
        end += _BLOCK_TOKENS
    return end - _BLOCK_TOKENS
