"""Rows of a Parquet file, narrow floats as people write them."""

from collections.abc import Iterator
from typing import Any

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.tasks.table import Row, row


def rows(content: bytes, *, name: str) -> Iterator[Row]:
    """Yield the rows.

    Raises:
        InvalidInputError: It is no Parquet file, or has a column twice, or one that cannot be read.
        DataUnavailableError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataUnavailableError(f"{name}: reading Parquet needs pyarrow: pip install 'infertune[hf]'") from None
    broken = (pyarrow.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError)
    try:
        names = pyarrow.parquet.read_schema(pyarrow.BufferReader(content)).names
        for column in names:
            if names.count(column) > 1:
                raise InvalidInputError(f"{name}: the column '{column}' appears {names.count(column)} times")
        read = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    except broken as error:
        raise InvalidInputError(f"{name}: not a valid Parquet file: {_said(error)}") from None
    columns = {}
    for column in names:
        try:
            columns[column] = _plain(read.column(column))
        except broken as error:
            raise InvalidInputError(f"{name}: column '{column}' cannot be read: {_said(error)}") from None
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        yield row(dict(zip(columns, values, strict=True)), where=f"{name}, row {number}")


def _plain(column: Any) -> list[Any]:
    """Return a column's values: a float of 32 bits by its shortest digits."""
    import pyarrow

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    values = list(column.to_pylist())
    if pyarrow.types.is_float32(kind) or pyarrow.types.is_float16(kind):
        narrow = kind.to_pandas_dtype()
        return [None if value is None else float(str(narrow(value))) for value in values]
    return values


def _said(error: BaseException) -> str:
    return str(error).split("\n")[0][:200] or type(error).__name__
