"""Rows of one data file: JSON in its usual shapes, CSV or Parquet, each also gzipped."""

import json
from pathlib import Path

from infertune.errors import InvalidInputError
from infertune.files import json_rows, text_file
from infertune.files.json_rows import JSONRow
from infertune.tasks import csvfile, parquetfile
from infertune.tasks.table import Row, Table, row, table

_JSON = (".jsonl", ".json", ".ndjson")
_CSV = (".csv", ".tsv")
FORMATS = (*_JSON, *_CSV, ".parquet")
_PACKED = (".zst", ".bz2", ".xz", ".zip", ".7z", ".tar")


def read(path: Path) -> Table:
    """Return a file's rows, those that cannot be read among them.

    Raises:
        InvalidInputError: The file as a whole cannot be read, or has no rows.
        DataUnavailableError: It is a Parquet file, and pyarrow is not installed.
    """
    ending = path.suffix.lower()
    if ending in _PACKED:
        raise InvalidInputError(f"{path}: unpack it first: of packed files only .gz is read")
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    if kind not in FORMATS:
        raise InvalidInputError(f"{path}: a data file must end in {', '.join(FORMATS)}, or one of these and .gz")
    content = text_file.content(path)
    if not content.strip():
        raise InvalidInputError(f"{path} is empty")
    if kind == ".parquet":
        found = table(list(parquetfile.rows(content, name=str(path))), name=str(path))
    else:
        text = text_file.decoded(content, where=str(path))
        if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
            raise InvalidInputError(f"{path} is a web page, not data: what was fetched may be an error")
        found = csvfile.read(text, name=str(path)) if kind in _CSV else _json(text, name=str(path))
    if not found.rows:
        raise InvalidInputError(f"{path} has no rows")
    return found


def _json(text: str, *, name: str) -> Table:
    found, key = json_rows.rows(text, name=name)
    notes = (f"the rows of {name} are the list under '{key}'",) if key else ()
    return table([_row(one) for one in found], name=name, notes=notes)


def _row(found: JSONRow) -> Row:
    if found.problem:
        return Row(where=found.where, problem=found.problem)
    if isinstance(found.value, dict):
        return row(found.value, where=found.where)
    shown = json.dumps(found.value, ensure_ascii=True)[:40]
    return Row(where=found.where, problem=f"must be a JSON object, but is {shown}")
