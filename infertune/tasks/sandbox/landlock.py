"""Landlock (Linux 5.13): a process, and all it starts, may open only the files that it allows itself here, for good.

It needs no privilege and binds root too. What may be read is Python's standard library without the packages that
are installed beside it, and the shared libraries that it loads.
"""

import ctypes
import os
import sys

from infertune.tasks.sandbox.seccomp import libc

EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_FILE, MAKE_FILE, TRUNCATE = 1 << 5, 1 << 8, 1 << 14
READ = READ_FILE | READ_FOLDER
OF_A_FILE = READ_FILE | WRITE_FILE | TRUNCATE

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", f"{sys.base_prefix}/lib")
FILES = ("/usr/share/zoneinfo", "/etc/ld.so.cache")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
NOT_STANDARD = ("site-packages", "dist-packages", "ensurepip")  # the last holds pip, in a wheel


def version() -> int:
    """Return the version of Landlock's interface that the kernel has, or 0."""
    return max(0, libc.syscall(444, None, ctypes.c_size_t(0), 1)) if sys.platform == "linux" else 0


def filter_files(*, folder: bool) -> bool:
    """Allow reading the standard library, and using the working folder if wanted; return whether the kernel agreed."""
    known = version()
    if not known:
        return False
    handled = (1 << (13, 14, 15, 15, 16)[min(known, 5) - 1]) - 1
    rules = _ruleset(handled, known)
    if rules < 0:
        return False
    for place in sys.path:
        names = _names(place)
        if not any(name in names for name in NOT_STANDARD):
            _allow(rules, place, READ, handled)
            continue
        _allow(rules, place, READ_FOLDER, handled)
        for name in names:
            if name not in NOT_STANDARD:
                _allow(rules, f"{place}/{name}", READ, handled)
    for place in {os.path.realpath(one) for one in LIBRARIES}:
        for name in _names(place):
            if ".so" in name or "-linux-" in name:  # a shared library, or the folder of those of one kind of machine
                _allow(rules, f"{place}/{name}", READ, handled)
    for place in FILES:
        _allow(rules, place, READ, handled)
    for place in DEVICES:
        _allow(rules, place, READ_FILE | WRITE_FILE, handled)
    if folder:
        _allow(rules, ".", READ | WRITE_FILE | REMOVE_FILE | MAKE_FILE | TRUNCATE, handled)
    return _hold(rules)


def stand_apart() -> None:
    """Enter a domain of one's own, from which the other processes of the same rules cannot be traced or signalled."""
    known = version()
    if known:
        _hold(_ruleset(EXECUTE, known))


def _ruleset(handled: int, known: int) -> int:
    ruleset = (ctypes.c_uint64 * 3)(handled, 0, 3)  # files, TCP ports (seccomp sees to them), sockets and signals
    return int(libc.syscall(444, ctypes.byref(ruleset), ctypes.c_size_t(24 if known >= 6 else 8), 0))


def _allow(rules: int, path: str, rights: int, handled: int) -> None:
    try:
        place = os.open(path, os.O_PATH)
    except OSError:
        return
    tied = rights & handled
    if libc.syscall(445, rules, 1, _rule(tied, place), 0) != 0:  # a file, which rights of folders do not suit
        libc.syscall(445, rules, 1, _rule(tied & OF_A_FILE, place), 0)
    os.close(place)


def _rule(rights: int, place: int) -> bytes:
    return rights.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)


def _hold(rules: int) -> bool:
    held = bool(libc.syscall(446, rules, 0) == 0)
    os.close(rules)
    return held


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - quicker to start
    except OSError:
        return []
