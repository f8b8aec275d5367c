import csv
import gzip
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.files import yaml_file
from infertune.tasks import load, names
from infertune.tasks.definition import Definition

TOY = Path(__file__).parent / "toy"
ROWS = [{"q": f"What is {i} + {i}?", "a": str(2 * i)} for i in range(40)]
FILE = """
name: mine
version: 1
source: here
licence: CC0-1.0
data: rows.jsonl
fields: {question: q}
reference: a
prompts: [question]
max_tokens: 8
extraction: [{kind: line}]
scorer: number
"""


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def write(tmp_path):
    def write(changes="", rows=None, file=FILE):
        for line in changes.strip().splitlines():
            key = line.partition(":")[0]
            file = re.sub(rf"(?m)^{key}:.*\n", "", file) + line + "\n"
        (tmp_path / "mine.yaml").write_text(file)
        (tmp_path / "rows.jsonl").write_text(lines(ROWS if rows is None else rows))
        return tmp_path / "mine.yaml"

    return write


def ids(split):
    return [example.id for example in split]


def test_the_toy_task_of_the_documentation():
    task = load(TOY)
    documented = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
    block = documented.split("```yaml\n")[1].split("```")[0]
    plain = "".join(re.sub(r" {4,}# .*", "", line).rstrip() + "\n" for line in block.splitlines())
    assert plain == (TOY / "task.yaml").read_text()
    assert (len(task.tune), len(task.confirm)) == (8, 4)
    (kyiv,) = [one for one in (*task.tune, *task.confirm) if one.fields["question"] == "Ukraine"]
    assert task.extract("The capital of Ukraine is Kiev.") == "kiev"
    assert task.extract("\nKyiv\nand more") == "kyiv"
    assert task.extract("\n") is None
    assert [task.score(answer, kyiv) for answer in ("kiev", "kyiv", "lviv", None)] == [1, 1, 0, 0]
    assert task.max_tokens == 16
    assert task.default_extractor == "default"


def test_formats_give_the_same_task(write, tmp_path):
    whole = load(write()).digest
    folder = tmp_path / "copies"
    folder.mkdir()
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["q", "a"])
        writer.writeheader()
        writer.writerows(ROWS)
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress(lines(ROWS).encode()))
    (folder / "rows.csv.gz").write_bytes(gzip.compress((folder / "rows.csv").read_bytes()))
    (folder / "numbers.jsonl").write_text(lines({"q": row["q"], "a": int(row["a"]), "none": None} for row in ROWS))
    for name in ("rows.csv", "rows.jsonl.gz", "rows.csv.gz", "numbers.jsonl"):
        assert load(write(), data=folder / name).digest == whole, name


