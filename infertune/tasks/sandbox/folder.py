"""A folder in memory that only this process and its children see, and that the kernel keeps small.

A tmpfs in a mount namespace of its own (Linux; no privilege where user namespaces are allowed). It ends with the
last process in it. It is mounted over /proc, which nothing here needs and through which processes reach each other.
"""

import ctypes
import os
import sys

from infertune.tasks.sandbox.seccomp import libc

NEW_MOUNTS, NEW_USER = 0x20000, 0x10000000
RECURSIVE, PRIVATE = 0x4000, 0x40000
NO_SETUID, NO_DEVICES, NO_PROGRAMS = 2, 4, 8
PLACE = "/proc"


def enter(n_bytes: int, n_files: int) -> bool:
    """Make the folder and work in it; return whether the system allowed it. For a process of one thread."""
    user, group = os.geteuid(), os.getegid()
    if sys.platform != "linux" or not _leave(user, group):
        return False
    size = f"size={n_bytes},nr_inodes={n_files + 1},mode=700".encode()  # one is the folder itself
    if libc.mount(None, b"/", None, RECURSIVE | PRIVATE, None) != 0:
        return False
    if libc.mount(b"tmpfs", PLACE.encode(), b"tmpfs", NO_SETUID | NO_DEVICES | NO_PROGRAMS, size) != 0:
        return False
    os.chdir(PLACE)
    return True


def _leave(user: int, group: int) -> bool:
    """Enter a mount namespace, by way of a user namespace where one is allowed; whoever may mount needs none."""
    if libc.unshare(NEW_USER | NEW_MOUNTS) != 0:
        return bool(libc.unshare(NEW_MOUNTS) == 0)
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - quicker to start
                file.write(text)
    except OSError:
        return False
    return True


def drop_capabilities() -> None:
    """Give up what a privileged user, or the one user of a namespace, may do beyond others."""
    if sys.platform == "linux":
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
        libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
