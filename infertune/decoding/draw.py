"""Draws one token per row, each row under its own setting.

The rules are those of transformers in its order: repetition penalty, temperature, top_k, top_p, min_p. Nothing is
sorted and hardly any noise is computed: a token that is neither loud nor close to the best cannot win, and whether
the winner lies in the nucleus is a question about the mass above it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infertune.decoding.noise import LOUD, loud_tokens, quiet_noise
from infertune.types import Decoding

WARPER_ORDER = "repetition_penalty,temperature,top_k,top_p,min_p,gumbel"

_ROUNDING = 1e-3
"""Floors that only save work are lowered by this much, so that rounding never excludes a possible winner."""


@dataclass(frozen=True, slots=True)
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

        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, device=device)

        # A greedy row takes the best token, whatever the truncations.
        return cls(
            temperature=column([float(d.temperature) for d in decodings]),
            top_k=column([d.top_k if d.temperature > 0 else 0 for d in decodings]),
            top_p=column([float(d.top_p) if d.temperature > 0 else 1.0 for d in decodings]),
            log_min_p=column([math.log(d.min_p) if d.min_p > 0 else -math.inf for d in decodings]),
            repetition_penalty=column([float(d.repetition_penalty) for d in decodings]),
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
        int64 token ids ``[rows]`` and their float32 log-probabilities ``[rows]`` under the untouched model.
    """
    logits = logits.float()
    log_total = _log_total(logits)
    scores = _penalised(logits, settings.repetition_penalty, history)
    best, best_token = scores.max(dim=-1)
    greedy = settings.temperature == 0
    temperature = torch.where(greedy, 1.0, settings.temperature)

    # What truncation keeps, and what can still beat the best token with quiet noise. Both in units of scores.
    top_k = _smallest_of_top_k(scores, settings.top_k)
    kept = torch.maximum(top_k, best + settings.log_min_p * temperature)
    reach = best - (LOUD - quiet_noise(keys, best_token) + _ROUNDING) * temperature
    # Where the k best make the nucleus, all of them are listed: its mass is a part of theirs.
    near = torch.where((settings.top_p < 1) & (settings.top_k > 0), top_k, torch.maximum(kept, reach))
    near = torch.where(greedy, best, near)
    near_rows, near_tokens = (scores >= near[:, None]).nonzero(as_tuple=True)

    # Loud tokens may win from far below. Those that are also near count twice, and their loud noise is the larger.
    loud, loud_noise = loud_tokens(keys, scores.shape[-1])
    loud_scores = scores.gather(-1, loud.clamp(max=scores.shape[-1] - 1))
    eligible = (loud < scores.shape[-1]) & (loud_scores >= kept[:, None]) & ~greedy[:, None]
    loud_rows, column = eligible.nonzero(as_tuple=True)

    rows = torch.cat([near_rows, loud_rows])
    tokens = torch.cat([near_tokens, loud[loud_rows, column]])
    noise = torch.cat([quiet_noise(keys[near_rows], near_tokens), loud_noise[loud_rows, column]])
    values = scores[rows, tokens]
    perturbed = torch.where(greedy[rows], 0.0, noise) + values / temperature[rows]
    perturbed.masked_fill_(values < kept[rows], -math.inf)
    chosen = _winners(perturbed, rows, tokens, len(scores))

    undecided = settings.top_p < 1
    if bool(undecided.any()):
        mass = _Mass(scores, temperature, settings, near, near_rows, values[: len(near_rows)], log_total)
        while True:
            score = scores.gather(-1, chosen[:, None])[:, 0]
            undecided = undecided & (mass.above(score) >= settings.top_p)
            if not bool(undecided.any()):
                break
            # The nucleus is an upper set, so with such a winner everything scored no higher lies outside too.
            limit = torch.where(undecided, score, -math.inf)
            perturbed.masked_fill_(values <= limit[rows], -math.inf)
            chosen = _winners(perturbed, rows, tokens, len(scores))
    return chosen, logits.gather(-1, chosen[:, None])[:, 0] - log_total


