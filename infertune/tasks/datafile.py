"""Rows of one data file: JSON Lines, a JSON list, CSV or Parquet, each also gzipped."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.tasks import csvfile
from infertune.tasks.table import Row, Table, row, table

FORMATS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


def read(path: Path) -> Table:
    """Return a file's rows, those that cannot be read among them.

    Raises:
        InvalidInputError: The file as a whole cannot be read, or has no rows.
        DataUnavailableError: It is a Parquet file, and pyarrow is not installed.
    """
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind not in FORMATS:
        raise InvalidInputError(f"{path}: a data file must end in {', '.join(FORMATS)}, or one of these and .gz")
    try:
        content = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from None
    if not content.strip():
        raise InvalidInputError(f"{path} is empty")
    if kind == ".parquet":
        found = table(list(_parquet_rows(content, path)), name=str(path))
    elif kind in (".csv", ".tsv"):
        found = csvfile.read(_text(content, path), name=str(path))
    else:
        found = table(list(_json_rows(_text(content, path), path, kind)), name=str(path))
    if not found.rows:
        raise InvalidInputError(f"{path} has no rows")
    return found


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        line = 1 + content.count(b"\n", 0, error.start)
        hint = "; it looks like UTF-16" if utf_16 else f" (line {line})"
        raise InvalidInputError(f"{path}: must be UTF-8, but byte {error.start} is not{hint}") from None


def _json_rows(text: str, path: Path, kind: str) -> Iterator[Row]:
    """Yield the objects of a list, or those of the lines; what the file holds counts, not how its name ends."""
    whole = None
    if text.lstrip().startswith("[") or (kind == ".json" and not _is_json(text.lstrip().split("\n", 1)[0])):
        try:
            whole = _loads(text)
        except json.JSONDecodeError as error:
            if kind == ".json":
                raise InvalidInputError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"{path}: not valid JSON: {error}") from None
        if isinstance(whole, dict):
            keys = ", ".join(list(whole)[:5])
            raise InvalidInputError(
                f"{path}: must be a list of objects or an object a line, but is one object with the keys {keys}"
            )
    if isinstance(whole, list):
        for number, value in enumerate(whole, start=1):
            yield _object(value, where=f"{path}, row {number}")
        return
    # Not splitlines: JSON may hold U+2028 as it is.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            try:
                yield _object(_loads(line), where=where)
            except (ValueError, RecursionError) as error:
                yield Row(where=where, problem=f"not valid JSON: {error}")


def _object(value: Any, *, where: str) -> Row:
    if isinstance(value, dict):
        return row(value, where=where)
    found = json.dumps(value, ensure_ascii=True)
    return Row(where=where, problem=f"must be a JSON object, but is {found[:40]}")


def _is_json(text: str) -> bool:
    try:
        _loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice}' is given twice")
    return found


def _parquet_rows(content: bytes, path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataUnavailableError(f"{path}: reading Parquet needs pyarrow: pip install 'infertune[hf]'") from None
    try:
        names = pyarrow.parquet.read_schema(pyarrow.BufferReader(content)).names
        for name in names:
            if names.count(name) > 1:
                raise InvalidInputError(f"{path}: the column '{name}' appears {names.count(name)} times")
        values = pyarrow.parquet.read_table(pyarrow.BufferReader(content)).to_pylist()
    except pyarrow.ArrowException as error:
        reason = str(error).split("\n")[0]
        raise InvalidInputError(f"{path}: not a valid Parquet file: {reason}") from None
    for number, value in enumerate(values, start=1):
        yield row(value, where=f"{path}, row {number}")
