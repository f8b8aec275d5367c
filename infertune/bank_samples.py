"""A generation as the bank's columns hold it, and back."""

from typing import Any

import numpy as np
from sqlalchemy import Row

from infertune.types import Generation

TOKEN_BYTES = 4  # of a stored token id


def as_row(generation: Generation) -> dict[str, Any]:
    """Return a generation's columns; the text as bytes, for it may hold half of a surrogate pair."""
    return {
        "sample": generation.sample,
        "finish_reason": generation.finish_reason,
        "text": generation.text.encode("utf-8", "surrogatepass"),
        "token_ids": np.array(generation.token_ids, dtype="<i4").tobytes(),
        "logprobs": np.array(generation.logprobs, dtype="<f4").tobytes(),
        "text_ends": np.array(generation.text_ends, dtype="<i4").tobytes(),
    }


def generation_of(row: Row[Any]) -> Generation:
    """Return the generation whose columns they are; its log probabilities are those of float32."""
    return Generation(
        sample=row.sample,
        text=row.text.decode("utf-8", "surrogatepass"),
        token_ids=tuple(np.frombuffer(row.token_ids, dtype="<i4").tolist()),
        logprobs=tuple(np.frombuffer(row.logprobs, dtype="<f4").tolist()),
        text_ends=tuple(np.frombuffer(row.text_ends, dtype="<i4").tolist()),
        finish_reason=row.finish_reason,
    )