def _log_total(scores: Tensor) -> Tensor:
    """Return the log of each row's summed exponentials, in the same bits whatever the other rows.

    ``logsumexp`` splits a single row among threads and then adds in another order; ``log_softmax`` does not.
    """
    best, token = scores.max(dim=-1, keepdim=True)
    return (best - scores.log_softmax(dim=-1).gather(-1, token))[:, 0]


def _penalised(logits: Tensor, penalty: Tensor, history: Tensor) -> Tensor:
    """Divide the positive and multiply the negative scores of the tokens seen so far (Keskar et al. 2019)."""
    rows = (penalty != 1).nonzero()[:, 0]
    if not len(rows):
        return logits
    seen = history[rows]
    scores = logits[rows]
    old = scores.gather(-1, seen)
    factor = penalty[rows][:, None]
    scores.scatter_(-1, seen, torch.where(old > 0, old / factor, old * factor))
    return logits.index_copy(0, rows, scores)


def _smallest_of_top_k(scores: Tensor, top_k: Tensor) -> Tensor:
    """Return per row the k-th largest score, -inf where top_k is off."""
    smallest = torch.full_like(scores[:, 0], -math.inf)
    rows = ((top_k > 0) & (top_k < scores.shape[-1])).nonzero()[:, 0]
    if len(rows):
        k = top_k[rows]
        smallest[rows] = scores[rows].topk(int(k.max()), dim=-1).values.gather(-1, k[:, None] - 1)[:, 0]
    return smallest


def _winners(perturbed: Tensor, rows: Tensor, tokens: Tensor, n_rows: int) -> Tensor:
    """Return per row the token with the largest perturbed score, of equals the one with the lowest id."""
    largest = perturbed.new_full((n_rows,), -math.inf).scatter_reduce(0, rows, perturbed, "amax")
    ties = perturbed == largest[rows]
    none = torch.full((n_rows,), torch.iinfo(tokens.dtype).max, device=tokens.device)
    return none.scatter_reduce(0, rows[ties], tokens[ties], "amin")


class _Mass:
    """The probability of the tokens above a score, after temperature and top_k."""

    def __init__(
        self,
        scores: Tensor,
        temperature: Tensor,
        settings: Settings,
        near: Tensor,
        near_rows: Tensor,
        near_values: Tensor,
        log_total: Tensor,
    ) -> None:
        self._scores, self._temperature, self._top_p = scores, temperature, settings.top_p
        self._near, self._rows, self._values = near, near_rows, near_values
        log_total = log_total.clone()
        scaled = ((settings.top_p < 1) & ((temperature != 1) | (settings.repetition_penalty != 1))).nonzero()[:, 0]
        if len(scaled):
            log_total[scaled] = _log_total(scores[scaled] / temperature[scaled][:, None])
        self._log_total = log_total
        self._weights = (near_values / temperature[near_rows] - log_total[near_rows]).exp()
        # With top_k on all kept tokens are near, and the nucleus is a part of their mass.
        self._total = torch.where(settings.top_k > 0, self._sum(self._weights), 1.0)

    def above(self, score: Tensor) -> Tensor:
        """Return the mass above ``score`` per row, exact where it decides whether that score is in the nucleus."""
        mass = self._sum(torch.where(self._values > score[self._rows], self._weights, 0.0)) / self._total
        far = ((score < self._near) & (mass < self._top_p)).nonzero()[:, 0]
        if len(far):
            above = self._scores[far].masked_fill(self._scores[far] <= score[far][:, None], -math.inf)
            mass[far] = (_log_total(above / self._temperature[far][:, None]) - self._log_total[far]).exp()
        return mass

    def _sum(self, weights: Tensor) -> Tensor:
        return torch.zeros_like(self._near).index_add(0, self._rows, weights)
