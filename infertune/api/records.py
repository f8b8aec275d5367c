"""Rows of plain values, as records or as a frame of pandas or polars."""

import csv
import importlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from infertune.errors import DataUnavailableError, InvalidInputError


class Records(Sequence[Mapping[str, Any]]):
    """A sequence of mappings with the same keys, which turns into a frame where the library is installed.

    Args:
        rows: In their order.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = list(rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: int | slice) -> "Mapping[str, Any] | Records":
        return Records(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        names = ", ".join(self._rows[0]) if self._rows else ""
        return f"<{len(self._rows)} records of {names}>" if names else "<no records>"

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``.

        Raises:
            DataUnavailableError: pandas is not installed.
        """
        return _library("pandas").DataFrame(self._rows)

    def to_csv(self) -> str:
        """Return the rows as CSV, the names first; nothing where there are none."""
        text = io.StringIO(newline="")
        if self._rows:
            writer = csv.DictWriter(text, fieldnames=list(self._rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        return text.getvalue()

    def to_parquet(self, path: str | Path) -> None:
        """Write a Parquet file.

        Raises:
            DataUnavailableError: pandas, or what it writes Parquet with, is not installed.
            InvalidInputError: The file cannot be written.
        """
        frame = self.to_pandas()
        try:
            frame.to_parquet(path, index=False)
        except ImportError:
            raise DataUnavailableError("Parquet needs the package 'pyarrow': pip install pyarrow") from None
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from None

    def to_polars(self) -> Any:
        """Return a ``polars.DataFrame``.

        Raises:
            DataUnavailableError: polars is not installed.
        """
        return _library("polars").DataFrame(self._rows, infer_schema_length=None)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataUnavailableError(f"a frame of {name} needs the package '{name}': pip install {name}") from error