def test_parquet_gives_the_same_task(write, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is of the extra hf")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    assert load(write(), data=tmp_path / "rows.parquet").digest == load(write()).digest
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InvalidInputError, match="not a valid Parquet file"):
        load(write(), data=tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.jsonl", b'{"q": "1", "a": "2"}\n{"q": ', r"x.jsonl, line 2: not valid JSON"),
        ("x.jsonl", b'{"q": "1", "a": "2"}\n\n[1]\n', r"x.jsonl, line 3: must be a JSON object, but is \[1\]"),
        (
            "x.jsonl",
            b'{"q": "1", "answer": "2", "ab": 1}\n',
            r"x.jsonl has no column 'a', which 'reference' needs; did you mean 'ab'",
        ),
        ("x.jsonl", b'{"q": "\xff"}', r"x.jsonl, line 1: must be UTF-8, but byte 7 is not"),
        ("x.csv", b"q,a\n1,2\n3\n", r"x.csv, line 3: must have 2 cells like the first line, but has 1"),
        ("x.csv", b'q,a\n"1,2\n', r"x.csv, line 2: not valid CSV"),
        ("x.jsonl.gz", b"no", r"x.jsonl.gz cannot be read: it ends in .gz, but is not gzipped"),
        ("x.txt", b"no", r"x.txt: a data file must end in .jsonl, .json, .ndjson, .csv, .tsv, .parquet"),
        ("x.jsonl", b"", r"x.jsonl is empty"),
        (
            "x.jsonl",
            b'{"q": "1", "a": "2"}\n',
            r"'splits' needs at least 2 examples, one for each split, but there is 1",
        ),
    ],
)
def test_bad_data_is_one_message_with_its_place(write, tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=problem):
        load(write(), data=tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ("scorers: number", "mine.yaml: unknown key 'scorers'; did you mean 'scorer'"),
        ("splits: {tun: 0.5}", "mine.yaml: unknown key 'tun' under 'splits'; did you mean 'tune'"),
        ("extraction: [{kind: line, wich: last}]", "unknown key 'wich' under 'extraction.*'which'"),
        (
            "extraction: [{kind: lines}]",
            "'extraction.0..kind' must be boxed, .* or text, but is 'lines'; did you mean 'line'",
        ),
        ("extraction: []", "'extraction' must list at least one step"),
        ("extraction: {}", "must name at least one extractor"),
        ("extraction: [{kind: regex, pattern: '('}]", "'extraction.0.': 'pattern' is not a regular"),
        ("version: one", "mine.yaml: 'version' must be a whole number, but is 'one'"),
        ("scorer: nummer", "mine.yaml: 'scorer': no scorer is called 'nummer'; did you mean 'number'"),
        (
            "scorer: {name: exact, options: {ignore_cas: true}}",
            "unknown key 'ignore_cas' under 'scorer.options'; did you mean 'ignore_case'",
        ),
        (
            "scorer: {name: exact, options: {ignore_case: 3}}",
            "mine.yaml: 'scorer.options.ignore_case' must be true or false, but is 3",
        ),
        ("scorer: {name: exact, options: {ignore_patterns: ['(']}}", "is not a regular expression"),
        ("prompts: [qestion]", "no prompt is called 'qestion'; did you mean 'question'"),
        ("prompts: []", "must list at least one template"),
        ("prompts: [question, question]", "lists 'question' twice"),
        ("fields: {question: q, more: a}", "prompt 'question': does not use the field 'more'"),
        ("fields: {question: qq}", "rows.jsonl has no column 'qq', which 'fields.question' needs; did you mean 'q'"),
        ("reference: {column: a, template: b}", "'reference' must have either"),
        ("reference: {column: a, pattern: 'x'}", "line 1: column 'a': 'reference.pattern' finds nothing"),
        ("reference: {column: a, pattern: '(x)|0'}", "line 1: column 'a': 'reference.pattern' finds nothing in '0'"),
        ("reference: {column: a, pattern: '('}", "'reference': 'pattern' is not a regular expression"),
        ("ideal: '{b}'", "rows.jsonl has no column 'b', which 'ideal' needs"),
        ("max_tokens: 0", "'max_tokens' must be a positive number"),
        ("max_tokens: [8, 8]", "'max_tokens' must be a positive number"),
        (
            "splits: {tune: 30, confirm: 30}",
            "'splits' must take at least 1 each and at most the 40 examples there are, but is 30 . 30",
        ),
        ("splits: {tune: 0.9, confirm: 0.9}", "'splits': the shares must sum to at most 1, but sum to 1.8"),
        ("splits: {tune: 0, confirm: 3}", "'splits' must be two counts"),
        ("splits: {tune: 40}", "'splits' must take at least 1 each and at most the 40"),
        ("splits: {tune: {}, confirm: {path: rows.jsonl}}", "'splits.tune' must have 'path' or 'hub'"),
        ("splits: {tune: 3, confirm: 0.5}", "'splits' must be two counts"),
        ("splits: {tune: {path: rows.jsonl}}", "must give both tune and confirm a source"),
        ("data: ", "'data' must name a file"),
        ("id: number", "no column 'number', which 'id'"),
        (
            "scorer: {name: python_tests, options: {prefix_field: questio}}",
            "'scorer.options.prefix_field': no field is called 'questio'; did you mean 'question'",
        ),
        ("fields: {}", "'fields' must name at least one field"),
        ("fields: {my question: q}", "the name 'my question' must be letters, digits and _"),
        ("fields: {question: {conversation: q}, more: {conversation: q}}", "must have one conversation at most"),
        ("ideal: '{reference'", "'ideal': a lone '{' must be doubled"),
        ("name: [", "line .*: not valid YAML"),
        ("name: a\nname : b", "the key 'name' is given twice"),
    ],
)
def test_a_bad_task_file_is_one_message(write, changes, problem):
    with pytest.raises(InvalidInputError, match=problem):
        load(write(changes))


