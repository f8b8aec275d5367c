"""Draws one token per row, each row under its own setting.

The order is that of transformers: repetition penalty, temperature, top_k, top_p, min_p, then the draw. A floor on
the scores is found first, below which no token of the row can be drawn, so sorting and noise are spent on the few
candidates above it and never on the vocabulary unless a row is that flat.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infertune.decoding.noise import GUMBEL_MAX, gumbel
from infertune.types import Decoding

WARPER_ORDER = "repetition_penalty,temperature,top_k,top_p,min_p,gumbel"

_SLACK = 1e-3
"""Floors are lowered by this much, so rounding never drops a token that the exact rule keeps."""


@dataclass(frozen=True)
class Settings:
    """The request-tier settings of a batch, one element per row; every tensor has shape ``[rows]``."""

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    log_min_p: Tensor
    repetition_penalty: Tensor

    @classmethod
    def of(cls, decodings: Sequence[Decoding], device: torch.device) -> "Settings":
        """Stack the settings of the rows."""

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        greedy = [d.temperature == 0 for d in decodings]  # greedy rows ignore the truncations
        return cls(
            temperature=column([d.temperature for d in decodings]),
            top_k=torch.tensor([0 if g else d.top_k for d, g in zip(decodings, greedy, strict=True)], device=device),
            top_p=column([1.0 if g else d.top_p for d, g in zip(decodings, greedy, strict=True)]),
            log_min_p=column([math.log(d.min_p) if d.min_p > 0 else -math.inf for d in decodings]),
            repetition_penalty=column([d.repetition_penalty for d in decodings]),
        )


def draw(logits: Tensor, settings: Settings, keys: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
    """Draw the next token of every row.

    Args:
        logits: ``[rows, vocabulary]`` of the untouched model, any float type.
        settings: One setting per row.
        keys: int64 ``[rows]`` from `position_keys`.
        history: int64 ``[rows, length]``, the row's prompt and output tokens, short rows filled by repeating any
            token of theirs. Read only where a repetition penalty is on.

    Returns:
        int64 token ids ``[rows]`` and their float32 log-probabilities ``[rows]`` under the raw model.
    """
    logits = logits.float()
    scores = _penalised(logits, settings.repetition_penalty, history)
    greedy = settings.temperature == 0
    scores = scores / torch.where(greedy, 1.0, settings.temperature)[:, None]
    best, best_token = scores.max(dim=-1)
    values, tokens = _candidates(scores, _floor(scores, best, best_token, greedy, settings, keys))
    kept = values >= (best + settings.log_min_p)[:, None]
    if bool((settings.top_p < 1).any()):
        values, order = values.sort(dim=-1, descending=True, stable=True)
        tokens = tokens.gather(-1, order)
        kept = _nucleus(values, scores, best, settings) & (values >= (best + settings.log_min_p)[:, None])
    noise = torch.where(greedy[:, None], 0.0, gumbel(keys, tokens))
    winner = torch.where(kept, values + noise, -math.inf).argmax(dim=-1, keepdim=True)
    chosen = torch.where(greedy, best_token, tokens.gather(-1, winner)[:, 0])
    logprobs = logits.gather(-1, chosen[:, None])[:, 0] - logits.logsumexp(dim=-1)
    return chosen, logprobs


def _penalised(logits: Tensor, penalty: Tensor, history: Tensor) -> Tensor:
    """Divide the positive and multiply the negative scores of the tokens seen so far (Keskar et al. 2019)."""
    rows = (penalty != 1).nonzero()[:, 0]
    if not len(rows):
        return logits
    seen = history[rows]
    scores = logits[rows]
    old = scores.gather(-1, seen)
    factor = penalty[rows][:, None]
    scores = scores.scatter(-1, seen, torch.where(old > 0, old / factor, old * factor))
    return logits.index_copy(0, rows, scores)


def _floor(
    scores: Tensor, best: Tensor, best_token: Tensor, greedy: Tensor, settings: Settings, keys: Tensor
) -> Tensor:
    """Return per row a score below which no token can be drawn.

    The best token survives every truncation, so whatever lies GUMBEL_MAX below its noisy score has lost. Of a
    nucleus, the tokens less likely than (1 - top_p) / vocabulary are together too light to be part.
    """
    floor = best + gumbel(keys, best_token[:, None])[:, 0] - GUMBEL_MAX
    floor = torch.maximum(floor, best + settings.log_min_p)
    nucleus = settings.top_p < 1
    rows = (nucleus & (settings.top_k == 0)).nonzero()[:, 0]
    if len(rows):
        lightest = torch.log((1 - settings.top_p[rows]) / scores.shape[-1])
        floor[rows] = torch.maximum(floor[rows], scores[rows].logsumexp(dim=-1) + lightest)
    floor -= _SLACK
    rows = ((settings.top_k > 0) & (settings.top_k < scores.shape[-1])).nonzero()[:, 0]
    if len(rows):
        k = settings.top_k[rows]
        kth = scores[rows].topk(int(k.max()), dim=-1).values.gather(-1, k[:, None] - 1)[:, 0]
        # A nucleus within the top k is measured against the mass of all k, so those rows keep all k and only k.
        floor[rows] = torch.where(nucleus[rows], kth, torch.maximum(floor[rows], kth))
    return torch.where(greedy, best, floor)


def _candidates(scores: Tensor, floor: Tensor) -> tuple[Tensor, Tensor]:
    """Return scores ``[rows, width]`` and ids of the tokens at or above the floor, by id; -inf fills short rows."""
    rows, tokens = (scores >= floor[:, None]).nonzero(as_tuple=True)
    counts = torch.bincount(rows, minlength=len(scores))
    column = torch.arange(len(rows), device=scores.device) - (counts.cumsum(0) - counts)[rows]
    width = int(counts.max())
    values = scores.new_full((len(scores), width), -math.inf)
    ids = torch.zeros((len(scores), width), dtype=torch.int64, device=scores.device)
    values[rows, column] = scores[rows, tokens]
    ids[rows, column] = tokens
    return values, ids


def _nucleus(values: Tensor, scores: Tensor, best: Tensor, settings: Settings) -> Tensor:
    """Return which of the descending ``values`` are needed to reach mass top_p: those with less than it before them."""
    weights = (values - best[:, None]).exp()
    cumulative = weights.cumsum(dim=-1)
    total = torch.where(settings.top_k > 0, cumulative[:, -1], (scores - best[:, None]).exp().sum(dim=-1))
    before = cumulative - weights
    return (before < (settings.top_p * total)[:, None]) | (settings.top_p >= 1)[:, None]
