"""Opens the database that the bank shares with the trial log: a SQLite file by default, PostgreSQL by URL."""

import shlex
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    MetaData,
    create_engine,
    event,
    func,
    inspect,
    literal_column,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.schema import CreateIndex, CreateTable

from infertune.errors import DataUnavailableError, InvalidInputError

BUSY_SECONDS = 60  # how long a writer waits for its turn before it gives up
_CREATION_LOCK = 0x696E666572  # any number that all infertunes agree on
_SIGNS_OF_DAMAGE = ("malformed", "Could not decode to UTF-8", "disk I/O error")  # in SQLite's own words
_OPTUNA_TABLES = {"alembic_version", "studies", "version_info"}


def connect(url_or_path: str | Path, *, own_prefix: str) -> Engine:
    """Return an engine for a database that is ours, is the trial log's, or is new.

    Args:
        url_or_path: ``postgresql+psycopg://...``, ``sqlite:///file`` or the path of a SQLite file, made when absent.
        own_prefix: What our tables' names begin with; a SQLite file with other people's tables alone is refused.

    Raises:
        InvalidInputError: No such URL or folder, not a database, or somebody else's.
        DataUnavailableError: The file is damaged, locked or not writable, or the server or its driver is not there.
    """
    url = _url(url_or_path)
    try:
        engine = create_engine(url)
    except ModuleNotFoundError as error:
        raise DataUnavailableError(
            f"a database at {url.render_as_string()} needs the Python package '{error.name}': pip install {error.name}"
        ) from error
    except NoSuchModuleError as error:
        raise InvalidInputError(
            f"there is no database driver '{url.drivername}'; use sqlite or postgresql+psycopg"
        ) from error
    with readable_errors(engine):
        if url.get_backend_name() == "sqlite":
            names = set(inspect(engine).get_table_names())
            engine.dispose()
            event.listen(engine, "connect", _prepare_sqlite)  # only now, for it changes the file
            if names and not names & _OPTUNA_TABLES and not any(name.startswith(own_prefix) for name in names):
                raise InvalidInputError(
                    f"{url.database} must be a study's file or a new one, but holds the tables of another program: "
                    f"{', '.join(sorted(names)[:4])}"
                )
    return engine


def create_tables(engine: Engine, tables: MetaData) -> None:
    """Create what is missing of the tables and indices; several processes may do so at once."""
    with engine.begin() as connection:
        if engine.url.get_backend_name() == "postgresql":  # its IF NOT EXISTS fails when two processes find nothing
            connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
        for table in tables.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))


@contextmanager
def readable_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors, bare or in a library's own, into ones that say what is wrong with which database."""
    try:
        yield
    except UnicodeDecodeError as unreadable:  # of SQLite's own message, which repeats a name that is damaged
        raise damaged(engine, "a name", "it is no text", rescue=_recover(engine)) from unreadable
    except Exception as raised:
        error = raised if isinstance(raised, DBAPIError) else raised.__cause__
        if not isinstance(error, DBAPIError):
            raise
        where = _name(engine)
        said = " ".join(str(error.orig).split())
        if "not a database" in said:
            raise InvalidInputError(f"{where} must be a SQLite file or a new one, but is something else") from error
        if any(sign in said for sign in _SIGNS_OF_DAMAGE):
            raise DataUnavailableError(f"{where} is damaged ({said}); {_recover(engine)}") from error
        raise DataUnavailableError(f"the database {where} cannot be used: {said}") from error


def damaged(engine: Engine, what: str, why: str, *, rescue: str = "restore a copy of it") -> DataUnavailableError:
    """Return the error that says what in a database is not what was written there, and what can be done."""
    return DataUnavailableError(f"{_name(engine)} is damaged: {what} cannot be read ({why}); {rescue}")


def wait_at_most(connection: Connection, seconds: float) -> None:
    """Let a connection fail sooner than others where another writer holds the database."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(1000 * seconds)}")
    else:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(1000 * seconds)}")


def check_pages(engine: Engine) -> None:
    """Refuse a SQLite file whose pages are damaged: 2 ms a megabyte, before anything is paid for.

    Raises:
        DataUnavailableError: SQLite finds something wrong.
    """
    if engine.url.get_backend_name() != "sqlite":
        return
    with engine.connect() as connection:
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if found != "ok":
        raise damaged(engine, "a page", " ".join(found.split()), rescue=_recover(engine))


def check_whole(engine: Engine, names: Sequence[str]) -> None:
    """Refuse a database that has lost a table: making it anew would lose what was paid for without a word.

    Args:
        engine: As `connect` gave it.
        names: Of tables that are all there before one of them gets a row.

    Raises:
        DataUnavailableError: One is missing, and another has rows.
    """
    there = set(inspect(engine).get_table_names())
    lost = [name for name in names if name not in there]
    with engine.connect() as connection:
        for name in there.intersection(names) if lost else ():
            if connection.execute(select(literal_column("1")).select_from(table(name)).limit(1)).first():
                raise damaged(engine, f"the table {lost[0]}", "it is not there")


def _recover(engine: Engine) -> str:
    file = shlex.quote(_name(engine))
    return f"restore a copy, or keep what is whole with `sqlite3 {file} .recover | sqlite3 recovered.db`"


def _name(engine: Engine) -> str:
    """Return a database's file, or its URL without the password."""
    is_file = engine.url.get_backend_name() == "sqlite"
    return str(engine.url.database) if is_file else engine.url.render_as_string()


def _url(url_or_path: str | Path) -> URL:
    text = str(url_or_path)
    if "://" in text:
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):  # the latter of a port that is none; neither repeats a password
            raise InvalidInputError(
                "a database URL must look like postgresql://host/name, and what was given does not"
            ) from None
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise InvalidInputError(f"a database URL must begin with sqlite or postgresql, but is '{url}'")
        return url
    path = Path(text).expanduser()
    if not path.parent.is_dir():
        raise InvalidInputError(f"the folder of a study's file must exist, but {path.parent} does not")
    if path.is_dir():
        raise InvalidInputError(f"a study's file must be a file, but {path} is a folder")
    return URL.create("sqlite", database=str(path))


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Set what makes a file safe for many processes and for one that is killed: a write-ahead log, and patience."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA synchronous = NORMAL")
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # several processes open a new file at once: SQLite does not wait
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
