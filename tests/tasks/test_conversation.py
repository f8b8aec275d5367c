"""A column of conversations: read from every format, asked as turns, and refused with its row where it is none."""

import csv
import json
from pathlib import Path

import pytest

from infertune.errors import InvalidInputError
from infertune.tasks import load
from infertune.tasks.conversation import is_conversation, parse
from infertune.types import Message

FILE = """
name: chats
version: 1
data: DATA
fields: {question: {conversation: messages}}
reference: answer
prompts: [question, short-answer, question-answer]
max_tokens: 8
extraction: [{kind: line}]
scorer: exact
"""
TALK = [
    {"role": "system", "content": "You add."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello!"},
]
ROWS = [
    {"messages": [*TALK, {"role": "user", "content": f"What is {i} + {i}?"}], "answer": str(2 * i)} for i in range(10)
]


def written(folder: Path, name: str, rows: list[dict[str, object]]) -> Path:
    (folder / "chats.yaml").write_text(FILE.replace("DATA", name))
    if name.endswith(".csv"):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, ["messages", "answer"])
            writer.writeheader()
            writer.writerows({**row, "messages": json.dumps(row["messages"])} for row in rows)
    elif name.endswith(".parquet"):
        pyarrow = pytest.importorskip("pyarrow", reason="Parquet is of the extra hf")
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.Table.from_pylist(rows), folder / name)
    else:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "chats.yaml"


@pytest.mark.parametrize("name", ["d.jsonl", "d.csv", "d.parquet"])
def test_every_format_gives_the_same_turns(tmp_path: Path, name: str) -> None:
    task = load(written(tmp_path, name, ROWS))
    example = min(task.examples, key=lambda one: int(one.reference))
    assert task.prompts["question"].render(example.fields) == (
        Message("system", "You add."),
        Message("user", "Hi"),
        Message("assistant", "Hello!"),
        Message("user", "What is 0 + 0?"),
    )
    system = task.prompts["short-answer"].messages[0].content
    assert task.prompts["short-answer"].render(example.fields)[0] == Message("system", f"{system}\n\nYou add.")
    assert task.prompts["question-answer"].render(example.fields) == (
        "Question: System: You add.\n\nUser: Hi\n\nAssistant: Hello!\n\nUser: What is 0 + 0?\nAnswer:"
    )


@pytest.mark.parametrize("name", ["d.csv", "d.parquet"])
def test_examples_are_the_same_in_every_format(tmp_path: Path, name: str) -> None:
    assert load(written(tmp_path, name, ROWS)).examples == load(written(tmp_path, "d.jsonl", ROWS)).examples


def test_the_same_conversation_is_one_question(tmp_path: Path) -> None:
    spaced = [{**turn, "content": f" {turn['content'].upper()}  "} for turn in ROWS[0]["messages"]]
    task = load(written(tmp_path, "d.jsonl", [*ROWS, {"messages": spaced, "answer": "0"}]))
    assert len(task.examples) == 10
    assert "line 11 repeats" in task.left_out[0]


def test_bad_conversations_are_told_with_row_and_column(tmp_path: Path) -> None:
    bad = [{"messages": TALK, "answer": "x"}, {"messages": [{"role": "usr", "content": "x"}], "answer": "x"}]
    with pytest.raises(InvalidInputError) as caught:
        load(written(tmp_path, "d.jsonl", [*ROWS, *bad]))
    head, *told = str(caught.value).replace(f"{tmp_path}/", "").split("\n  ")
    assert head == "2 rows of d.jsonl cannot be used:"
    assert told == [
        "d.jsonl, line 11: column 'messages': the last turn must be the user's, but is the role assistant's",
        "d.jsonl, line 12: column 'messages': turn 1 has the unknown role 'usr'; did you mean 'user'?",
    ]


USER = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("What is 1 + 1?", "must be a list of {role, content}, but is 'What is 1 + 1?'"),
        ([], "must be a list of {role, content}, but is '[]'"),
        (USER, "must be a list of {role, content}, but is '{"),
        (["x"], "turn 1 must be {role, content}, but is '\"x\"'"),
        ([{"from": "human", "value": "x"}], "turn 1 has no role (it has from, value)"),
        ([{"role": "user"}], "turn 1 has no content (it has role)"),
        ([{"role": "user", "content": None}], "turn 1 has no content"),
        ([{"role": "user", "content": " "}], "turn 1 has an empty content"),
        ([{"role": "user", "content": 3}], "the content of turn 1 must be a text or a list of text parts"),
        (
            [USER, {"role": "tool", "content": "x"}, USER],
            "turn 2 has the unknown role 'tool'; valid: assistant, system",
        ),
        ([USER, {"role": "assistant", "content": None, "tool_calls": [{}]}, USER], "turn 2 calls tools"),
        ([USER, {"role": "system", "content": "x"}, USER], "turn 2 is a system turn; only the first may be one"),
        ([USER, {"role": "assistant", "content": "x"}], "the last turn must be the user's"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "a part of the type 'image_url'"),
    ],
)
def test_what_is_no_conversation_says_why(value: object, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse(value if isinstance(value, str) else json.dumps(value))
    assert problem in str(caught.value)


def test_what_is_read_as_a_conversation() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert parse(
        json.dumps([{"role": "developer", "content": "s"}, {"role": "user", "content": parts, "name": None}])
    ) == (
        Message("system", "s"),
        Message("user", "a\nb"),
    )
    assert parse(str([USER])) == (Message("user", "x"),)  # as pandas writes it


@pytest.mark.parametrize(
    ("text", "expected"), [(json.dumps([USER]), True), ("[1, 2]", False), ("[x", False), ("x", False)]
)
def test_a_conversation_is_told_from_other_text(text: str, expected: bool) -> None:
    assert is_conversation(text) is expected
