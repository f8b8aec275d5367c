"""A generation as the bank's columns hold it, and back; and the digest by which damage to a purchase is noticed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Row

from infertune.bank.keys import canonical_json, digest_of
from infertune.bank.tables import bank_generations, bank_requests
from infertune.types import Generation

TOKEN_BYTES = 4  # of a stored token id
PURCHASE = tuple(column for column in bank_requests.c if column.name != "landed_at")
"""What is read of a purchase so that `changed` can judge it."""

_BOUGHT = tuple(column.name for column in PURCHASE if column.name not in ("id", "digest"))
_SAMPLE = tuple(column.name for column in bank_generations.c if column.name != "request")


def purchase_digest(bought: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> str:
    """Return the digest of a whole purchase: its columns and those of its samples."""
    ordered = sorted(samples, key=lambda sample: str(sample["sample"]).zfill(9))
    return digest_of(canonical_json(dict(bought)), *(str(dict(sample)).encode() for sample in ordered))


def changed(rows: Sequence[Row[Any]]) -> str:
    """Return what is not as it was bought in purchases, each with all of its samples in a row; empty where all is."""
    for number, group in groupby(rows, key=lambda row: row.id):
        whole = [row._mapping for row in group]
        samples = [{name: row[name] for name in _SAMPLE} for row in whole if row["sample"] is not None]
        bought = {name: whole[0][name] for name in _BOUGHT}
        is_whole = False
        with suppress(TypeError):  # bytes where a text or a number was
            is_whole = purchase_digest(bought, samples) == whole[0]["digest"]
        if not is_whole:
            return f"purchase {number}"
    return ""


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
