"""A study's lease: a row in its database that says which process runs it, so that two never spend in one name.

The holder's heartbeat renews the row. A lease is taken over where its holder is dead, which is seen at once on the
same machine, or has not been heard of for `EXPIRY_SECONDS`, by the database's own clock. So a holder that was stopped
must look before it goes on: `Lease.check`.
"""

import os
import secrets
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    literal_column,
    select,
    update,
)

from infertune.bank.database import check_pages, connect, create_tables, readable_errors, wait_at_most
from infertune.bank.tables import INSERT
from infertune.errors import InfertuneError, StudyInUseError

BEAT_SECONDS = 5.0
EXPIRY_SECONDS = 60.0
_LAST_SECONDS = 2.0  # of patience when it is given back: who stopped within a write may hold the file until the end
_TRUSTED_SECONDS = 20.0  # after a heartbeat; well below the expiry, and above what a slow disk delays one by

Kind = Literal["optimize", "tune-serving"]
"""Whose study: the two keep their names apart."""

_TABLES = MetaData()
_LEASES = Table(
    "bank_leases",
    _TABLES,
    Column("kind", String(16), primary_key=True),
    Column("study", Text, primary_key=True),
    Column("token", String(32), nullable=False),
    Column("place", Text, nullable=False),  # where its pid means something
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),  # when the process was, in any form that stays the same
    Column("since", Float, nullable=False),  # seconds since 1970, as the database's clock has it
    Column("beat", Float, nullable=False),  # likewise
)
_NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch from clock_timestamp())::float8",
}
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


class Lease:
    """Holds a study until it is closed; its heart beats in a thread.

    Args:
        url_or_path: As `infertune.bank.database.connect` takes it.
        kind: Whose study; ``study`` is its name.

    Raises:
        StudyInUseError: Another process holds it.
        InvalidInputError: The database is not ours to write.
        DataUnavailableError: It is damaged, not writable, or not reachable.
    """

    def __init__(self, url_or_path: str | Path, kind: Kind, study: str) -> None:
        self._engine = connect(url_or_path, own_prefix="bank_")
        self._study = study
        self._is_ours = (_LEASES.c.kind == kind) & (_LEASES.c.study == study)
        self._now: Any = literal_column(_NOW[self._engine.url.get_backend_name()], Float)
        self._token = secrets.token_hex(16)
        self._loss: InfertuneError | None = None
        self._closing = threading.Event()
        self._renewing = threading.Lock()
        with readable_errors(self._engine):
            check_pages(self._engine)
            create_tables(self._engine, _TABLES)
            self._take(kind)
        self._heart = threading.Thread(target=self._beat, name="heartbeat of a study", daemon=True)
        self._heart.start()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def check(self) -> None:
        """Return if the lease is still held; costs nothing shortly after a heartbeat.

        Raises:
            StudyInUseError: Another process has taken the study over, for this one was not heard of for too long.
            DataUnavailableError: The database cannot be asked.
        """
        if self._loss is None and time.clock_gettime(_CLOCK) - self._renewed > _TRUSTED_SECONDS:
            self._renew()
        if self._loss is not None:
            raise self._loss

    def close(self) -> None:
        """Give the lease back, if it is still held; it may be called twice.

        Where another holds the database for long it stays, until it expires or this process ends.
        """
        self._closing.set()
        self._heart.join(timeout=BEAT_SECONDS)
        with suppress(InfertuneError), readable_errors(self._engine), self._engine.begin() as connection:
            wait_at_most(connection, _LAST_SECONDS)
            connection.execute(delete(_LEASES).where(self._is_ours, _LEASES.c.token == self._token))
        self._engine.dispose()

    def _take(self, kind: Kind) -> None:
        """Enter this process as the holder, in place of nobody, of a dead one or of one that is not heard of."""
        mine = {
            "token": self._token,
            "place": _place(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _start_of(os.getpid()),
            "since": self._now,
            "beat": self._now,
        }
        insert = INSERT[self._engine.url.get_backend_name()]
        self._renewed = time.clock_gettime(_CLOCK)
        while True:
            with self._engine.begin() as connection:
                new = insert(_LEASES).values(kind=kind, study=self._study, **mine).on_conflict_do_nothing()
                connection.execute(new)  # how many rows it made, not every driver tells
                holder = connection.execute(select(_LEASES, self._now.label("now")).where(self._is_ours)).one_or_none()
                if holder is None:  # given back in this moment
                    continue
                if holder.token == self._token:
                    return
                if not _is_gone(holder):
                    raise StudyInUseError(self._in_use(holder))
                is_same = (_LEASES.c.token == holder.token) & (_LEASES.c.beat == holder.beat)
                if connection.execute(update(_LEASES).where(self._is_ours, is_same).values(mine)).rowcount:
                    return

    def _in_use(self, holder: Row[Any]) -> str:
        elsewhere = "" if holder.place == _place() else f", or {EXPIRY_SECONDS:.0f} s after its last sign of life"
        return (
            f"study '{self._study}' must be run by one process at a time, but {_described(holder)} runs it since "
            f"{_clock_time(holder.since)} (last sign of life {max(holder.now - holder.beat, 0):.0f} s ago); run this "
            f"again when that has ended{elsewhere}, or give another `study` name"
        )

    def _beat(self) -> None:
        while not self._closing.wait(BEAT_SECONDS) and self._loss is None:
            with suppress(InfertuneError):  # `check` says it, before anything more is spent
                self._renew()

    def _renew(self) -> None:
        """Renew the lease, or find out that it was lost."""
        with self._renewing:
            before = time.clock_gettime(_CLOCK)
            with readable_errors(self._engine), self._engine.begin() as connection:
                held = self._is_ours & (_LEASES.c.token == self._token)
                if connection.execute(update(_LEASES).where(held).values(beat=self._now)).rowcount:
                    self._renewed = before
                    return
                holder = connection.execute(select(_LEASES).where(self._is_ours)).one_or_none()
            if not self._closing.is_set():
                whom = "another process" if holder is None else _described(holder)
                self._loss = StudyInUseError(
                    f"{whom} has taken over study '{self._study}', for this process had given no sign of life for "
                    f"{before - self._renewed:.0f} s; it ends here and spends nothing more; what it paid for is kept"
                )


def _is_gone(holder: Row[Any]) -> bool:
    """Whether a holder is dead as far as it can be told from here, or has not been heard of for too long."""
    is_dead = holder.place == _place() and _start_of(holder.pid) != holder.started
    return bool(is_dead or holder.now - holder.beat > EXPIRY_SECONDS)


def _described(holder: Row[Any]) -> str:
    return f"process {holder.pid} on {holder.host}"


def _clock_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _place() -> str:
    """Return what names this machine until it is started again, and the container where pids are its own."""
    names = [socket.gethostname()]
    with suppress(OSError):
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        names.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(names)


def _start_of(pid: int) -> str:
    """Return when a process was started, so that another one with its pid is told apart; empty where it is dead."""
    if Path("/proc/self/stat").exists():
        try:
            state, *others = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if state in "ZX" else others[18]  # man 5 proc: starttime is the 20th field after the name
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()
