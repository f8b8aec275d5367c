"""Reads the body of an answer within limits: of its size as it comes, unpacked, and together with all others."""

import zlib
from collections.abc import Mapping
from types import TracebackType

LARGEST_BYTES = 12 * 2**20
"""Of one answer, unpacked. What it takes when it is decoded is up to forty times as much."""
ALL_BYTES = 128 * 2**20
"""Of all answers that are being read at a moment."""

HEADERS = {"Accept-Encoding": "identity"}
"""To be sent with every request: what is not packed needs no unpacking, and is timed as it comes."""

_PACKED = {"gzip": 47, "x-gzip": 47, "deflate": 47}  # window bits; 47 takes zlib's and gzip's header
_BASE_BYTES = 2**20
_BYTES_PER_TOKEN = 384  # with its log probability and its bytes


class TooLarge(Exception):
    """An answer is larger than any that could be right, or packed so that its size cannot be limited."""


def largest(*, n_samples: int, max_tokens: int) -> int:
    """Return how many bytes an answer of so many samples may have."""
    return min(LARGEST_BYTES, _BASE_BYTES + n_samples * max_tokens * _BYTES_PER_TOKEN)


class Room:
    """How many bytes all bodies together may still take."""

    def __init__(self, n_bytes: int = ALL_BYTES) -> None:
        self.left = n_bytes


class Body:
    """A context manager around one answer: takes its raw pieces, and gives up its room at the end.

    Args:
        headers: Of the answer.
        limit: Most bytes of it, unpacked.
        room: Shared by all that are read at once.

    Raises:
        TooLarge: It is packed in a way that was not asked for and cannot be unpacked within limits.
    """

    def __init__(self, headers: Mapping[str, str], *, limit: int, room: Room) -> None:
        packing = headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "") and packing not in _PACKED:
            raise TooLarge(f"an answer that is packed by '{packing[:20]}', which was not asked for")
        self._unpack = zlib.decompressobj(_PACKED[packing]) if packing in _PACKED else None
        self._limit = limit
        self._room = room
        self._taken = 0
        self._pieces: list[bytes] = []

    def __enter__(self) -> "Body":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.left += self._taken
        self._taken = 0
        self._pieces = []

    def feed(self, raw: bytes) -> bytes:
        """Take a piece as it came, and return what it is unpacked.

        Raises:
            TooLarge: There is more than may be, of this one or of all together, or it is packed wrongly.
        """
        piece = raw
        if self._unpack is not None:
            try:
                piece = self._unpack.decompress(raw, self._limit - self._taken + 1)
            except zlib.error as error:
                raise TooLarge(f"an answer that cannot be unpacked: {error}") from None
        n_bytes = len(piece)
        if self._taken + n_bytes > self._limit or n_bytes > self._room.left:
            del piece  # or the error would keep it
        if self._taken + n_bytes > self._limit:
            raise TooLarge(f"an answer of over {self._limit:,} bytes")
        if n_bytes > self._room.left:
            raise TooLarge("more bytes in all answers together than there is room for")
        self._room.left -= n_bytes
        self._taken += n_bytes
        return piece

    def keep(self, raw: bytes) -> None:
        """Take a piece and hold it."""
        self._pieces.append(self.feed(raw))

    @property
    def content(self) -> bytes:
        """All that is held."""
        return b"".join(self._pieces)
