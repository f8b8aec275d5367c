"""What a study has paid, as the bank has it booked."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, not_, select

from infertune.bank.database import damaged, readable_errors
from infertune.bank.tables import KEYS_PER_QUERY, RESCUE, bank_requests
from infertune.bank.usage import Usage

_SUMMED = ("prompt_tokens", "completion_tokens", "extra_prompt_tokens", "extra_completion_tokens", "seconds")


def spent(database: Engine, study: str, keys: Sequence[str] | None = None) -> Usage:
    """Return the sum of a study's purchases: of all, or of those under some keys.

    Raises:
        DataUnavailableError: A price is damaged.
    """
    own = bank_requests.c.study == study
    found = Usage()
    with readable_errors(database), database.connect() as connection:
        if keys is None:
            return _sum(database, connection, own)
        unique = list(dict.fromkeys(keys))
        for start in range(0, len(unique), KEYS_PER_QUERY):
            some = bank_requests.c.key.in_(unique[start : start + KEYS_PER_QUERY])
            found += _sum(database, connection, own & some)
    return found


def by_prompt(database: Engine, study: str) -> Iterator[tuple[str, str, Usage]]:
    """Yield what a study has paid for each example under each prompt: the example's id, the prompt's digest, the sum.

    Raises:
        DataUnavailableError: The database is damaged.
    """
    columns = bank_requests.c
    failed = (columns.error != "").label("failed")
    sums = [func.sum(columns[name]).label(name) for name in _SUMMED]
    by = (columns.example_id, columns.prompt, failed)
    asked = select(*by, func.count().label("n"), *sums).where(columns.study == study).group_by(*by)
    with readable_errors(database), database.connect() as connection:
        for row in connection.execute(asked):
            yield (
                row.example_id,
                row.prompt,
                Usage(
                    prompt_tokens=0 if row.failed else int(row.prompt_tokens),
                    completion_tokens=0 if row.failed else int(row.completion_tokens),
                    extra_prompt_tokens=int(row.extra_prompt_tokens),
                    extra_completion_tokens=int(row.extra_completion_tokens),
                    n_requests=0 if row.failed else int(row.n),
                    n_failed=int(row.n) if row.failed else 0,
                    seconds=float(row.seconds),
                ),
            )


def _sum(database: Engine, connection: Connection, chosen: ColumnElement[bool]) -> Usage:
    failed = (bank_requests.c.error != "").label("failed")
    sums = [func.sum(bank_requests.c[name]).label(name) for name in _SUMMED]
    if database.url.get_backend_name() == "sqlite":  # which keeps a text in a column of numbers
        is_number = and_(*(func.typeof(bank_requests.c[name]).in_(("integer", "real")) for name in _SUMMED))
        odd = connection.execute(select(bank_requests.c.id).where(chosen, not_(is_number)).limit(1)).scalar()
        if odd is not None:
            raise damaged(database, f"the price of purchase {odd}", "it is no number", rescue=RESCUE)
    asked = select(failed, func.count().label("n"), *sums).where(chosen).group_by(failed)
    parts = {bool(row.failed): row for row in connection.execute(asked)}
    answered, lost = parts.get(False), parts.get(True)
    both = [row for row in (answered, lost) if row is not None]
    return Usage(
        prompt_tokens=int(answered.prompt_tokens) if answered else 0,
        completion_tokens=int(answered.completion_tokens) if answered else 0,
        extra_prompt_tokens=sum(int(row.extra_prompt_tokens) for row in both),
        extra_completion_tokens=sum(int(row.extra_completion_tokens) for row in both),
        n_requests=int(answered.n) if answered else 0,
        n_failed=int(lost.n) if lost else 0,
        seconds=sum(float(row.seconds) for row in both),
    )
