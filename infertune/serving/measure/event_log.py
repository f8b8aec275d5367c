"""What was paid for, on disk: every start of a server and every burst, each under a key that says what it was."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, UniqueConstraint, delete, insert, select

from infertune.bank.database import connect, create_tables, damaged, readable_errors
from infertune.bank.lease import Lease
from infertune.bank.sealed import seal, unseal
from infertune.errors import InvalidInputError

_TABLES = MetaData()
_EVENTS = Table(
    "bank_serving_events",
    _TABLES,
    Column("id", Integer, primary_key=True),
    Column("study", Text, nullable=False),
    Column("key", String(400), nullable=False),
    Column("value", Text, nullable=False),  # JSON
    UniqueConstraint("study", "key"),
)
_SETTINGS = "settings"
_LONG = 120  # characters, of a setting that no message should repeat


class EventLog:
    """Reads and writes the events of one study; what `note` was given is on disk when it returns.

    Args:
        url_or_path: As `infertune.bank.database.connect` takes it; the same file as samples and trials, or another.
        study: Its name.
        lease: Of the study; None where no other process can run it.

    Raises:
        InvalidInputError: The database is not ours to write.
    """

    def __init__(self, url_or_path: str | Path, study: str, lease: Lease | None = None) -> None:
        self._study = study
        self._lease = lease
        self._engine = connect(url_or_path, own_prefix="bank_")
        with readable_errors(self._engine):
            create_tables(self._engine, _TABLES)
            with self._engine.connect() as connection:
                rows = connection.execute(select(_EVENTS.c.key, _EVENTS.c.value).where(_EVENTS.c.study == study))
                self._known: dict[str, Any] = {key: self._unsealed(key, value) for key, value in rows}

    def noted(self, key: str) -> Any:
        """Return the JSON value that was noted under this key, or None."""
        return self._known.get(key)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return all keys with their values, in no order."""
        return self._known.items()

    def check_held(self) -> None:
        """Raise StudyInUseError where another process has taken the study over; nothing may be spent then."""
        if self._lease is not None:
            self._lease.check()

    def note(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep a JSON object under a new key.

        Raises:
            StudyInUseError: Another process has taken the study over.
        """
        self.check_held()
        with readable_errors(self._engine), self._engine.begin() as connection:
            connection.execute(insert(_EVENTS).values(study=self._study, key=key, value=seal(value, self._study, key)))
        self._known[key] = json.loads(json.dumps(value))

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Bind the study to its settings, once it has begun anything.

        Raises:
            InvalidInputError: It began with other ones.
        """
        wanted = json.loads(json.dumps(settings))
        known = self.noted(_SETTINGS)
        if known is not None and set(self._known) == {_SETTINGS}:  # refused before it began
            with readable_errors(self._engine), self._engine.begin() as connection:
                connection.execute(delete(_EVENTS).where(_EVENTS.c.study == self._study))
            known = None
        if known is None:
            self.note(_SETTINGS, wanted)
            return
        differing = [_difference(key, known, wanted[key]) for key in wanted if wanted[key] != known.get(key)]
        if differing:
            raise InvalidInputError(
                f"study '{self._study}' must go on with what it began with, but {'; '.join(differing)}; give another "
                "`study` name"
            )

    def _unsealed(self, key: str, text: str) -> Any:
        try:
            value, _ = unseal(text, self._study, key)
            if not isinstance(value, dict):
                raise ValueError("it is no JSON object")
        except ValueError as error:
            raise damaged(self._engine, f"the record '{key}' of study '{self._study}'", str(error)) from error
        return value

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _difference(key: str, known: Mapping[str, Any], now: Any) -> str:
    if key not in known:
        return "an earlier version began it"
    was = str(known[key])
    return f"{key} was {was}, now {now}" if max(len(was), len(str(now))) < _LONG else f"it had other {key}"
