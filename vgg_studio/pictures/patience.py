"""How much time and memory one picture may cost its decoder, and how much of it another process has spent.

Time is the processor's own where the system tells it (Linux), because on a busy machine the clock runs while nothing is computed;
waiting for anything but a core (a disk, a network drive) is granted longer, and elsewhere the clock alone counts, as long.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import NamedTuple

_LONGER = 5  # times the seconds: what the clock may show, and what the largest file may take
_BYTES_A_SECOND = 1 << 20  # a second more for each: the slowest decoder (HEVC) does several of them in a second
_NANO = 1e-9


class Limits(NamedTuple):
    """What one picture of a small file may take: seconds, and bytes of memory beyond those that a fresh decoder has."""

    seconds: float
    memory: int


class _Spent(NamedTuple):
    computed: float = 0.0  # s on cores
    waited: float = 0.0  # s for a core


class Watch:
    """A look at a process that has just been given a picture; made before that, and cheap, because most are never looked at.

    `resident` is the memory (bytes) that it had when it was fresh, as `resident_bytes` told.
    """

    def __init__(self, limits: Limits, process: int, path: bytes, resident: int) -> None:
        self._limits = limits
        self._process = process
        self._path = path
        self._resident = resident
        self._since = time.monotonic()
        self._before: _Spent | None = None
        self._seconds = limits.seconds

    def verdict(self) -> str:
        """Why the process must end: "too_slow", "too_much_memory", or "" where it may go on."""
        spent = _spent(self._process)
        most = _LONGER * self._limits.seconds
        if self._before is None:
            self._before = spent
            self._seconds = min(most, self._limits.seconds + _size(self._path) / _BYTES_A_SECOND)
        elapsed = time.monotonic() - self._since - (spent.waited - self._before.waited)
        if spent.computed - self._before.computed > self._seconds or elapsed > most:
            return "too_slow"
        return "too_much_memory" if resident_bytes(self._process) - self._resident > self._limits.memory else ""


def resident_bytes(process: int) -> int:
    """Memory that a process takes up; 0 where the system does not tell (statm in proc(5): pages)."""
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def _size(path: bytes) -> int:
    with contextlib.suppress(OSError, ValueError):
        return os.stat(path).st_size
    return 0


def _spent(process: int) -> _Spent:
    """From Linux' own books (proc(5)): all threads' ticks in stat, the first thread's nanoseconds in schedstat."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            after_name = file.read().rpartition(b")")[2].split()
        with open(f"/proc/{process}/schedstat", "rb") as file:
            waited = int(file.read().split()[1]) * _NANO
        return _Spent((int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK"), waited)
    except (OSError, ValueError, IndexError, AttributeError):
        return _Spent()
