"""The trial log, read back by us, by Optuna and by a real optuna-dashboard."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx
import optuna
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from infertune.bank import SampleBank
from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.space.default_space import default_space
from infertune.study.trial_log import LoggedTrial, TrialLog
from infertune.testing import FakeEngine
from infertune.types import Configuration, Decoding, Request
from infertune.types.evidence import Order

SPACE = default_space(prompts=("short", "long"), max_tokens=(4, 8))
SAMPLED = SPACE.default_configuration()
GREEDY = Configuration(
    {
        **{name: value for name, value in SAMPLED.items() if name.split(".")[1] not in ("top_p", "top_k", "min_p")},
        "decoding.temperature": 0.0,
    }
)


def trial(number: int, configuration: Configuration = SAMPLED, **changes: object) -> LoggedTrial:
    request_part = SPACE.tier("request").configuration(
        {k: v for k, v in configuration.items() if k in SPACE.tier("request")}
    )
    settings = {
        "number": number,
        "configuration": dict(request_part),
        "n_planned": 24,
        "n_examples": 23,
        "chosen": dict(configuration),
        "utility": 0.1 + 0.2,  # not a round number in binary
        "cost_tokens": 31.4,
    }
    return LoggedTrial(**{**settings, **changes})  # type: ignore[arg-type]


FAILED = {"chosen": {}, "utility": None, "cost_tokens": None, "n_examples": 0, "cause": "every request failed"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return SampleBank(tmp_path / "study.db").url


def test_trials_come_back_as_they_were_in_another_process_too(url: str) -> None:
    part = SPACE.tier("request").configuration({k: v for k, v in SAMPLED.items() if k in SPACE.tier("request")})
    order = Order(configuration=part, examples=(7, 2, 9), n_samples=3, max_tokens=4)
    ordered = trial(3, order=order, unanswered=(2,))
    whole = trial(4, order=replace(order, max_tokens=None))
    written = [trial(0), trial(1, GREEDY, over_cap_tokens=0.5), trial(2, **FAILED), ordered, whole]
    log = TrialLog(url, "mine")
    for each in written:
        log.append(SPACE, each)
    assert log.trials() == written
    assert TrialLog(url, "mine").trials() == written
    assert TrialLog(url, "other").trials() == []


def test_a_log_from_before_there_were_orders_is_read(url: str) -> None:
    log = TrialLog(url, "mine")
    log.append(SPACE, trial(0))
    study = optuna.load_study(study_name="mine", storage=url)
    kept = study.trials[0]
    record = {
        k: v for k, v in json.loads(kept.user_attrs["infertune:trial"]).items() if k not in ("order", "unanswered")
    }
    older = optuna.create_study(storage=url, study_name="older", directions=["maximize", "minimize"])
    kept.user_attrs["infertune:trial"] = json.dumps(record)
    del kept.user_attrs["infertune:digest"]
    older.add_trial(kept)
    assert TrialLog(url, "older").trials() == [trial(0)]


def test_optuna_sees_the_trials_as_a_study_of_its_own(url: str) -> None:
    log = TrialLog(url, "mine")
    for each in (trial(0), trial(1, GREEDY, utility=0.9), trial(2, **FAILED)):
        log.append(SPACE, each)
    study = optuna.load_study(study_name="mine", storage=url)
    assert [each.value for each in study.directions] == [2, 1]  # utility is maximised, tokens are minimised
    assert study.metric_names == ["utility", "tokens_per_request"]
    assert [each.state.name for each in study.trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert study.trials[1].values == [0.9, 31.4]
    assert study.trials[1].params == dict(GREEDY)
    assert "decoding.top_p" not in study.trials[1].params  # absent, not ignored
    assert {each.number for each in study.best_trials} == {1}


def test_notes_are_kept_and_replaced(url: str) -> None:
    log = TrialLog(url, "mine")
    assert log.noted("plan") is None
    log.note("plan", {"n": 3, "share": 0.1})
    log.note("plan", {"n": 4, "names": ["a"], "none": None})
    assert TrialLog(url, "mine").noted("plan") == {"n": 4, "names": ["a"], "none": None}
    assert TrialLog(url, "other").noted("plan") is None


def test_a_study_goes_on_only_under_the_settings_it_began_with(url: str) -> None:
    settings = {"task": "capitals", "seed": 0, "cap": None, "space": ["a", "b"]}
    TrialLog(url, "mine").claim(settings)
    TrialLog(url, "mine").claim(settings)
    TrialLog(url, "other").claim({**settings, "seed": 1})
    with pytest.raises(InvalidInputError, match=r"seed was 0, now 1; cap was None, now 50; give another study"):
        TrialLog(url, "mine").claim({**settings, "seed": 1, "cap": 50})


def test_optuna_dashboard_opens_the_file_with_the_bank_in_it(tmp_path: Path) -> None:
    engine = FakeEngine()
    bank = SampleBank(tmp_path / "study.db")
    request = Request(example_id="a", prompt="Say something", decoding=Decoding(max_tokens=4), samples=(0, 1))
    for response in engine.generate([request]):
        bank.put("mine", engine.facts, response)
    log = TrialLog(bank.url, "mine")
    log.append(SPACE, trial(0))
    log.append(SPACE, trial(1, GREEDY, utility=0.9))
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    command = [str(Path(sys.executable).parent / "optuna-dashboard"), bank.url, "--host", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as dashboard:
        try:
            studies = asked(f"http://127.0.0.1:{port}/api/studies", dashboard)["study_summaries"]
            assert [study["study_name"] for study in studies] == ["mine"]
            shown = asked(f"http://127.0.0.1:{port}/api/studies/{studies[0]['study_id']}?after=0", dashboard)
            assert [each["values"] for each in shown["trials"]] == [[0.1 + 0.2, 31.4], [0.9, 31.4]]
            assert shown["objective_names"] == ["utility", "tokens_per_request"]
        finally:
            dashboard.terminate()
    assert not bank.missing(engine.facts, [request])


def asked(address: str, server: subprocess.Popen[bytes]) -> dict[str, list[dict[str, object]]]:
    """Return what the server answers, once it is up."""
    for _ in range(300):
        assert server.poll() is None, "optuna-dashboard ended by itself"
        try:
            answer = httpx.get(address, timeout=30)
        except httpx.ConnectError:
            time.sleep(0.1)
            continue
        answer.raise_for_status()
        return answer.json()
    raise AssertionError("optuna-dashboard did not answer within half a minute")


def test_whenever_the_maker_of_a_file_is_killed_it_is_whole_in_the_end(tmp_path: Path) -> None:
    program = [sys.executable, str(Path(__file__).parent / "dying.py"), str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["whole"]["trials"] == found["whole"]["studies"] == 1
    assert len(found["died"]) >= 60  # tables, indices, rows and commits
    for moment, held in enumerate(found["died"], start=1):
        assert held == found["whole"], f"the maker of the file died at moment {moment}"


OPENER = """
import sys, time
from pathlib import Path
import alembic.migration, optuna.storages
from infertune.bank import SampleBank
from infertune.study.trial_log import TrialLog

