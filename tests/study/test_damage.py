"""Damage to a study's file ends in one line or changes nothing: never a traceback, and never another answer."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from planted import SEARCHES, make_study, plain, write_task

from infertune.bank import SampleBank
from infertune.bank.lease import Lease
from infertune.budget import Budget
from infertune.errors import InfertuneError
from infertune.study.trial_log import TrialLog

PAGE = 4096
TABLES = (
    *("bank_engines", "bank_prompts", "bank_requests", "bank_generations", "bank_schema", "bank_trial_evidence"),
    *("studies", "study_directions", "study_user_attributes", "study_system_attributes"),
    *("trials", "trial_values", "trial_params", "trial_user_attributes", "version_info", "alembic_version"),
)
ELSEWHERE = ("[]", '"x"', "7", "null", "{", '"{}"', '"[1, 2]"', '"{\\"value\\": 1, \\"digest\\": \\"0\\"}"')

Damage = Callable[[Path], None]


def sql(*statements: str) -> Damage:
    def damage(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return damage


def in_bytes(change: Callable[[bytearray], Any]) -> Damage:
    def damage(file: Path) -> None:
        content = bytearray(file.read_bytes())
        left = change(content)
        file.write_bytes(content if left is None else left)

    return damage


def flipped(places: Callable[[bytearray], Iterator[int] | range | list[int]], seed: int) -> Damage:
    source = random.Random(seed)

    def change(content: bytearray) -> None:
        for place in places(content):
            content[place] ^= 1 << source.randrange(8)

    return in_bytes(change)


def anywhere(n: int, seed: int) -> Damage:
    source = random.Random(seed)
    return flipped(lambda content: [source.randrange(len(content)) for _ in range(n)], seed)


def zeroed(share: float) -> Damage:
    def change(content: bytearray) -> None:
        page = int(share * (len(content) // PAGE))
        content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)

    return in_bytes(change)


BY_HAND: dict[str, Damage] = {
    **{f"without {name}": sql(f"DROP TABLE {name}") for name in TABLES},
    **{
        f"notes are {text}": sql(
            f"UPDATE study_user_attributes SET value_json = '{text}' WHERE key LIKE 'infertune:%'"
        )
        for text in ELSEWHERE
    },
    **{
        f"the plan is {text}": sql(f"UPDATE study_user_attributes SET value_json = '{text}' WHERE key LIKE '%plan'")
        for text in ELSEWHERE
    },
    **{
        f"records are {text}": sql(f"UPDATE trial_user_attributes SET value_json = '{text}' WHERE key LIKE '%:trial'")
        for text in ELSEWHERE
    },
    "records without digests": sql("DELETE FROM trial_user_attributes WHERE key LIKE '%digest'"),
    "records in another order": sql(
        "UPDATE trials SET number = 1000 WHERE number = 1",
        "UPDATE trials SET number = 1 WHERE number = 2",
        "UPDATE trials SET number = 2 WHERE number = 1000",
    ),
    "a trial lost": sql("DELETE FROM trials WHERE number = 2"),
    "utilities edited": sql(
        "UPDATE trial_user_attributes SET value_json = replace(value_json, '\"utility\\\": 0', '\"utility\\\": 1')"
    ),
    "evidence edited": sql("UPDATE bank_trial_evidence SET evidence = zeroblob(40)"),
    "evidence as text": sql("UPDATE bank_trial_evidence SET evidence = 'x'"),
    "another direction": sql("UPDATE study_directions SET direction = 'SIDEWAYS'"),
    "another state": sql("UPDATE trials SET state = 'ODD' WHERE number = 1"),
    "prices as text": sql("UPDATE bank_requests SET prompt_tokens = 'many' WHERE id = 3"),
    "a price edited": sql("UPDATE bank_requests SET prompt_tokens = prompt_tokens + 1 WHERE id = 3"),
    "seconds as text": sql("UPDATE bank_requests SET seconds = 'long' WHERE id = 3"),
    "a limit as text": sql("UPDATE bank_requests SET max_tokens = 'x' WHERE id = 3"),
    "a text edited": sql("UPDATE bank_generations SET text = x'6131' WHERE request = 3"),
    "a text that is none": sql("UPDATE bank_generations SET text = x'ff' WHERE request = 3"),
    "token ids cut": sql("UPDATE bank_generations SET token_ids = x'00' WHERE request = 3"),
    "token ids as numbers": sql("UPDATE bank_generations SET token_ids = 5 WHERE request = 3"),
    "a sample as text": sql("UPDATE bank_generations SET logprobs = 'x' WHERE request = 3"),
    "samples lost": sql("DELETE FROM bank_generations WHERE request < 9"),
    "a column lost": sql("ALTER TABLE bank_requests DROP COLUMN seconds"),
    "a column of Optuna's lost": sql("ALTER TABLE trials DROP COLUMN datetime_complete"),
    "of a newer infertune": sql("UPDATE bank_schema SET version = 99"),
    "version as text": sql("UPDATE bank_schema SET version = 'x'"),
    "of a newer Optuna": sql("UPDATE alembic_version SET version_num = 'v9.9.9'"),
    "Optuna's schema": sql("UPDATE version_info SET schema_version = 99"),
}
OF_PAGES: dict[str, Damage] = {
    **{f"header {at}": flipped(lambda content, at=at: [at], at) for at in range(16, 100, 4)},
    "page types": flipped(lambda content: range(PAGE, len(content), PAGE), 0),
    **{f"cut at {at}/16": in_bytes(lambda content, at=at: content[: len(content) * at // 16]) for at in range(16)},
    **{f"zeroed at {at}/16": zeroed(at / 16) for at in range(16)},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A study that has come to its end, and its answer."""
    folder = tmp_path_factory.mktemp("whole")
    with closing(Lease(folder / "study.db", "optimize", "planted")):
        pass
    answer = run(folder)
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder, answer


