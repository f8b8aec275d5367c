"""Data files as people have them: read right, or refused in one line with file, row and column."""

import gzip
import json
from datetime import date, datetime
from decimal import Decimal

import pytest

from infertune.errors import InvalidInputError
from infertune.files import text_file
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
        ("x.csv", separated(",").encode("utf-16")),
        ("x.jsonl", lines(ROWS).encode("utf-32")),
        ("x.csv", gzip.compress(separated(",").encode())),
        ("x.jsonl.gz", gzip.compress(lines(ROWS).encode())),
        ("X.CSV", separated(";")),
        ("x.ndjson", lines(ROWS)),
        ("x.csv", separated(",").replace("\n", ",\n")),
        ("x.csv", separated(",").replace("\n", ",,\n").replace(",,", "", 1)),
        ("x.csv", "sep=;\r\n" + separated(";")),
        ("x.csv", 'q, "a"\n' + "".join(f'"{row["q"]}", "{row["a"]}"\n' for row in ROWS)),
        ("x.json", json.dumps({"data": ROWS})),
        ("x.jsonl", json.dumps({"version": 1, "rows": ROWS}, indent=1)),
        ("x.json", lines(ROWS).replace("\n", "")),
        ("x.jsonl", "\n".join(json.dumps(row, indent=1) for row in ROWS)),
        ("x.jsonl", "".join(f"[{json.dumps(row)}]\n" for row in ROWS)),
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
LFS = "x.csv is a Git LFS pointer, not the file itself: run `git lfs pull` beside it"
PAGE = "x.csv is a web page, not data: what was fetched may be an error"
CUT = "x.csv.gz cannot be read: Compressed file ended before the end-of-stream marker was reached"
COLUMNS = (
    "x.json: must be a list of objects or an object a line, but is an object of columns (q, a): write it row by row, "
    "in pandas with orient='records'"
)


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
        ("x.csv", separated(",") + "x,nan\n", "x.csv, line 14: column 'a' is nan, a missing value"),
        ("x.csv", separated(",") + "x,NULL\n", "x.csv, line 14: column 'a' is NULL, a missing value"),
        ("x.csv", separated(",") + "x,NaT\n", "x.csv, line 14: column 'a' is NaT, a missing value"),
        ("x.jsonl", GOOD + '{"q": "x", "a": 1e999}', "x.jsonl, line 13: column 'a' is infinite"),
        ("x.jsonl", GOOD + '{"q": "\0", "a": 1}', "x.jsonl, line 13: not valid JSON: Invalid control character at"),
        ("x.csv", separated(",") + "x\0,1\n", "x.csv, line 14: column 'q' holds a NUL character"),
        (
            "x.jsonl",
            GOOD + f'{{"q": {"[" * 3000}{"]" * 3000}, "a": 1}}',
            "x.jsonl, line 13: not valid JSON: it is nested too deep",
        ),
        ("x.json", "[" * 100_000, "x.json: not valid JSON: it is nested too deep"),
        (
            "x.jsonl",
            GOOD + f'{{"q": "x", "a": {"9" * 301}}}',
            "x.jsonl, line 13: not valid JSON: a number has 301 digits, and may have 300",
        ),
        ("x.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", LFS),
        ("x.csv", "<!DOCTYPE html>\n<p>no such page", PAGE),
        ("x.csv.gz", separated(","), "x.csv.gz cannot be read: it ends in .gz, but is not gzipped"),
        ("x.csv.gz", gzip.compress(separated(",").encode(), mtime=0)[:40], CUT),
        ("x.jsonl.zst", GOOD, "x.jsonl.zst: unpack it first: of packed files only .gz is read"),
        (
            "x.xlsx",
            GOOD,
            "x.xlsx: a data file must end in .jsonl, .json, .ndjson, .csv, .tsv, .parquet, or one of these and .gz",
        ),
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
            json.dumps({"tune": ROWS, "test": ROWS}, indent=1),
            "x.json: must hold one list of rows, but holds several: tune, test",
        ),
        ("x.json", json.dumps({"q": {"0": "x", "1": "y"}, "a": {"0": 1, "1": 2}}), COLUMNS),
        ("x.json", json.dumps({"q": ["x", "y"], "a": [1, 2]}), COLUMNS),
        (
            "x.csv",
            "q,a\n1,2\n".encode("utf-16-le"),
            "x.csv: must be UTF-8, but looks like UTF-16 without a mark; save it as UTF-8, such as with "
            "`iconv -f UTF-16LE -t UTF-8`",
        ),
        ("x.jsonl", GOOD + '{"q": "x", "q": "y"}', "x.jsonl, line 13: not valid JSON: the key 'q' is given twice"),
        (
            "x.csv",
            b"q,a\n1,2\ncaf\xe9,3\n",
            "x.csv, line 3: must be UTF-8, but byte 11 is not; save it as UTF-8, such as with "
            "`iconv -f WINDOWS-1252 -t UTF-8`",
        ),
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


