"""A task file for data a user has: complete, right at once, with shots that are never scored."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.tasks import check, draft, load
from infertune.tasks.answers import like
from infertune.tasks.definition import ScorerChoice
from infertune.types import Message

Rows = list[dict[str, Any]]


def drafted(folder: Path, rows: Rows, inputs: list[str], label: str) -> Path:
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / "mine.yaml"
    path.write_text(draft("mine", data=folder / "data.jsonl", inputs=inputs, label=label, folder=folder).text)
    return path


def labelled(labels: list[str], n: int, **more: Any) -> Rows:
    return [{"text": f"Text number {i}.", "kind": labels[i % len(labels)], **more} for i in range(n)]


def test_labels_are_listed_in_the_prompts_and_chosen_from(tmp_path: Path) -> None:
    path = drafted(tmp_path, labelled(["red", "green", "dark blue"], 90, source="web"), ["text"], "kind")
    report = check(path)
    assert report.holds
    task = load(path)
    assert len(task.prompts) == 4
    assert {template.kind for template in task.prompts.values()} == {"chat", "plain"}
    for template in task.prompts.values():
        prompt = template.render({"text": "x"})
        said = prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)
        assert all(label in said for label in ("red", "green", "dark blue"))
    assert task.extract("I think Dark Blue fits.") == "dark blue"
    assert task.stop == ("\nText:",)
    assert "# source: source" in path.read_text()


def test_splits_are_exactly_half_and_half_of_all_that_is_no_shot(tmp_path: Path) -> None:
    for n in (90, 91, 40):
        task = load(drafted(tmp_path, labelled(["red", "green"], n), ["text"], "kind"))
        shots = {values["text"] for template in task.prompts.values() for values, _ in template.shots}
        assert len(shots) == 4
        assert len(task.tune) + len(task.confirm) == n - len(shots)
        assert len(task.tune) - len(task.confirm) in (0, 1)
        assert not shots & {one.fields["text"] for one in task.examples}
        answers = [answer for _, answer in task.prompts["mine-shots"].shots]
        assert sorted(answers) == ["green", "green", "red", "red"]


def test_few_rows_are_not_spent_on_shots(tmp_path: Path) -> None:
    task = load(drafted(tmp_path, labelled(["red", "green"], 12), ["text"], "kind"))
    assert len(task.examples) == 12
    assert len(task.prompts) == 3
    assert not any(template.examples for template in task.prompts.values())


def test_numbers_have_a_prompt_that_works_them_out(tmp_path: Path) -> None:
    rows = [{"q": f"What is {i} + {i}?", "a": 2 * i + 0.5 * (i % 2)} for i in range(50)]
    path = drafted(tmp_path, rows, ["q"], "a")
    task = load(path)
    assert check(path).holds
    assert task.definition.scorer == "number"
    assert task.extract("3 + 4 is 1,007.50") == "1007.5"
    assert "step by step" in str(task.prompts["mine-steps"].render({"q": "x"}))
    assert task.max_tokens >= 256


def test_lines_and_texts_are_taken_as_they_are(tmp_path: Path) -> None:
    line = drafted(tmp_path, [{"q": f"{i}?", "a": f"The word {i}."} for i in range(30)], ["q"], "a")
    assert check(line).holds
    assert load(line).extract("the WORD 3\nand more") == "the word 3"
    text = drafted(tmp_path, [{"q": f"{i}?", "a": f"Line {i}\nand a second"} for i in range(30)], ["q"], "a")
    assert check(text).holds
    assert load(text).extract("Line 3\n and a second") == "Line 3 and a second"


def test_a_longer_answer_gets_more_tokens(tmp_path: Path) -> None:
    short = load(drafted(tmp_path, [{"q": f"{i}?", "a": f"x{i}"} for i in range(30)], ["q"], "a"))
    long = load(drafted(tmp_path, [{"q": f"{i}?", "a": f"x{i}" * 100} for i in range(30)], ["q"], "a"))
    assert short.max_tokens <= 16
    assert long.max_tokens_choices[0] >= 300 / 4  # English has about four characters a token


def test_several_inputs_are_fields_by_names_that_fit_into_braces(tmp_path: Path) -> None:
    rows = [{"A title": f"t{i}", "2nd": f"s{i}", "kind": ["x", "y"][i % 2]} for i in range(20)]
    task = load(drafted(tmp_path, rows, ["A title", "2nd"], "kind"))
    assert list(task.definition.fields) == ["A_title", "input_2nd"]
    asked = task.prompts["mine-question"].render({"A_title": "one", "input_2nd": "two"})
    assert isinstance(asked[0], Message)
    assert asked[0].content.startswith("A title: one\nInput 2nd: two\n\n")


def test_conversations_are_asked_as_turns(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "You add."}, {"role": "user", "content": "Hi"}]
    turns.append({"role": "assistant", "content": "Yes?"})
    rows = [
        {"messages": [*turns, {"role": "user", "content": f"{i}+{i}"}], "answer": f"{2 * i} it is"} for i in range(40)
    ]
    path = drafted(tmp_path, rows, ["messages"], "answer")
    assert check(path).holds
    task = load(path)
    prompt = task.prompts["mine-chat-shots"].render(task.tune[0].fields)
    assert [turn.role for turn in prompt if isinstance(turn, Message)][-3:] == ["user", "assistant", "user"]
    assert isinstance(prompt[0], Message) and prompt[0].content.endswith("You add.")
    plain = task.prompts["mine-shots"].render(task.tune[0].fields)
    assert isinstance(plain, str) and plain.endswith("\n\nAssistant:")


def test_numbers_with_a_decimal_comma_are_read_so(tmp_path: Path) -> None:
    rows = [{"q": f"What is {i} / 4?", "a": f"{i // 4},{25 * (i % 4):02}"} for i in range(50)]
    task = load(drafted(tmp_path, [*rows, {"q": "And 5000 / 4?", "a": "1.250"}], ["q"], "a"))
    assert task.definition.scorer == ScorerChoice("number", {"decimal_mark": ","})
    assert task.extract("Das sind 1.234,50 €.") == "1234.5"
    assert like(["1.5", "1,250", "2"]).options == {}
    assert like(["12 apples", "3 pears", "5 apples"]).kind == "line"


def test_letters_of_a_multiple_choice_are_no_words(tmp_path: Path) -> None:
    task = load(drafted(tmp_path, labelled(["A", "B", "C", "D"], 40), ["text"], "kind"))
    said = {"This is a hard one; the answer is C.": "c", "B": "b", "(d) because": "d", "It is a matter of D": "d"}
    assert {text: task.extract(text) for text in said} == said


ODD = ["yes", "no", "1e3", "null", "true", "- x", "a: b", "#1", "{x}", "it's", '"q"', "a, b", "C++", "naïve", "|"]
LABELS = st.lists(st.sampled_from(ODD) | st.text(min_size=1, max_size=12), min_size=2, max_size=5)
NAMES = st.sampled_from(["text", "my text", "answer", "Ü", "1", "a:b", "{x}", "name"])
COLUMNS = st.lists(NAMES, min_size=1, max_size=3, unique=True)
VALUES = st.lists(st.text(max_size=8), min_size=1, max_size=4)


@given(labels=LABELS, names=COLUMNS, n=st.integers(2, 45), values=VALUES)
def test_what_is_written_is_ok_whatever_the_data_hold(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], names: list[str], n: int, values: list[str]
) -> None:
    shown = [{name: f"{i} {values[i % len(values)]}" for name in names} for i in range(n)]
    rows = [{**row, "right": labels[i % len(labels)]} for i, row in enumerate(shown)]
    if any(not label.strip() for label in labels[:n]):
        return
    path = drafted(tmp_path_factory.mktemp("draft", numbered=True), rows, names, "right")
    report = check(path)
    assert report.holds, report.problems
    assert len(load(path).prompts) >= 3


def test_the_data_stay_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    with (tmp_path / "there" / "d.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["text", "kind"])
        writer.writerows([f"Text, {i}", "ab"[i % 2]] for i in range(20))
    found = draft("mine", data=tmp_path / "there" / "d.csv", inputs=["text"], label="kind", folder=tmp_path / "here")
    (tmp_path / "here" / "mine.yaml").write_text(found.text)
    assert "data: ../there/d.csv" in found.text
    assert len(load(tmp_path / "here" / "mine.yaml").examples) == 20 - 2  # a tenth are shots


def test_rows_that_ask_the_same_are_not_counted(tmp_path: Path) -> None:
    rows = labelled(["red", "green"], 12)
    rows += [rows[0], {**rows[1], "kind": "red"}]
    task = load(drafted(tmp_path, rows, ["text"], "kind"))
    assert (len(task.tune), len(task.confirm)) == (6, 5)


@pytest.mark.parametrize(
    ("inputs", "label", "told"),
    [
        (["txt"], "kind", "input: data.jsonl has no column 'txt'; did you mean 'text'?"),
        (["text"], "kinds", "label: data.jsonl has no column 'kinds'; did you mean 'kind'?"),
        (["text", "text"], "kind", "input: the column 'text' is given twice"),
        (["text", "kind"], "kind", "label: the column 'kind' is an input too; the answer must not be shown"),
        (["txt"], "kinds", "input and label must be different columns of data.jsonl:"),
    ],
)
def test_wrong_columns_are_told_with_the_nearest(tmp_path: Path, inputs: list[str], label: str, told: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        drafted(tmp_path, labelled(["red", "green"], 12), inputs, label)
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines()[0] == told


def test_bad_rows_and_too_few_are_refused(tmp_path: Path) -> None:
    rows = labelled(["red", "green"], 12)
    with pytest.raises(InvalidInputError, match="line 3: column 'kind' is null"):
        drafted(tmp_path, [*rows[:2], {**rows[2], "kind": None}, *rows[3:]], ["text"], "kind")
    with pytest.raises(InvalidInputError, match="must have at least 2 examples, one for each split, but has 1"):
        drafted(tmp_path, rows[:1], ["text"], "kind")


@pytest.mark.parametrize(
    ("references", "kind"),
    [
        (["yes", "no"] * 3, "labels"),
        (["Yes", "no", "yes", "No"] * 3, "labels"),
        (["yes", "no"], "line"),
        ([f"label {i}" for i in range(20)] * 3, "labels"),
        ([f"label {i}" for i in range(20)] * 2, "line"),
        (["0", "1"] * 10, "labels"),
        (["0", "1"] * 5, "number"),
        ([str(i) for i in range(20)], "number"),
        (["$1,200.50", "3%", "-4"], "number"),
        (["a+b", "a-b", "c"], "line"),
        (["x\ny", "z"], "text"),
        (["def f():\n    return 1"] * 9 + ["def g():\n    return 2"] * 9, "text"),
        (['["a", "b"]', '["c"]', '["d"]'], "line"),
        (["same"] * 9, "line"),
        (["+", "-"], "line"),
    ],
)
def test_what_answers_are_like(references: list[str], kind: str) -> None:
    found = like(references)
    assert found.kind == kind
    assert found.right(references)
    assert found.apart([one for one in references if one.casefold() == one])
