"""Rows of data: JSONL, CSV and Parquet files, plain or gzipped, and data sets of the Hugging Face hub."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.tasks.definition import Hub, Source

FORMATS = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its place, for messages."""

    columns: dict[str, str]
    where: str


def rows(source: Source, *, folder: Path, data: Path | None) -> list[Row]:
    """Return the source's rows.

    Args:
        source: The task file's words.
        folder: Where the task file lies.
        data: What the user gave as ``--data``: the file itself, or a folder that holds it.

    Raises:
        InvalidInputError: A file is malformed, or ``data`` has no such file.
        DataUnavailableError: There is no file, and the hub cannot be reached.
    """
    if data is not None:
        path = data / Path(source.path).name if data.is_dir() else data
        if not path.is_file():
            inside = ", ".join(sorted(entry.name for entry in data.iterdir())) if data.is_dir() else "nothing there"
            raise InvalidInputError(
                f"--data {data}: must be or hold the file {path.name}; found {inside or 'nothing'}"
            )
        return list(_file_rows(path))
    path = folder / source.path
    if source.path and path.is_file():
        return list(_file_rows(path))
    if source.hub is None:
        raise DataUnavailableError(
            f"there is no data file {path}; correct 'path' in the task file, or give --data PATH"
        )
    return list(_hub_rows(source.hub, file_name=Path(source.path).name))


def _file_rows(path: Path) -> Iterator[Row]:
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind not in FORMATS:
        raise InvalidInputError(f"{path}: a data file must end in {', '.join(FORMATS)}, or one of these and .gz")
    try:
        content = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
        if kind == ".parquet":
            yield from _parquet_rows(content, path)
        else:
            yield from (_jsonl_rows if kind == ".jsonl" else _csv_rows)(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: must be UTF-8, but byte {error.start} is not") from None
    except (OSError, EOFError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from None


def _jsonl_rows(text: str, path: Path) -> Iterator[Row]:
    # Not splitlines: JSON may hold U+2028 as it is.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"{where}: not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise InvalidInputError(f"{where}: must be a JSON object, but is {line.strip()[:40]}")
        yield Row(_texts(value), where)


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(names):
                raise InvalidInputError(
                    f"{where}: must have {len(names)} cells like the first line, but has {len(cells)}"
                )
            yield Row(dict(zip(names, cells, strict=True)), where)
    except csv.Error as error:
        raise InvalidInputError(f"{path}, line {reader.line_num}: not valid CSV: {error}") from None


def _parquet_rows(content: bytes, path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataUnavailableError(f"{path}: reading Parquet needs pyarrow: pip install 'infertune[hf]'") from None
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    except pyarrow.ArrowException as error:
        raise InvalidInputError(f"{path}: not a valid Parquet file: {error}") from None
    for number, value in enumerate(table.to_pylist(), start=1):
        yield Row(_texts(value), f"{path}, row {number}")


def _hub_rows(hub: Hub, *, file_name: str) -> Iterator[Row]:
    local = f"--data PATH reads a local copy{f' (a folder with {file_name})' if file_name else ''}"
    try:
        import datasets
        import huggingface_hub
    except ImportError:
        raise DataUnavailableError(
            f"the data set {hub.path} needs datasets: pip install 'infertune[hf]'; {local}"
        ) from None
    if not _reachable(huggingface_hub.constants.ENDPOINT):
        # Both libraries read these when they are imported; without them each retries for about 20 seconds.
        huggingface_hub.constants.HF_HUB_OFFLINE = True
        datasets.config.HF_HUB_OFFLINE = True
    try:
        data_set = datasets.load_dataset(hub.path, hub.name, split=hub.split)
    except Exception as error:  # The libraries below raise anything from OSError to their own.
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DataUnavailableError(f"the data set {hub.path} could not be fetched ({reason}); {local}") from None
    for number, value in enumerate(data_set, start=1):
        yield Row(_texts(value), f"{hub.path} {hub.split}, row {number}")


def _reachable(endpoint: str) -> bool:
    import httpx

    try:
        httpx.head(endpoint, timeout=3.0)
    except httpx.HTTPError:
        return False
    return True


def _texts(value: dict[str, Any]) -> dict[str, str]:
    """Return the columns as text: what is no text or number becomes JSON, and a null is no column."""
    return {
        str(name): cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
        for name, cell in value.items()
        if cell is not None
    }
