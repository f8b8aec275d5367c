"""One file of a model folder: whether it is here and whole, or stands for a file that was never downloaded."""

import json
from pathlib import Path
from typing import Any

from infertune.errors import DataUnavailableError, InvalidInputError

_MOST_JSON_BYTES = 256 * 2**20  # tokenizers of large vocabularies have about 40 MB

_POINTERS = {
    b"version https://git-lfs.github.com/spec/": ("a Git LFS pointer", "fetch it with 'git lfs pull'"),
    b"/annex/objects/": ("a git-annex pointer", "fetch it with 'git annex get'"),
    b"# xet version": ("a Xet pointer", "fetch it with 'git xet' or 'hf download'"),
    b"<!doctype html": ("a web page", "download the file itself, not the page about it"),
    b"<html": ("a web page", "download the file itself, not the page about it"),
}


def is_there(path: Path) -> bool:
    """Whether there is a file, or a link that should lead to one."""
    return path.is_file() or path.is_symlink()


def beginning(path: Path, n_bytes: int = 256) -> bytes:
    """Return the first bytes of a file that is here, readable and no stand-in for another.

    Raises:
        DataUnavailableError: It is missing, a link to nothing, empty, or a pointer of Git LFS, git-annex or Xet.
        InvalidInputError: It is a folder, or may not be read.
    """
    if path.is_symlink() and not path.exists():
        target = path.readlink()
        how = "fetch it with 'git annex get'" if ".git/annex" in target.as_posix() else "download it again"
        raise DataUnavailableError(f"{path} is a link to {target}, which is not there; {how}")
    try:
        with path.open("rb") as file:
            first = file.read(n_bytes)
    except FileNotFoundError:
        raise DataUnavailableError(f"{path} is missing; download it again") from None
    except OSError as error:
        raise InvalidInputError(f"{path} must be a file that can be read: {error.strerror}") from error
    if not first:
        raise DataUnavailableError(f"{path} is empty (0 bytes); download it again")
    for mark, (what, how) in _POINTERS.items():
        if first.lstrip().lower().startswith(mark):
            raise DataUnavailableError(f"{path} is {what} in place of the file; {how}")
    return first


def json_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Raises:
        DataUnavailableError: As `beginning`.
        InvalidInputError: It is no JSON object, or is too large.
    """
    beginning(path)
    if (size := path.stat().st_size) > _MOST_JSON_BYTES:
        raise InvalidInputError(f"{path} must have at most {_MOST_JSON_BYTES:,} bytes, not {size:,}")
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"{path} must be JSON, but is not at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} must be JSON in UTF-8, but byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise InvalidInputError(f"{path} must be JSON, but is nested too deep") from None
    if not isinstance(found, dict):
        raise InvalidInputError(f"{path} must hold a JSON object, not a {type(found).__name__}")
    return found