def parquet(tmp_path, **columns):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is of the extra hf")
    written = pytest.importorskip("pyarrow.parquet")
    written.write_table(pyarrow.table({name: pyarrow.array(*each) for name, each in columns.items()}), tmp_path / "p")
    return (tmp_path / "p").read_bytes()


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([Decimal("1.50"), Decimal("-0.07")], "decimal128(9, 2)", ["1.50", "-0.07"]),
        ([date(2024, 2, 29), date(1, 1, 1)], "date32()", ["2024-02-29", "0001-01-01"]),
        ([datetime(2024, 2, 29, 7), datetime(2024, 1, 1)], "timestamp('us')", None),
        ([0.1, 1e-5], "float32()", ["0.1", "1e-05"]),
        ([[1, 2], [3]], "list_(int64())", ["[1, 2]", "[3]"]),
        ([[Decimal("1.5")], [Decimal("2.25")]], "list_(decimal128(9, 2))", ["[1.5]", "[2.25]"]),
        ([b"yes", b"no"], "binary()", ["yes", "no"]),
        (["yes", "no"], "dictionary(int32(), string())", ["yes", "no"]),
        ([True, False], "bool_()", ["true", "false"]),
    ],
)
def test_cells_of_parquet_are_as_people_write_them(read, tmp_path, values, kind, found):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is of the extra hf")
    kind = eval(kind, vars(pyarrow))
    content = parquet(tmp_path, q=(["x", "y"],), a=(values, kind))
    examples = {one.fields["question"]: one.reference for one in read("x.parquet", content).examples}
    assert [examples["x"], examples["y"]] == (found or [str(value) for value in values])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (([Decimal(1), None], "decimal128(9, 2)"), "x.parquet, row 2: column 'a' is null"),
        (([b"a", b"\xff"], "binary()"), "x.parquet, row 2: column 'a' holds bytes that are not UTF-8"),
        (([None, None], "null()"), "2 rows of x.parquet cannot be used:"),
    ],
)
def test_cells_of_parquet_that_are_none(refused, tmp_path, values, told):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is of the extra hf")
    content = parquet(tmp_path, q=(["x", "y"],), a=(values[0], eval(values[1], vars(pyarrow))))
    assert refused("x.parquet", content).splitlines()[0] == told


@pytest.mark.parametrize(("word", "note"), [("None", True), ("n/a", True), ("nan", True), ("none of these", False)])
def test_a_reference_that_may_mean_nothing_is_an_answer_and_is_told(read, tmp_path, word, note):
    task = read("x.jsonl", GOOD + json.dumps({"q": "x", "a": word}))
    assert word in [one.reference for one in task.examples]
    notes = [each.replace(f"{tmp_path}/", "") for each in task.notes]
    told = f"1 reference is '{word}', in x.jsonl, line 13: remove what means a missing value"
    assert notes == ([told] if note else [])


def test_cells_with_escaped_quotes_are_read(read):
    text = "q,a\n" + "".join(f'"say \\"hi, {i}\\"",{i}\n' for i in range(9))
    assert 'say "hi, 3"' in [one.fields["question"] for one in read("x.csv", text).examples]


def test_what_unpacks_to_more_than_a_file_may_have_is_refused(tmp_path):
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * 10_000))
    assert text_file.content(tmp_path / "bomb.csv.gz", most=10_000) == b"0" * 10_000
    with pytest.raises(InvalidInputError, match="must have at most 9,999 bytes, but has more"):
        text_file.content(tmp_path / "bomb.csv.gz", most=9_999)
