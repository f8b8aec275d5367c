"""The commands that spend nothing."""

import json
from pathlib import Path

import pytest
import yaml
from command import Infertune

from infertune import tasks


def test_tasks_are_listed(infertune: Infertune) -> None:
    plain = infertune("tasks")
    assert plain.code == 0
    assert [line.split()[0] for line in plain.out.splitlines()] == tasks.names()
    listed = infertune("tasks", "--json").json
    assert [task["name"] for task in listed] == tasks.names()
    assert all(task["description"] and task["licence"] and task["source"] for task in listed)


def test_a_new_task_holds_and_can_be_searched(infertune: Infertune, tmp_path: Path) -> None:
    assert infertune("tasks", "new", "mine").code == 0
    checked = infertune("tasks", "check", "mine.yaml")
    assert checked.code == 0
    assert "The task holds." in checked.out
    assert checked.out.count("perfect answer:") == 3 * len(tasks.load(tmp_path / "mine.yaml").prompts)
    assert infertune("tasks", "check", "mine.yaml", "--json").json["holds"] is True
    assert infertune("space", "--task", "mine.yaml").code == 0


def test_a_task_that_does_not_hold_exits_with_2_and_says_why(infertune: Infertune, tmp_path: Path) -> None:
    infertune("tasks", "new", "mine")
    text = (tmp_path / "mine.yaml").read_text()
    word = json.loads((tmp_path / "mine.jsonl").read_text().splitlines()[0])
    shot = f"{{word: {word['word']}, answer: {word['opposite']}}}"
    (tmp_path / "mine.yaml").write_text(text.replace("{word: inside, answer: outside}", shot))
    result = infertune("tasks", "check", "mine.yaml")
    assert result.code == 2
    assert "gives away example" in result.out


def test_what_a_task_says_is_not_markup(infertune: Infertune, tmp_path: Path) -> None:
    infertune("tasks", "new", "mine")
    rows = [json.loads(line) for line in (tmp_path / "mine.jsonl").read_text().splitlines()]
    for row in rows:
        row["word"] = f"[red]{row['word']}[/nope] [link=x]"
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = infertune("tasks", "check", "mine.yaml")
    assert result.code == 0
    assert "[red]" in result.out and "[/nope]" in result.out


def test_models_are_listed(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    listed = infertune("models", "--json").json
    assert [model["name"] for model in listed] == ["bundled:smollm2-135m"]
    assert listed[0]["ready"] is False
    assert "not converted yet" in infertune("models").out
    assert infertune("models", "clear", "bundled:smollm2-135m").code == 0


def test_the_space_shows_what_was_set(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("top_p: [0.8, 1.0]\nn: 3\n")
    result = infertune(
        "space", "--task", "capitals", "--space", "space.yaml", "--set", "temperature=0.2..1.2", "--json"
    )
    values = {each["name"]: each["values"] for each in result.json["parameters"]}
    assert values["decoding.temperature"] == "0.2..1.2"
    assert values["decoding.top_p"] == "0.8,1.0"
    assert values["strategy.n"] == "3"
    assert "temperature" in infertune("space", "--task", "capitals").out


@pytest.mark.parametrize("columns", [50, 80, 100])
def test_the_space_is_shown_without_breaking_a_word(
    infertune: Infertune, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = infertune("space", "--task", "capitals").out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns
    words = {word.strip("(),:") for line in lines for word in line.split()}
    assert {"repetition_penalty", "capitals-chat-brief", "best_of_n", "0.0..1.5:0.1", "temperature"} <= words
    assert ("name" in words) == (columns > 50), "a table where it fits, else a list"


def test_two_extractors_are_a_choice_and_one_is_not(infertune: Infertune, tmp_path: Path) -> None:
    infertune("tasks", "new", "mine")
    names = [each["name"] for each in infertune("space", "--task", "mine.yaml", "--json").json["parameters"]]
    assert "strategy.extractor" not in names
    definition = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    definition["extraction"] = {"first": definition["extraction"], "second": [{"kind": "line", "which": "last"}]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(definition))
    found = infertune("space", "--task", "mine.yaml", "--json").json["parameters"]
    assert next(each for each in found if each["name"] == "strategy.extractor")["values"] == "first,second"
