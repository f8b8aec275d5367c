"""Attention whose result for a row does not depend on how far the other rows reach: for CPUs, and for any device where
torch's own cannot do what a model wants.

A row looks at no more than its own positions, but a matrix product over more of them, though they are multiplied by
zero, may add up in another order. Measured on x86: products with keys and softmax do not mind; products with values
do once more than a few hundred positions are reduced at once. So those are reduced in chunks of fixed size, and a
chunk that is masked adds an exact zero.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

from infertune.errors import EngineError

NAME = "infertune"

_CHUNK_POSITIONS = {torch.float32: 128}
_CHUNK_POSITIONS_OTHERWISE = 512


def attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float | None = None,
    softcap: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend, with the signature and shapes of transformers' attention functions.

    Args:
        module: Asks; unused.
        query: ``[rows, heads, tokens, width]``.
        key: ``[rows, key heads, positions, width]``; heads are a multiple of key heads.
        value: ``[rows, key heads, positions, value width]``.
        attention_mask: bool ``[rows, 1, tokens, positions]``, true where a token may look.
        scaling: Multiplies the scores; by default 1 / sqrt(width).
        softcap: Bounds the scores to ± this by a tanh.
        options: Whatever else the model passes; only what changes the result is refused.

    Returns:
        ``[rows, tokens, heads, value width]``, and no weights.
    """
    for option in ("s_aux", "position_bias", "sinks"):
        if options.get(option) is not None:
            raise EngineError(f"this model's attention uses '{option}', which the hf engine cannot do here")
    rows, heads, tokens, width = query.shape
    groups = heads // key.shape[1]
    # Query heads that share a key head become rows of one product, so keys are never repeated in memory.
    grouped = query.reshape(rows, key.shape[1], groups * tokens, width)
    scores = torch.matmul(grouped, key.transpose(2, 3)).view(rows, key.shape[1], groups, tokens, -1)
    scaling = width**-0.5 if scaling is None else scaling
    if softcap is not None:
        scores = torch.tanh(scores.float() * (scaling / softcap))
        scaling = softcap
    hidden = torch.zeros(attention_mask.shape, device=query.device).masked_fill_(~attention_mask, -torch.inf)
    weights = torch.add(hidden[:, :, None], scores, alpha=scaling).softmax(dim=-1)
    weights = weights.to(query.dtype).view(rows, key.shape[1], groups * tokens, -1)
    chunk = _CHUNK_POSITIONS.get(query.dtype, _CHUNK_POSITIONS_OTHERWISE)
    mixed = torch.matmul(weights[..., :chunk], value[:, :, :chunk])
    for start in range(chunk, weights.shape[-1], chunk):
        mixed += torch.matmul(weights[..., start : start + chunk], value[:, :, start : start + chunk])
    return mixed.view(rows, heads, tokens, -1).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attention)
