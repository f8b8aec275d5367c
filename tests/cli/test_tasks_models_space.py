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


def test_a_new_task_is_ok_and_can_be_searched(infertune: Infertune, tmp_path: Path) -> None:
    assert infertune("tasks", "new", "mine").code == 0
    checked = infertune("tasks", "check", "mine.yaml")
    assert checked.code == 0
    assert checked.out.endswith("Task OK\n")
    assert checked.out.count("perfect answer:") == 3 * len(tasks.load(tmp_path / "mine.yaml").prompts)
    assert infertune("tasks", "check", "mine.yaml", "--json").json["holds"] is True
    assert infertune("space", "--task", "mine.yaml").code == 0


def test_a_task_that_cannot_be_got_right_exits_with_2_and_says_why(infertune: Infertune, tmp_path: Path) -> None:
    infertune("tasks", "new", "mine")
    text = (tmp_path / "mine.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(
        text.replace("name: exact", "name: number").replace("options: {", "options: {} #")
    )
    result = infertune("tasks", "check", "mine.yaml")
    assert result.code == 2
    problem = "12 of 12 examples cannot be answered correctly: the perfect answer does not score 1."
    assert f"Problem: {problem}" in result.out and "Task OK" not in result.out
    assert "mine.jsonl, line 1: 'cold' scores 0; nothing is extracted" in result.out
    refused = infertune("optimize", "--task", "mine.yaml", "--budget-tokens", "1k")
    assert (refused.code, refused.out) == (2, "")
    assert problem in refused.err


def test_all_errors_of_a_task_file_are_one_message(infertune: Infertune, tmp_path: Path) -> None:
    infertune("tasks", "new", "mine")
    text = (tmp_path / "mine.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("version: 1", "version: x").replace("stop:", "stops:"))
    result = infertune("tasks", "check", "mine.yaml")
    assert result.code == 2
    assert result.err.splitlines() == [
        "infertune: mine.yaml has 2 errors:",
        "  unknown key 'stops'; did you mean 'stop'?",
        "  'version' must be a whole number, but is 'x'",
    ]


def test_what_a_task_says_is_not_markup(infertune: Infertune, tmp_path: Path) -> None:
    infertune("tasks", "new", "mine")
    rows = [json.loads(line) for line in (tmp_path / "mine.jsonl").read_text().splitlines()]
    for row in rows:
        row["word"] = f"[red]{row['word']}[/nope] [link=x]"
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = infertune("tasks", "check", "mine.yaml")
    assert result.code == 0
    assert "[red]" in result.out and "[/nope]" in result.out


def test_a_task_for_data_is_written_checked_and_ready(infertune: Infertune, tmp_path: Path) -> None:
    rows = [f"text {i};{'red' if i % 3 else 'green'};{i}" for i in range(60)]
    (tmp_path / "my data.csv").write_text("\n".join(["a text;colour;number", *rows]) + "\n")
    result = infertune("tasks", "new", "mine", "--from", "my data.csv", "--input", "a text", "--label", "colour")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "wrote mine.yaml: 28 tune and 28 confirm examples, 4 prompts; the answers are 2 labels"
    assert "Note: the delimiter of my data.csv is a semicolon." in lines
    assert lines[-5:] == [
        "Task OK",
        "next:",
        "  infertune tasks check mine.yaml",
        "  infertune optimize --task mine.yaml --model bundled:smollm2-135m --budget-tokens 200k",
        "or, where a server runs your model, with --engine openai --base-url URL --model NAME",
    ]
    assert infertune("tasks", "check", "mine.yaml").code == 0
    assert infertune("space", "--task", "mine.yaml").code == 0
    again = infertune("tasks", "new", "mine", "--from", "my data.csv", "--input", "a text", "--label", "colour")
    assert again.code == 2 and "mine.yaml is there already" in again.err


@pytest.mark.parametrize("inputs", [["--input", "a,b"], ["--input", "a", "--input", "b"]])
def test_inputs_are_repeated_or_separated_by_commas(infertune: Infertune, tmp_path: Path, inputs: list[str]) -> None:
    (tmp_path / "there").mkdir()
    rows = [{"a": i, "b": i + 1, "a,b": "x", "sum": 2 * i + 1} for i in range(20)]
    for row in rows:
        del row["a,b"]
    (tmp_path / "d.json").write_text(json.dumps(rows))
    result = infertune("tasks", "new", "sums", "--from", "d.json", *inputs, "--label", "sum", "--folder", "there")
    assert result.code == 0, result.err
    task = tasks.load(tmp_path / "there" / "sums.yaml")
    assert list(task.definition.fields) == ["a", "b"]
    assert task.definition.data == "../d.json"


def test_a_comma_in_the_name_of_a_column_separates_nothing(infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps([{"a,b": f"{i}?", "sum": i} for i in range(20)]))
    assert infertune("tasks", "new", "sums", "--from", "d.json", "--input", "a,b", "--label", "sum").code == 0
    assert tasks.load(tmp_path / "sums.yaml").definition.fields == {"a_b": "a,b"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--from needs --input and --label, of the columns of d.jsonl: text, kind"),
        (["--label", "kind"], "--from needs --input, of the columns of d.jsonl: text, kind"),
        (["--input", "txt", "--label", "kind"], "--input: d.jsonl has no column 'txt'; did you mean 'text'?"),
        (["--input", "text", "--label", "kin"], "--label: d.jsonl has no column 'kin'; did you mean 'kind'?"),
    ],
)
def test_columns_that_are_not_there_are_told(
    infertune: Infertune, tmp_path: Path, options: list[str], told: str
) -> None:
    (tmp_path / "d.jsonl").write_text("".join(f'{{"text": "t{i}", "kind": "k{i % 2}"}}\n' for i in range(9)))
    result = infertune("tasks", "new", "mine", "--from", "d.jsonl", *options)
    assert (result.code, result.err) == (2, f"infertune: {told}\n")
    assert not (tmp_path / "mine.yaml").exists()


def test_columns_without_a_file_are_refused(infertune: Infertune) -> None:
    result = infertune("tasks", "new", "mine", "--label", "kind")
    assert result.code == 2 and "together with --from FILE" in result.err
    missing = infertune("tasks", "new", "mine", "--from", "no.csv", "--input", "a", "--label", "b")
    assert missing.code == 2 and "no.csv cannot be read" in missing.err


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
