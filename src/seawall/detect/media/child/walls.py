"""What the decoding process gives up before it sees the first byte of somebody else's file.

Each wall stands by itself. No more files, sockets or pipes (no descriptor is free), no file is written, memory and processor time
end, root becomes nobody, and where the kernel has seccomp (Linux on x86-64 and 64-bit ARM) only those system calls remain that
computing and talking to the parent need: opening, connecting, starting and signalling others are refused.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from typing import Final

_NOBODY: Final = 65_534
_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 38, 4
_SECCOMP: Final = {"x86_64": (317, 0xC000003E), "aarch64": (277, 0xC00000B7)}
#: Name -> number on x86-64, number on 64-bit ARM. What is not here answers "not permitted".
_CALLS: Final = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, 73),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}


def raise_walls(*, memory: int, seconds: int, jobs: int) -> list[str]:
    """Give up everything that decoding does not need, and say which walls stand.

    `memory` is bytes beyond what is held now; `seconds` of processor time are for one of `jobs` files. Must be called when everything is
    imported: nothing can be opened afterwards.
    """
    standing = ["descriptors", "files", "processor"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    lifetime = seconds * jobs + 60
    resource.setrlimit(resource.RLIMIT_CPU, (lifetime, lifetime))
    held = _held()
    if held:
        resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))
        standing.append("memory")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        standing.append("nobody")
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if sys.platform == "linux" and _filter_calls():
        standing.append("calls")
    return standing


def spend(seconds: int) -> None:
    """Let the next job have so many seconds of this processor, then end this process. Zero takes the limit away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _held() -> int:
    """The bytes of address space that this process has, or 0 where that cannot be told."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _filter_calls() -> bool:
    machine = platform.machine()
    if machine not in _SECCOMP or struct.calcsize("P") != 8:
        return False
    number, architecture = _SECCOMP[machine]
    allowed = sorted(pair[0 if machine == "x86_64" else 1] for pair in _CALLS.values())
    load, jump_if_equal, give_back = 0x20, 0x15, 0x06
    kill, refuse, allow = 0x80000000, 0x00050001, 0x7FFF0000  # the process; "not permitted"; go on
    program = [
        (load, 0, 0, 4),  # the architecture: another one's numbers mean other calls
        (jump_if_equal, 1, 0, architecture),
        (give_back, 0, 0, kill),
        (load, 0, 0, 0),  # the number of the call
    ]
    for place, call in enumerate(allowed):
        program.append((jump_if_equal, len(allowed) - place, 0, call))
    program += [(give_back, 0, 0, refuse), (give_back, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # nobody else's process of the same user may look into this one
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    every_thread = 1
    return bool(libc.syscall(ctypes.c_long(number), ctypes.c_uint(1), ctypes.c_uint(every_thread), head) == 0)