folder, number = Path(sys.argv[1]), int(sys.argv[2])
for index, place in enumerate(sys.argv[3:]):
    print("ready", flush=True)
    while not (folder / f"go{index}").exists():
        time.sleep(0.0005)
    TrialLog(SampleBank(place).url, f"study {number % 2}").note(f"key {number}", number)
"""

READER = """
import sys
from infertune.study.trial_log import TrialLog

for place in sys.argv[1:]:
    print([TrialLog(place, f"study {number % 2}").noted(f"key {number}") for number in range(4)])
"""


def open_at_once(places: list[str], folder: Path) -> None:
    """Let four processes open each new database in the same moment, and look for what every one wrote there."""
    command = [sys.executable, "-c", OPENER, str(folder)]
    with ExitStack() as stack:
        openers = []
        for number in range(4):
            opener = subprocess.Popen(
                [*command, str(number), *places], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(opener)
            stack.callback(opener.kill)  # it would wait for ever when another has failed
            openers.append(opener)
        for index in range(len(places)):
            for opener in openers:
                assert opener.stdout is not None and opener.stdout.readline() == "ready\n", opener.communicate()[1]
            (folder / f"go{index}").touch()
        for opener in openers:
            _, said = opener.communicate(timeout=60)
            assert opener.returncode == 0, said
    reader = subprocess.run([sys.executable, "-c", READER, *places], capture_output=True, text=True, check=False)
    assert reader.stdout == "[0, 1, 2, 3]\n" * len(places), reader.stderr


def test_processes_may_open_one_new_file_at_once(tmp_path: Path) -> None:
    open_at_once([f"sqlite:///{tmp_path}/{number}.db" for number in range(3)], tmp_path)


@pytest.mark.skipif("INFERTUNE_TEST_POSTGRES" not in os.environ, reason="INFERTUNE_TEST_POSTGRES names no server")
def test_processes_may_open_one_new_postgresql_database_at_once(tmp_path: Path) -> None:
    server, names = make_url(os.environ["INFERTUNE_TEST_POSTGRES"]), [f"infertune_{time.time_ns()}" for _ in range(4)]
    with create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            open_at_once([server.set(database=name).render_as_string(hide_password=False) for name in names], tmp_path)
        finally:
            for name in names:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_what_a_database_refuses_is_said_in_one_line(url: str, tmp_path: Path) -> None:
    log = TrialLog(url, "mine")
    with closing(sqlite3.connect(tmp_path / "study.db")) as connection:
        connection.execute("DROP TABLE study_user_attributes")
    with pytest.raises(DataUnavailableError, match=r"study\.db cannot be used: no such table: study_user_attributes"):
        log.note("key", 1)
