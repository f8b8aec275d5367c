"""Which sockets listen on a port, and whose they are, from ``/proc``."""

import contextlib
from pathlib import Path

_LISTENS = "0A"  # the state of a socket in /proc/net/tcp


def listening(port: int) -> set[str] | None:
    """Return the sockets that listen on a port, named as in ``/proc/PID/fd``; None where it is unknown."""
    links = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                links.add(f"socket:[{fields[9]}]")
    return links if Path("/proc/net/tcp").exists() else None


def held_by(pid: int) -> set[str]:
    """Return the sockets that a process has open, named likewise."""
    found = set()
    with contextlib.suppress(OSError):  # the process may end meanwhile
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found
