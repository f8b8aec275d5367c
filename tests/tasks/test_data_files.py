"""Data files as people have them: read right, or refused in one line with file, row and column."""

import json

import pytest

from infertune.errors import InvalidInputError
from infertune.tasks import check, load

FILE = """
name: mine
version: 1
data: rows.jsonl
fields: {question: q}
reference: a
prompts: [question]
max_tokens: 8
extraction: [{kind: text}]
scorer: exact
"""
ROWS = [{"q": f"What is {i}, plus zero?", "a": f"{i}"} for i in range(12)]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def separated(separator, rows=ROWS, end="\n"):
    def quoted(cell):
        return f'"{cell}"' if separator in cell else cell

    return end.join(separator.join(map(quoted, row)) for row in [("q", "a"), *((r["q"], r["a"]) for r in rows)]) + end


@pytest.fixture
def read(tmp_path):
    def read(name, content):
        (tmp_path / "mine.yaml").write_text(FILE)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return load(tmp_path / "mine.yaml", data=tmp_path / name)

    return read


@pytest.fixture
def refused(read, tmp_path):
    def refused(name, content):
        with pytest.raises(InvalidInputError) as caught:
            read(name, content)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return refused


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", json.dumps(ROWS)),
        ("x.json", json.dumps(ROWS, indent=2)),
        ("x.json", lines(ROWS)),
        ("x.jsonl", json.dumps(ROWS)),
        ("x.jsonl", "\n\n" + lines(ROWS) + "\n"),
        ("x.csv", separated(",")),
        ("x.csv", separated(";")),
        ("x.csv", separated("\t")),
        ("x.csv", separated("|")),
        ("x.tsv", separated("\t")),
        ("x.csv", separated(",", end="\r\n")),
        ("x.csv", "\n" + separated(";").replace("q;a", " q ;a ") + "\n ; \n\n"),
        ("x.csv", b"\xef\xbb\xbf" + separated(",").encode()),
    ],
)
def test_all_are_the_same_rows(read, name, content):
    assert read(name, content).examples == read("rows.jsonl", lines(ROWS)).examples


@pytest.mark.parametrize(
    ("separator", "notes"),
    [
        (";", ("the delimiter of x.csv is a semicolon",)),
        ("\t", ("the delimiter of x.csv is a tab",)),
        ("|", ("the delimiter of x.csv is a pipe",)),
        (",", ()),
    ],
)
def test_what_separates_cells_is_said_where_it_is_no_comma(read, tmp_path, separator, notes):
    task = read("x.csv", separated(separator))
    assert tuple(note.replace(f"{tmp_path}/", "") for note in task.notes) == notes
    assert set(task.notes) <= set(check(tmp_path / "mine.yaml", data=tmp_path / "x.csv").notes)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_row_with_other_cells_says_by_what_they_were_counted(refused, separator):
    text = separated(separator) + f"one{separator}two{separator}three\n"
    words = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}[separator]
    assert refused("x.csv", text) == (
        f"x.csv, line 14: must have 2 cells like the first line, but has 3 (the delimiter is {words})"
    )


def test_a_csv_of_one_column_has_commas(refused):
    assert refused("x.csv", "q\none\ntwo\n") == "x.csv has no column 'a', which 'reference' needs; valid: q"


def test_long_cells_are_read(read):
    long = "x" * 200_000
    task = read("x.csv", separated(",", [*ROWS, {"q": long, "a": "1"}]))
    assert long in [one.fields["question"] for one in task.examples]


def test_a_cell_of_several_lines_is_one_row(read, refused):
    text = separated(",") + '"two\nlines?",2\n'
    assert "two\nlines?" in [one.fields["question"] for one in read("x.csv", text).examples]
    told = refused("x.csv", text + "three\n")
    assert told.startswith("x.csv, line 16: must have 2 cells like the first line, but has 1")


