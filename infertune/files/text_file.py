"""What a file holds, as bytes or as text: unpacked where it is gzipped, never more than a limit, one message else."""

import codecs
import gzip
import io
import zlib
from pathlib import Path

from infertune.errors import InvalidInputError

MOST_BYTES = 2**31
"""Of a file, unpacked: more is no input but a mistake, or an archive made to fill the memory."""

_GZIP = b"\x1f\x8b"
_LFS = b"version https://git-lfs"
_MARKS = {  # the longer ones first: a UTF-32 mark begins like one of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def content(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file, unpacked if they are gzipped, whatever the file is called.

    Raises:
        InvalidInputError: It cannot be read, has more than ``most`` bytes, or is what Git LFS leaves for a file.
    """
    try:
        with path.open("rb") as file:
            found = file.read(most + 1)
        if found.startswith(_GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(found)) as packed:
                found = packed.read(most + 1)
        elif path.name.endswith(".gz") and found:
            raise InvalidInputError(f"{path} cannot be read: it ends in .gz, but is not gzipped")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InvalidInputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(found) > most:
        raise InvalidInputError(f"{path} must have at most {most:,} bytes, but has more")
    if found.startswith(_LFS):
        raise InvalidInputError(f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull` beside it")
    return found


def decoded(data: bytes, *, where: str) -> str:
    """Return text in UTF-8, or in what the byte order mark at its beginning says.

    Raises:
        InvalidInputError: It is in another encoding; the message tells the line and what would mend it.
    """
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise InvalidInputError(
            f"{where}, line {line}: must be UTF-8, but byte {error.start} is not; save it as UTF-8, such as with "
            "`iconv -f WINDOWS-1252 -t UTF-8`"
        ) from None
    if encoding == "utf-8" and data[:64].count(0) * 4 > len(data[:64]):
        raise InvalidInputError(
            f"{where}: must be UTF-8, but looks like UTF-16 without a mark; save it as UTF-8, such as with "
            "`iconv -f UTF-16LE -t UTF-8`"
        )
    return text


def exists(path: Path) -> bool:
    """Return whether there is such a file or folder; not where a name is too long, say, or its folder is closed."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def is_file(path: Path) -> bool:
    """Return whether there is such a file, as `exists` does."""
    return exists(path) and path.is_file()


def text(path: Path, *, most: int = MOST_BYTES) -> str:
    """Return the text of a file, as `content` and `decoded` do."""
    return decoded(content(path, most=most), where=str(path))
