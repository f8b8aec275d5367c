"""Where a page is written: a new file, or one that an earlier page is in."""

import re
from pathlib import Path

from infertune.errors import InvalidInputError
from infertune.files import yaml_file

_MARK = "<title>infertune report</title>"
_HEAD = 4000  # bytes in which the mark of a page is


def default_path(study: str) -> Path:
    """Return the page of a study where none is named: ``STUDY.html`` here, fit for any file system."""
    name = re.sub(r"[^\w.-]+", "-", study).strip(".-") or "report"
    return Path(f"{name}.html")


def check(path: Path) -> None:
    """Raise InvalidInputError unless a page can be written there: a new file, or an earlier page, to be replaced."""
    yaml_file.check_place(path, "`out`")
    if not path.exists():
        return
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    if _MARK.encode() not in head:
        raise InvalidInputError(
            f"`out` must be a new file or an earlier page, which it then replaces: {path} is neither"
        )


def write(path: Path, text: str) -> None:
    """Write a page whole or not at all.

    Raises:
        InvalidInputError: It cannot be written, or something else is there by now.
    """
    check(path)
    yaml_file.write_text(path, text)
