"""One process at a time runs a study: a lease is refused while its holder lives, and taken over when it does not."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from infertune.bank import lease as leases
from infertune.bank.lease import Lease
from infertune.engines.leased import LeasedEngine
from infertune.errors import InvalidInputError, StudyInUseError
from infertune.serving.measure.event_log import EventLog
from infertune.study.trial_log import TrialLog
from infertune.testing import FakeEngine
from infertune.types import Decoding, Request

HOLDER = """
import sys, time
from infertune.bank.lease import Lease
with Lease(sys.argv[1], "optimize", "mine"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/study.db"
        return
    if "INFERTUNE_TEST_POSTGRES" not in os.environ:
        pytest.skip("INFERTUNE_TEST_POSTGRES names no server")
    yield os.environ["INFERTUNE_TEST_POSTGRES"]
    change(os.environ["INFERTUNE_TEST_POSTGRES"], "DELETE FROM bank_leases")


@pytest.fixture
def held(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the study; it is not waited for before the test is over."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.send_signal(signal.SIGCONT)
        holder.kill()


def change(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_the_second_is_told_who_holds_it(url: str, held: subprocess.Popen[str]) -> None:
    with pytest.raises(StudyInUseError, match=rf"'mine' .*process {held.pid} on \S+ runs it since \d{{4}}-") as raised:
        Lease(url, "optimize", "mine")
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


def test_other_studies_and_other_commands_are_not_in_the_way(url: str, held: subprocess.Popen[str]) -> None:
    with Lease(url, "optimize", "other") as other, Lease(url, "tune-serving", "mine") as serving:
        other.check()
        serving.check()


def test_it_is_given_back(url: str) -> None:
    for _ in range(2):
        with Lease(url, "optimize", "mine") as lease:
            lease.check()


def test_a_write_that_was_stopped_midway_holds_nobody_up_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    held = Lease(file, "optimize", "mine")
    with closing(sqlite3.connect(file)) as stopped:
        stopped.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        held.close()
        assert time.monotonic() - began < 20.0  # other writers are waited for for a minute
        assert stopped.execute("SELECT count(*) FROM bank_leases").fetchone() == (1,)  # which its death will free


def test_it_is_given_back_by_one_that_fails(url: str) -> None:
    with pytest.raises(SystemExit), Lease(url, "optimize", "mine"):
        sys.exit(143)
    Lease(url, "optimize", "mine").close()


def test_that_of_a_killed_one_is_taken_at_once_though_its_parent_has_not_asked(
    url: str, held: subprocess.Popen[str]
) -> None:
    held.kill()
    deadline = time.monotonic() + 20
    while leases._start_of(held.pid) and time.monotonic() < deadline:  # the kernel takes a moment
        time.sleep(0.01)
    Lease(url, "optimize", "mine").close()


def test_another_process_with_its_pid_is_not_the_holder(url: str, held: subprocess.Popen[str]) -> None:
    change(url, "UPDATE bank_leases SET started = '1'")
    Lease(url, "optimize", "mine").close()


@pytest.mark.parametrize(("age", "is_taken"), [(30, False), (70, True)])
def test_one_on_another_machine_is_believed_for_a_minute(
    url: str, held: subprocess.Popen[str], age: int, is_taken: bool
) -> None:
    held.send_signal(signal.SIGSTOP)
    change(url, f"UPDATE bank_leases SET place = 'elsewhere', host = 'elsewhere', beat = beat - {age}")
    if is_taken:
        Lease(url, "optimize", "mine").close()
        return
    with pytest.raises(StudyInUseError, match=r"on elsewhere .*60 s after its last sign of life"):
        Lease(url, "optimize", "mine")


def test_a_stopped_holder_is_given_up(url: str, held: subprocess.Popen[str]) -> None:
    held.send_signal(signal.SIGSTOP)
    change(url, "UPDATE bank_leases SET beat = beat - 61")
    Lease(url, "optimize", "mine").close()


def test_the_heart_beats(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    with Lease(url, "optimize", "mine"):
        change(url, "UPDATE bank_leases SET beat = 0")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            engine = create_engine(url)
            with engine.connect() as connection:
                beat = connection.execute(text("SELECT beat FROM bank_leases")).scalar_one()
            engine.dispose()
            if abs(beat - time.time()) < 30:
                return
        raise AssertionError("no heartbeat in 20 s")


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lease]:
    """A lease that another process has taken, which its holder looks up each time."""
    monkeypatch.setattr(leases, "_TRUSTED_SECONDS", -1.0)
    with Lease(tmp_path / "study.db", "optimize", "mine") as lease:
        change(f"sqlite:///{tmp_path}/study.db", "UPDATE bank_leases SET token = 'another', pid = 4321")
        yield lease


def test_who_lost_it_is_told(lost: Lease, tmp_path: Path) -> None:
    with pytest.raises(StudyInUseError, match=r"process 4321 on .* has taken over study 'mine'"):
        lost.check()
    lost.close()
    with closing(sqlite3.connect(tmp_path / "study.db")) as connection:
        assert connection.execute("SELECT token FROM bank_leases").fetchall() == [("another",)]


def test_who_lost_it_writes_nothing_more(lost: Lease, tmp_path: Path) -> None:
    log = TrialLog(f"sqlite:///{tmp_path}/study.db", "mine", lost)
    with pytest.raises(StudyInUseError):
        log.note("key", 1)
    assert log.noted("key") is None
    with closing(EventLog(tmp_path / "study.db", "mine", lost)) as events, pytest.raises(StudyInUseError):
        events.note("key", {})


def test_what_is_under_way_lands_and_nothing_more_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_TRUSTED_SECONDS", -1.0)
    url = f"sqlite:///{tmp_path}/study.db"
    requests = [Request(example_id=str(n), prompt="Say something", decoding=Decoding(max_tokens=4)) for n in range(5)]
    engine = FakeEngine()
    landed = []
    with Lease(url, "optimize", "mine") as lease, pytest.raises(StudyInUseError):
        for response in LeasedEngine(engine, lease).generate(requests):
            landed.append(response)
            if len(landed) == 2:
                change(url, "UPDATE bank_leases SET token = 'another'")
    assert len(landed) == len(engine.requests) == 2


def test_a_place_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="folder"):
        Lease("/nope/study.db", "optimize", "mine")
