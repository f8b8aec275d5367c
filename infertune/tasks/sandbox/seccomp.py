"""seccomp (Drewry 2012; Linux 3.17): a process refuses itself every system call but those listed here, for good.

It needs no privilege and binds root too. Elsewhere than on Linux on x86_64 and aarch64 there is none.
"""

import ctypes
import errno
import os
import struct
import sys

# Name, number on x86_64, number on aarch64. What is not listed is refused: processes, sockets, signals, links,
# folders, modes and owners of files, mounts, and whatever the kernel learns next.
SYSCALLS = """
    read 0 63           write 1 64            open 2 -             close 3 57            stat 4 -
    fstat 5 80          lstat 6 -             poll 7 -             lseek 8 62            mmap 9 222
    mprotect 10 226     munmap 11 215         brk 12 214           rt_sigaction 13 134   rt_sigprocmask 14 135
    rt_sigreturn 15 139 pread64 17 67         pwrite64 18 68       readv 19 65           writev 20 66
    access 21 -         pipe 22 -             select 23 -          sched_yield 24 124    mremap 25 216
    madvise 28 233      dup 32 23             dup2 33 -            nanosleep 35 101      getitimer 36 102
    alarm 37 -          setitimer 38 103      getpid 39 172        socketpair 53 199     exit 60 93
    uname 63 160        fsync 74 82           fdatasync 75 83      ftruncate 77 46       getdents 78 -
    getcwd 79 17        chdir 80 49           fchdir 81 50         rename 82 -           unlink 87 -
    readlink 89 -       umask 95 166          gettimeofday 96 169  getrlimit 97 163      getrusage 98 165
    sysinfo 99 179      times 100 153         getuid 102 174       getgid 104 176        geteuid 107 175
    getegid 108 177     getppid 110 173       sigaltstack 131 132  statfs 137 43         fstatfs 138 44
    arch_prctl 158 -    gettid 186 178        time 201 -           futex 202 98          sched_getaffinity 204 123
    getdents64 217 61   set_tid_address 218 96 restart_syscall 219 128 clock_gettime 228 113 clock_getres 229 114
    clock_nanosleep 230 115 exit_group 231 94 epoll_wait 232 -     epoll_ctl 233 21      openat 257 56
    newfstatat 262 79   unlinkat 263 35       renameat 264 38      readlinkat 267 78     faccessat 269 48
    pselect6 270 72     ppoll 271 73          set_robust_list 273 99 epoll_pwait 281 22  eventfd2 290 19
    epoll_create1 291 20 dup3 292 24          pipe2 293 59         renameat2 316 276     getrandom 318 278
    membarrier 324 283  statx 332 291         rseq 334 293         close_range 436 436   faccessat2 439 439
""".split()
MACHINES = {"x86_64": (1, 0xC000003E), "aarch64": (2, 0xC00000B7)}  # column above, AUDIT_ARCH of linux/audit.h
ARGUMENTS = {  # (numbers), which argument, its allowed values
    "fcntl": ((72, 25), 1, (0, 1, 2, 3, 4, 5, 6, 7, 1030)),  # not F_SETOWN, which sends signals to others
    "ioctl": ((16, 29), 1, (0x5401, 0x5421, 0x541B, 0x5450, 0x5451)),  # isatty, non-blocking, readable, close-on-exec
    "prlimit64": ((302, 261), 0, (0,)),  # itself only
}
CLONE, CLONE3, CLONE_THREAD = (56, 220), (435, 435), 0x10000

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06

libc = ctypes.CDLL(None, use_errno=True)


def syscall_filter() -> bytes | None:
    """Return the filter that refuses every system call but those listed, or None where there is none."""
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in MACHINES or sys.maxsize < 2**32:
        return None
    column, architecture = MACHINES[machine]
    refuse = (RETURN, 0, 0, ERRNO | errno.EPERM)
    # struct seccomp_data: the number at 0, the architecture at 4, the low word of argument i at 16 + 8 i.
    code = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    numbers = [int(number) for number in SYSCALLS[column::3] if number != "-"]
    for number in numbers:
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    for both, argument, values in ARGUMENTS.values():
        allowed = [one for value in values for one in ((EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))]
        block = [(LOAD, 0, 0, 16 + 8 * argument), *allowed, refuse]
        code += [(EQUAL, 0, len(block), both[column - 1]), *block]
    thread = [(LOAD, 0, 0, 16), (ANY_BIT, 0, 1, CLONE_THREAD), (RETURN, 0, 0, ALLOW), refuse]
    code += [(EQUAL, 0, len(thread), CLONE[column - 1]), *thread]
    # The C library falls back from clone3, whose flags a filter cannot read, to clone when told there is none.
    code += [(EQUAL, 0, 1, CLONE3[column - 1]), (RETURN, 0, 0, ERRNO | errno.ENOSYS), refuse]
    # struct sock_filter: the operation, how far to jump if it holds and if not, and its operand.
    return struct.pack("=" + "HBBI" * len(code), *(number for one in code for number in one))


def install(instructions: bytes | None) -> bool:
    """Put the filter in force; return whether the kernel took it."""
    if instructions is None:
        return False
    held = ctypes.create_string_buffer(instructions)
    program = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(held))  # struct sock_fprog
    return bool(libc.prctl(22, 2, program, 0, 0) == 0)
