"""Which studies a database holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, column, inspect, select, table

from infertune.bank.database import connect, readable_errors
from infertune.errors import InvalidInputError, nearest

_DECODING = ("studies", "study_name", "study_id")  # Optuna's
_SERVING = ("bank_serving_events", "study", "id")


@contextmanager
def opened(database: str | Path) -> Iterator[Engine]:
    """Open a database that is there.

    Raises:
        InvalidInputError: There is no such file, or it is another program's.
        DataUnavailableError: It is damaged, or not reachable.
    """
    if "://" not in str(database) and not Path(database).expanduser().is_file():
        raise InvalidInputError(f"`database` must be the file of a study, but there is no {database}")
    engine = connect(database, own_prefix="bank_")
    try:
        with readable_errors(engine):
            yield engine
    finally:
        engine.dispose()


def decoding_names(engine: Engine) -> list[str]:
    """Return the studies of decoding settings and of functions, the oldest first.

    A joint search keeps studies within its own, called ``NAME/...``, which are none of these.
    """
    found = _names(engine, *_DECODING)
    outer = [name.removesuffix("/joint") for name in found if name.endswith("/joint")]
    return [name for name in found if not any(name.startswith(f"{each}/") for each in outer)]


def serving_names(engine: Engine) -> list[str]:
    """Return the studies of serving settings, the oldest first."""
    return _names(engine, *_SERVING)


def the_one(engine: Engine, name: str | None) -> str:
    """Return the name of a study of decoding settings: the only one, where none is said.

    Raises:
        InvalidInputError: There is no such study, or there are several and none is said.
    """
    names = decoding_names(engine)
    if name in names:
        return str(name)
    where = engine.url.render_as_string() if engine.url.get_backend_name() != "sqlite" else engine.url.database
    if name is not None and name in serving_names(engine):
        raise InvalidInputError(
            f"'{name}' in {where} is a study of `infertune tune-serving`: the same command with the same options "
            "gives its answer again"
        )
    if name is not None:
        raise InvalidInputError(f"no study in {where} is called '{name}'{nearest(name, names)}")
    if len(names) == 1:
        return names[0]
    held = f"holds {len(names)}: {', '.join(names[-10:])}" if names else "holds none"
    raise InvalidInputError(f"`study` must name a study, for {where} {held}")


def _names(engine: Engine, source: str, name: str, order: str) -> list[str]:
    if source not in inspect(engine).get_table_names():
        return []
    with engine.connect() as connection:
        asked: Select[Any] = select(column(name)).select_from(table(source)).order_by(column(order))
        return list(dict.fromkeys(str(row[0]) for row in connection.execute(asked)))
