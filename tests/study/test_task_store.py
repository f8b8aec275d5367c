"""A task comes back from a study's database as it was, to its digest."""

import sqlite3
import zlib
from pathlib import Path

import pytest
from planted import write_task

from infertune import tasks
from infertune.errors import DataUnavailableError
from infertune.study import task_store


@pytest.mark.parametrize("name", tasks.names())
def test_every_shipped_task(name: str, tmp_path: Path) -> None:
    try:
        task = tasks.load(name)
    except DataUnavailableError as error:
        pytest.skip(f"its data are not on this machine: {error}")
    url = tmp_path / "study.db"
    again = task_store.kept(url, task_store.keep(url, task))
    assert again.digest == task.digest
    assert (again.tune, again.confirm, again.max_tokens_choices) == (task.tune, task.confirm, task.max_tokens_choices)
    assert dict(again.prompts) == dict(task.prompts) and list(again.extractors) == list(task.extractors)
    for example in task.confirm[:20]:
        ideal = task.ideals.get(example.id)
        if ideal is not None:
            assert again.extract(ideal, example) == task.extract(ideal, example)
            assert again.score(again.extract(ideal, example), example) == 1


def test_it_is_kept_once(tmp_path: Path) -> None:
    task, url = write_task(tmp_path), tmp_path / "study.db"
    assert task_store.keep(url, task) == task_store.keep(url, task)
    with sqlite3.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM bank_tasks").fetchone() == (1,)


@pytest.mark.parametrize("damage", [b"", b"no zlib", zlib.compress(b"{}")])
def test_damage_is_said(damage: bytes, tmp_path: Path) -> None:
    url = tmp_path / "study.db"
    key = task_store.keep(url, write_task(tmp_path))
    with sqlite3.connect(url) as connection:
        connection.execute("UPDATE bank_tasks SET content = ?", (damage,))
    with pytest.raises(DataUnavailableError, match="the task of a study cannot be read"):
        task_store.kept(url, key)
    with pytest.raises(DataUnavailableError, match="it is not there"):
        task_store.kept(url, "0" * 32)
