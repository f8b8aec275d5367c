"""What the value of an option may be at all, whatever it is for: checked before any command begins."""

import math
import re
from pathlib import Path
from typing import TypeVar

import typer

MOST_SEED = 2**32 - 1
_LONGEST_NAME = 150  # of a study: with an ending it is a file's name, which has at most 255 bytes
_Path = TypeVar("_Path", bound=str | Path | None)


def path(value: _Path) -> _Path:
    """Return a path, or a name where a path may be, if the system can have one; ``scheme://...`` is none."""
    if value is None or "://" in str(value):
        return value
    try:
        str(value).encode()
        Path(value).stat()
    except UnicodeEncodeError:
        raise typer.BadParameter("must be a name in UTF-8, for it is written into files") from None
    except (FileNotFoundError, NotADirectoryError):
        pass  # for each command to say
    except (OSError, ValueError) as error:
        shown = "" if len(str(value)) > _LONGEST_NAME else f": {value!r}"
        raise typer.BadParameter(f"{getattr(error, 'strerror', None) or error}{shown}") from None
    return value


def finite(value: float | None) -> float | None:
    """Return a number if it is finite."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"must be a finite number, but is {value}")
    return value


def name(value: str | None) -> str | None:
    """Return the name of a study if a file can be called after it."""
    if value is None or (
        value.isprintable() and len(value.encode()) <= _LONGEST_NAME and value == value.strip() != ""
    ):
        return value
    raise typer.BadParameter(f"must be 1 to {_LONGEST_NAME} bytes of printable characters, without spaces at its ends")


def host(value: str | None) -> str | None:
    """Return an address to listen on, or the name of one."""
    if value is None or re.fullmatch(r"[A-Za-z0-9._:%-]{1,253}", value):
        return value
    raise typer.BadParameter("must be an address or the name of a host, such as 0.0.0.0")


def image(value: str | None) -> str | None:
    """Return the name of a container image."""
    if value is None or re.fullmatch(r"[A-Za-z0-9][\w.:/@-]{0,500}", value, re.ASCII):
        return value
    raise typer.BadParameter("must be the name of an image, such as vllm/vllm-openai:latest")


def line(value: str | None) -> str | None:
    """Return a text if it is one line that holds nothing but printable characters."""
    if value is None or (value.strip() and value.isprintable()):
        return value
    raise typer.BadParameter("must be one line of printable characters")