def test_all_errors_of_a_task_file_are_told_at_once(write):
    path = write(
        """version: one
scorers: number
fields: {question: qq, more: a}
prompts: [qestion, {name: bad, kind: plain, text: '{question} {'}, question]
max_tokens: 0
splits: {tun: 0.5}
extraction: [{kind: regex, pattern: '('}, {kind: lines}, {kind: line, wich: last}]
scorer: {name: exact, options: {ignore_cas: true, ignore_spaces: 3}}"""
    )
    path.write_text(path.read_text().replace("name: mine\n", ""))
    with pytest.raises(InvalidInputError) as caught:
        load(path)
    head, *errors = str(caught.value).split("\n  ")
    assert head == f"{path} has {len(errors)} errors:"
    for part in (
        "unknown key 'scorers'; did you mean 'scorer'?",
        "must have the key 'name'",
        "'version' must be a whole number, but is 'one'",
        "unknown key 'tun' under 'splits'; did you mean 'tune'?",
        "'prompts[1]': a lone '{' must be doubled",
        "no prompt is called 'qestion'; did you mean 'question'?",
        "prompt 'question': does not use the field 'more'",
        "'max_tokens' must be a positive number, or several, but is 0",
        "'extraction[0]': 'pattern' is not a regular expression",
        "'extraction[1].kind' must be",
        "unknown key 'wich' under 'extraction[2]'; did you mean 'which'?",
        "unknown key 'ignore_cas' under 'scorer.options'; did you mean 'ignore_case'?",
        "'scorer.options.ignore_spaces' must be true or false, but is 3",
        "rows.jsonl has no column 'qq', which 'fields.question' needs; did you mean 'q'?",
    ):
        assert len([error for error in errors if part in error]) == 1, part
    assert len(errors) == 14


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("data: [rows.jsonl]", "'data' must be text or a mapping with keys such as path, hub, count, but is a list"),
        (
            "splits: {tune: {path: 3}, confirm: {path: b}}\ndata: ",
            "'splits.tune.path' must be text, but is 3; quote it",
        ),
        ("prompts: 3", "'prompts' must be a list, but is 3"),
        ("extraction: [3]", "'extraction[0]' must be a mapping with the key kind, but is 3"),
    ],
)
def test_one_slip_is_one_error(write, change, problem):
    path = write(change)
    with pytest.raises(InvalidInputError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_a_file_that_is_no_mapping_is_one_error(write):
    path = write()
    for text in ("", "[1]", "words"):
        path.write_text(text)
        with pytest.raises(InvalidInputError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: must be a mapping with keys such as name, version, description")
        assert "\n" not in str(caught.value)


LEAVES = (
    st.none() | st.booleans() | st.integers(-2, 50) | st.floats() | st.sampled_from(["q", "{q}", "a", "exact", "("])
)
INNER = st.sampled_from(
    "path hub count tune confirm column pattern template name options kind labels text question".split()
)
ANYTHING = st.recursive(LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(INNER, one, max_size=3))


@given(st.dictionaries(st.sampled_from(Definition.__struct_fields__), ANYTHING, max_size=3))
def test_any_task_file_is_a_task_or_one_message(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("any", numbered=True)
    (folder / "rows.jsonl").write_text(lines(ROWS))
    (folder / "mine.yaml").write_text(yaml_file.dump(yaml.safe_load(FILE) | changes))
    try:
        load(folder / "mine.yaml")
    except (InvalidInputError, DataUnavailableError) as error:
        assert str(error)


@given(
    st.sampled_from(["x.jsonl", "x.json", "x.csv", "x.tsv", "x.parquet", "x.csv.gz"]),
    st.binary(max_size=60) | st.text('qa,;|\t"\n{}[]:1 \\ud8\0', max_size=60).map(str.encode),
)
def test_any_data_file_is_read_or_one_message(tmp_path_factory, name, content):
    folder = tmp_path_factory.mktemp("any", numbered=True)
    (folder / "mine.yaml").write_text(FILE)
    (folder / name).write_bytes(content)
    try:
        load(folder / "mine.yaml", data=folder / name)
    except (InvalidInputError, DataUnavailableError) as error:
        assert str(error)


def test_source_and_licence_may_be_left_out(write):
    path = write()
    whole = load(path)
    path.write_text(re.sub("(source|licence): .*\n", "", path.read_text()))
    assert load(path).digest == whole.digest
    assert (load(path).source, load(path).licence) == ("", "")


def test_the_first_ten_bad_rows_are_named(write):
    rows = [{"q": f"{i}?", "a": None if i % 3 else "1"} for i in range(30)]
    with pytest.raises(InvalidInputError) as caught:
        load(write(rows=rows))
    head, *told = str(caught.value).split("\n  ")
    assert head.startswith("20 rows of ") and head.endswith("rows.jsonl cannot be used:")
    assert told[0].endswith("rows.jsonl, line 2: column 'a' is null")
    assert [line.split("line ")[1].split(":")[0] for line in told[:10]] == "2 3 5 6 8 9 11 12 14 15".split()
    assert told[10:] == ["and 10 more"]


def test_missing_files_are_one_message(write, tmp_path):
    with pytest.raises(InvalidInputError, match=r"none.yaml cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(InvalidInputError, match=r"data must be a file or a folder"):
        load(write(), data=tmp_path / "none")
    with pytest.raises(DataUnavailableError, match=r"there is no data file .*other.jsonl; .*data PATH"):
        load(write("data: other.jsonl"))
    with pytest.raises(InvalidInputError, match=r"must be or hold the file other.jsonl; found mine.yaml, rows.jsonl"):
        load(write("data: other.jsonl"), data=tmp_path)
    with pytest.raises(InvalidInputError, match=r"no task is called 'gsm8', .*did you mean 'gsm8k'"):
        load("gsm8")


def test_yes_and_no_are_words(write):
    rows = [{"q": f"Is {i} even?", "a": "no" if i % 2 else "yes"} for i in range(10)]
    task = load(write("extraction: [{kind: choice, labels: [yes, no]}]\nscorer: exact", rows=rows))
    assert task.extract("No.") == "no"


def test_one_number_of_max_tokens_means_its_half_and_quarter_too(write):
    assert load(write("max_tokens: 256")).max_tokens_choices == (64, 128, 256)
    assert load(write("max_tokens: 1")).max_tokens_choices == (1,)


def test_repeated_rows_are_left_out_and_said(write):
    task = load(write(rows=[*ROWS, ROWS[3]]))
    assert len(task.tune) + len(task.confirm) == 40
    (note,) = task.left_out
    assert re.fullmatch(
        r"1 row left out, a repeated question: .*rows.jsonl, line 41 repeats .*rows.jsonl, line 4", note
    )


def test_a_question_with_two_answers_is_left_out_and_said(write):
    task = load(write(rows=[*ROWS, {"q": "what  IS 3 + 3?", "a": "7"}]))
    assert len(task.examples) == 39
    assert not [one for one in task.examples if one.reference == "6"]
    (note,) = task.left_out
    assert "2 rows left out, the same question with different answers: " in note
    assert "line 4 and " in note and "line 41" in note


def test_a_shot_that_is_a_row_is_no_example(write):
    shots = "[{question: ' what is 3 + 3?', answer: '6'}]"
    prompt = f"{{name: mine, kind: plain, text: '{{question}}', examples: {shots}}}"
    task = load(write(f"prompts: [question, {prompt}]"))
    assert len(task.examples) == 39
    assert not [one for one in task.examples if one.reference == "6"]
    assert ["rows.jsonl, line 4 (mine)" in note for note in task.left_out] == [True]


def test_too_few_rows_say_what_became_of_the_others(write):
    with pytest.raises(InvalidInputError, match=r"but there is 1; 39 rows left out, a repeated question"):
        load(write(rows=[ROWS[0]] * 40))


def test_one_id_for_two_examples_is_an_error(write):
    with pytest.raises(InvalidInputError, match=r"line 2: the id '0' is already that of .*line 1"):
        load(write("id: n", rows=[{"n": 0, **ROWS[0]}, {"n": 0, **ROWS[1]}]))


def test_a_source_for_each_split_never_shares_a_question(write, tmp_path):
    (tmp_path / "train.jsonl").write_text(lines(ROWS[:30]))
    (tmp_path / "test.jsonl").write_text(lines([{"q": "what is  0 + 0?", "a": "7"}, *ROWS[20:]]))
    path = write("data: \nsplits: {tune: {path: train.jsonl, count: 17}, confirm: {path: test.jsonl, count: 21}}")
    task = load(path)
    asked = [{example.fields["question"].lower() for example in split} for split in (task.tune, task.confirm)]
    assert (len(task.tune), len(task.confirm)) == (17, 21)
    assert not asked[0] & asked[1]
    assert [note.partition(": ")[0] for note in task.left_out] == [
        "11 rows left out, a question of 'tune' that 'confirm' asks too"
    ]
    with pytest.raises(InvalidInputError, match=r"must be a folder with train.jsonl and test.jsonl"):
        load(path, data=tmp_path / "train.jsonl")
    with pytest.raises(
        InvalidInputError, match=r"splits.tune: 'count' must be in 1..19, .* but is 31; 11 rows left out"
    ):
        load(write("splits: {tune: {path: train.jsonl, count: 31}, confirm: {path: test.jsonl}}\ndata: "))


@given(st.permutations(ROWS))
def test_the_order_of_the_rows_does_not_matter(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("split", numbered=True)
    (folder / "mine.yaml").write_text(FILE)
    (folder / "rows.jsonl").write_text(lines(ROWS))
    (folder / "mixed.jsonl").write_text(lines(rows))
    whole, mixed = load(folder / "mine.yaml"), load(folder / "mine.yaml", data=folder / "mixed.jsonl")
    assert (mixed.tune, mixed.confirm) == (whole.tune, whole.confirm)
    assert (len(whole.tune), len(whole.confirm)) == (24, 16)


def test_a_split_that_is_not_given_is_the_rest(write):
    sizes = {
        "splits: {tune: 10}": (10, 30),
        "splits: {confirm: 10}": (30, 10),
        "splits: {tune: 0.3}": (12, 28),
        "splits: {confirm: 0.3}": (28, 12),
        "splits: {tune: 0.3, confirm: 0.3}": (12, 12),
    }
    for splits, expected in sizes.items():
        task = load(write(splits))
        assert (len(task.tune), len(task.confirm)) == expected, splits


def test_labels_are_those_of_the_scorer_and_in_both_splits_in_proportion(write):
    labels = ["yes", "Yes ", "no", "NO", "maybe"]
    rows = [{"q": f"{i}?", "a": labels[i % 5]} for i in range(50)]
    scorer = "scorer: {name: exact, options: {ignore_case: true}}"
    task = load(write(f"splits: {{tune: 30, confirm: 15}}\n{scorer}", rows=rows))
    for split, n in ((task.tune, 30), (task.confirm, 15)):
        answers = [one.reference.strip().lower() for one in split]
        counts = [answers.count(label) for label in ("yes", "no", "maybe")]
        assert counts == [n * 2 // 5, n * 2 // 5, n // 5]


def test_counts_are_kept_and_disjoint(write):
    task = load(write("splits: {tune: 25, confirm: 15}"))
    assert (len(task.tune), len(task.confirm)) == (25, 15)
    assert len({*ids(task.tune), *ids(task.confirm)}) == 40


def test_digest_follows_what_shapes_a_score(write):
    plain = load(write()).digest
    assert load(write("description: other words")).digest == plain
    changed = [
        "version: 2",
        "stop: [x]",
        "prompts: [short-answer]",
        "scorer: exact",
        "splits: {tune: 0.5, confirm: 0.4}",
    ]
    assert len({plain, *(load(write(change)).digest for change in changed)}) == 6
    assert load(write(rows=ROWS[1:])).digest != plain


def test_a_hub_that_cannot_be_reached_is_said_at_once(write, monkeypatch, tmp_path):
    pytest.importorskip("datasets", reason="the hub is of the extra hf")
    import datasets
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    path = write("data: {path: none.jsonl, hub: {path: someone/no-such-data, split: test}}")
    with pytest.raises(
        DataUnavailableError, match=r"someone/no-such-data could not be fetched .*data PATH.*none.jsonl"
    ):
        load(path)
    (tmp_path / "none.jsonl").write_text(lines(ROWS))
    assert len(load(path).tune) > 0


def test_shipped_definitions_are_listed():
    assert {"gsm8k", "math500", "humaneval"} <= set(names())
