"""Where infertune keeps what it can make again.

``$INFERTUNE_CACHE``, else ``$XDG_CACHE_HOME/infertune``, else ``~/.cache/infertune``.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infertune.errors import DataUnavailableError


def folder() -> Path:
    """Return the folder where infertune keeps what it can make again."""
    if chosen := os.environ.get("INFERTUNE_CACHE"):
        return Path(chosen).expanduser()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "infertune"
    except RuntimeError as error:
        raise DataUnavailableError("there is no home folder to keep things in: set INFERTUNE_CACHE to one") from error


def file(*names: str) -> Path:
    """Return the path of a file in the cache, whose folder is made, or say that it cannot be written to.

    Raises:
        DataUnavailableError: It cannot.
    """
    path = folder().joinpath(*names)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            return path


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn the system's refusal to write into the cache into a DataUnavailableError that says what to do."""
    try:
        yield
    except OSError as error:
        raise DataUnavailableError(
            f"the cache {place} cannot be written to ({error.strerror}): set INFERTUNE_CACHE to a folder that can be"
        ) from error
