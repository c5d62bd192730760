"""How long the start took: with VGG_STUDIO_TRACE=1, lines such as {"trace": "first_paint", "seconds": 0.31} on stderr."""

from __future__ import annotations

import os
import sys
import time

_imported = time.time()
_said: set[str] = set()


def mark(name: str) -> None:
    """Say once that a stage of the start is reached, in seconds since the process began."""
    if os.environ.get("VGG_STUDIO_TRACE") == "1" and name not in _said:
        _said.add(name)
        seconds = round(time.time() - process_start(), 3)
        sys.stderr.write(
            f'{{"trace": "{name}", "seconds": {seconds}}}\n'
        )  # the json module would be imported for this alone
        sys.stderr.flush()


def process_start() -> float:
    """When this process began, in Unix seconds: the system's own record, else when this module was read."""
    try:
        with open("/proc/self/stat", "rb") as stat, open("/proc/uptime", "rb") as uptime:
            ticks = int(stat.read().rpartition(b")")[2].split()[19])  # field 22: start time after boot
            up = float(uptime.read().split()[0])
        return time.time() - (up - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return _windows_start() or _imported


def _windows_start() -> float:
    if os.name != "nt":
        return 0.0
    import ctypes
    from ctypes import wintypes

    times = [wintypes.FILETIME() for _ in range(4)]
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    if not kernel.GetProcessTimes(kernel.GetCurrentProcess(), *(ctypes.byref(one) for one in times)):
        return 0.0
    ticks = int((times[0].dwHighDateTime << 32) + times[0].dwLowDateTime)
    return ticks / 1e7 - 11_644_473_600  # 100 ns since 1601
