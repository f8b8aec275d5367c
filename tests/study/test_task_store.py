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


FUNCTIONS = """
def half(answer, reference):
    return 0.5


def find(text):
    return text.upper()
"""


def with_functions(folder: Path, name: str) -> tasks.Task:
    write_task(folder)
    text = (folder / "planted.yaml").read_text()
    text = text.replace("scorer: exact", f"scorer: '{name}:half'")
    text = text.replace("{kind: line, which: first}", f"{{kind: function, name: '{name}:find'}}")
    (folder / "planted.yaml").write_text(text)
    return tasks.load(folder / "planted.yaml")


def test_functions_of_this_folder_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_rules_here.py").write_text(FUNCTIONS)
    task = with_functions(tmp_path, "own_rules_here")
    assert task.definition.functions == ["own_rules_here:find", "own_rules_here:half"]
    again = task_store.kept("study.db", task_store.keep("study.db", task))
    assert again.digest == task.digest
    assert (again.extract("x", again.tune[0]), again.score("X", again.tune[0])) == ("X", 0.5)


def test_a_database_names_no_function_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database from a stranger must not get a model's text run as a shell command."""
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    away.mkdir()
    monkeypatch.chdir(home)
    (home / "own_rules_away.py").write_text(FUNCTIONS)
    key = task_store.keep(tmp_path / "study.db", with_functions(home, "own_rules_away"))
    monkeypatch.chdir(away)
    with pytest.raises(DataUnavailableError, match="only where its module is in this folder: run the command there"):
        task_store.kept(tmp_path / "study.db", key)
    monkeypatch.chdir(home)
    evil = with_functions(home, "own_rules_away").definition
    assert "os:system" not in evil.functions
    (home / "planted.yaml").write_text((home / "planted.yaml").read_text().replace("own_rules_away:find", "os:system"))
    key = task_store.keep(tmp_path / "evil.db", tasks.load(home / "planted.yaml"))
    with pytest.raises(DataUnavailableError, match="names the function os:system"):
        task_store.kept(tmp_path / "evil.db", key)