GOOD = lines(ROWS)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.jsonl", "", "x.jsonl is empty"),
        ("x.csv", " \n\n", "x.csv is empty"),
        ("x.json", "[]", "x.json has no rows"),
        ("x.csv", "q,a\n", "x.csv has no rows"),
        ("x.csv", ",,\n,,\n", "x.csv has no rows"),
        ("x.csv", "q,a,a\n1,2,3\n", "x.csv, line 1: the column 'a' appears 2 times"),
        ("x.jsonl", GOOD + '{"q": "x", "a": NaN}', "x.jsonl, line 13: column 'a' is NaN, a missing value"),
        ("x.jsonl", GOOD + '{"q": "x", "a": null}', "x.jsonl, line 13: column 'a' is null"),
        ("x.jsonl", GOOD + '{"q": null}', "x.jsonl, line 13: column 'q' is null; column 'a' is missing"),
        (
            "x.jsonl",
            GOOD + '{"q": "x", "a": " "}',
            "x.jsonl, line 13: column 'a' is empty, but must hold the right answer",
        ),
        ("x.csv", separated(",") + "x,\n", "x.csv, line 14: column 'a' is empty, but must hold the right answer"),
        ("x.csv", separated(",") + "x,NaN\n", "x.csv, line 14: column 'a' is NaN, a missing value"),
        ("x.csv", separated(",") + "x,nan\n", "x.csv, line 14: column 'a' is NaN, a missing value"),
        (
            "x.jsonl",
            GOOD + '{"q": "bad \\ud83d half", "a": "1"}',
            "x.jsonl, line 13: column 'q' holds half a character: the lone surrogate \\ud83d",
        ),
        (
            "x.json",
            json.dumps([*ROWS, {"q": "x", "a": None}]),
            "x.json, row 13: column 'a' is null",
        ),
        ("x.json", json.dumps([*ROWS, 3]), "x.json, row 13: must be a JSON object, but is 3"),
        ("x.json", '[{"q": 1},\n {"q": }]', "x.json, line 2: not valid JSON: Expecting value"),
        (
            "x.json",
            json.dumps({"rows": ROWS}, indent=1),
            "x.json: must be a list of objects or an object a line, but is one object with the keys rows",
        ),
        ("x.jsonl", GOOD + '{"q": "x", "q": "y"}', "x.jsonl, line 13: not valid JSON: the key 'q' is given twice"),
        ("x.csv", "q,a\n1,2\n".encode("utf-16"), "x.csv: must be UTF-8, but byte 0 is not; it looks like UTF-16"),
        ("x.csv", b"q,a\n1,2\ncaf\xe9,3\n", "x.csv: must be UTF-8, but byte 11 is not (line 3)"),
        ("x.csv", separated(",") + 'x,"open\n', "x.csv, line 14: not valid CSV: a quoted cell does not end"),
        ("x.csv", separated(",") + 'x,"a"b\nx\n', "2 rows of x.csv cannot be used:"),
    ],
)
def test_what_is_bad_is_told_with_file_row_and_column(refused, name, content, told):
    found = refused(name, content)
    assert found.splitlines()[0] == told
    assert told.endswith(":") or "\n" not in found


def test_what_is_bad_in_a_column_that_is_not_used_does_not_matter(read):
    rows = [{**row, "other": None, "more": float("nan")} for row in ROWS]
    text = lines(rows).replace('"more": NaN', '"more": "\\ud83d"', 1)
    assert read("x.jsonl", text).examples == read("rows.jsonl", GOOD).examples


def test_a_parquet_file_says_its_row_and_column(refused, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is of the extra hf")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"q": ["x", "y"], "a": [1.0, float("nan")]}), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    assert refused("x.parquet", content) == "x.parquet, row 2: column 'a' is NaN, a missing value"
    parquet.write_table(pyarrow.table({"q": pyarrow.array([], pyarrow.string())}), tmp_path / "x.parquet")
    assert refused("x.parquet", (tmp_path / "x.parquet").read_bytes()) == "x.parquet has no rows"
    twice = pyarrow.table([pyarrow.array(["x"]), pyarrow.array(["y"])], names=["q", "q"])
    parquet.write_table(twice, tmp_path / "x.parquet")
    assert refused("x.parquet", (tmp_path / "x.parquet").read_bytes()) == "x.parquet: the column 'q' appears 2 times"
