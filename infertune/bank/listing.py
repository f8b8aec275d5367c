"""All samples that a study has bought, one after the other, as plain records."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, select

from infertune.bank.database import readable_errors
from infertune.bank.rows import TOKEN_BYTES
from infertune.bank.tables import bank_generations, bank_requests

_ROWS = 1000  # read at once


def samples_of(database: Engine, study: str) -> Iterator[Mapping[str, Any]]:
    """Yield a record for each sample, and for each failed request, in the order in which they were bought.

    Args:
        database: As `infertune.bank.database.connect` gave it.
        study: Who paid.
    """
    wanted = (
        select(bank_requests, *(column for column in bank_generations.c if column.name != "request"))
        .outerjoin_from(bank_requests, bank_generations)
        .where(bank_requests.c.study == study)
        .order_by(bank_requests.c.id, bank_generations.c.sample)
    )
    with readable_errors(database), database.connect() as connection:
        for row in connection.execution_options(yield_per=_ROWS).execute(wanted):
            made = row.sample is not None
            yield {
                "example_id": row.example_id,
                "sample": row.sample,
                "seed": int(row.seed),
                **{f"decoding.{name}": value for name, value in json.loads(row.decoding).items()},
                "text": row.text.decode("utf-8", "replace") if made else None,
                "tokens": len(row.token_ids) // TOKEN_BYTES if made else None,
                "finish_reason": row.finish_reason if made else None,
                "prompt_tokens": row.prompt_tokens,
                "seconds": row.seconds,
                "error": row.error,
            }
