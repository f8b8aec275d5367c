"""Server-sent events, as they come in pieces of bytes."""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventStream:
    """Takes the bytes of a ``text/event-stream`` in any pieces and gives the data of its events.

    As WHATWG HTML, section 9.2.6, has it: lines end with LF, CR or CR LF, a blank line ends an event, lines that begin
    with a colon are comments, and several ``data`` lines of one event are joined by LF. Fields other than ``data`` are
    of no use here and skipped.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of the events that this piece completes, in order."""
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):  # the second half of a CR LF
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r") if piece else False
        # What is left over is one unfinished line, so a long stream is not read again and again.
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        found = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data = []
        return found
