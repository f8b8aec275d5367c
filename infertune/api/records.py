"""Rows of plain values, as records or as a frame of pandas or polars."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, overload

from infertune.errors import DataUnavailableError


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