def run(folder: Path) -> dict[str, Any]:
    """Run the study as the command does."""
    with closing(SampleBank(folder / "study.db")) as bank, Lease(bank.url, "optimize", "planted") as lease:
        log = TrialLog(bank.url, "planted", lease)
        log.claim({"task": "planted", "seed": 0})
        task = write_task(folder, n_tune=12, n_confirm=12)
        study = make_study(folder, task=task, log=log, budget=Budget(tokens=3_000), search=SEARCHES["trials"])
        found: dict[str, Any] = json.loads(json.dumps(plain(study.run())))
        return found


def check(whole: tuple[Path, dict[str, Any]], folder: Path, damage: Damage) -> str:
    """Damage a copy and run the study; return what was said, empty where it came to the same answer."""
    source, answer = whole
    shutil.copy(source / "study.db", folder / "study.db")
    damage(folder / "study.db")
    try:
        assert run(folder) == answer
    except InfertuneError as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


@pytest.mark.parametrize("case", BY_HAND)
def test_damaged_rows(whole: tuple[Path, dict[str, Any]], case: str, tmp_path: Path) -> None:
    check(whole, tmp_path, BY_HAND[case])


def test_what_can_be_saved_is_said(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    assert "another study name" in check(whole, tmp_path, BY_HAND["a trial lost"])
    assert "is damaged: purchase 3" in check(whole, tmp_path, BY_HAND["a text edited"])
    assert ".recover" in check(whole, tmp_path, OF_PAGES["zeroed at 8/16"])


@pytest.mark.parametrize("case", OF_PAGES)
def test_damaged_pages(whole: tuple[Path, dict[str, Any]], case: str, tmp_path: Path) -> None:
    check(whole, tmp_path, OF_PAGES[case])


@pytest.mark.parametrize(
    "seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 600))]
)
def test_damaged_anywhere(whole: tuple[Path, dict[str, Any]], seed: int, tmp_path: Path) -> None:
    check(whole, tmp_path, anywhere(1 + seed % 3 * 20, seed))
