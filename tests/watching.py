"""What a test may not leave behind or let pass: threads, child processes, log lines and Qt messages nobody asked for."""

from __future__ import annotations

import functools
import gc
import logging
import os
import re
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

GRACE_SECONDS = 2.0  # what was told to end may take this long to be gone
# The program itself, torch's (gloo's for good) and CUDA's, and those that Qt keeps for its platform and its pool.
_NOT_OURS = re.compile(r"^$|python|pytest|pt_|cuda|gloo|QXcb|QDBus|Thread \(pooled|gmain|gdbus|dconf|pool-")
_begun: dict[int, str] = {}  # thread or process id -> where it was started


def remember_beginnings() -> None:
    """From now on keep, for each thread and child process, the place in our code that started it."""
    start, first = threading.Thread.start, subprocess.Popen.__init__

    def watched_start(thread: threading.Thread) -> None:
        where = _place(sys._getframe(1))
        start(thread)
        _begun[thread.native_id or 0] = where

    def watched_popen(process: Any, *args: Any, **options: Any) -> None:
        first(process, *args, **options)
        _begun[process.pid] = _place(sys._getframe(1))

    threading.Thread.start = watched_start  # type: ignore[assignment, method-assign]
    subprocess.Popen.__init__ = watched_popen  # type: ignore[assignment, method-assign]


def _place(frame: FrameType | None) -> str:
    return "".join(traceback.format_stack(frame, limit=6))


def threads() -> set[int]:
    """Native ids of Python's living threads and of Qt's."""
    of_python = {thread.native_id for thread in threading.enumerate() if thread.native_id and _lives(thread)}
    return of_python | _threads_of_qt()


def _lives(thread: threading.Thread) -> bool:
    """Python keeps an entry for a foreign thread (Qt's) for ever; the system knows better."""
    tasks = Path("/proc/self/task")
    return not tasks.exists() or (tasks / str(thread.native_id)).exists()


def _threads_of_qt() -> set[int]:
    """A QThread carries its object's or class's name; threads of numeric libraries carry the program's (Linux only)."""
    if "PySide6.QtCore" not in sys.modules:
        return set()
    tasks = [int(entry.name) for entry in Path("/proc/self/task").glob("*")]
    return {number for number in tasks if not _NOT_OURS.match(_name(number))}


def _name(number: int) -> str:
    try:
        return Path(f"/proc/self/task/{number}/comm").read_text().strip()
    except OSError:
        return ""  # ended in the meantime


def children() -> set[int]:
    """Process ids of our living children (Linux; elsewhere none are seen). Dead ones that nobody waited for count too."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = entry.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # gone in the meantime
        if int(after_name[1]) == os.getpid():
            found.add(int(entry.parent.name))
    return found


def left_over(before_threads: set[int], before_children: set[int]) -> str:
    """What is still there after the grace time, with where it began; empty when all is well."""
    until = time.monotonic() + GRACE_SECONDS
    if threads() - before_threads:
        gc.collect()  # a pool whose owner nobody holds any more ends its threads; a refusal's traceback may hold it in a circle
    while time.monotonic() < until and (threads() - before_threads or children() - before_children):
        time.sleep(0.01)
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    lines = [
        f"thread {names.get(number, _name(number))} is still running; begun at\n{_begun.get(number, '  (not by Python)')}"
        for number in threads() - before_threads
    ]
    lines += [
        f"process {number} ({_command(number)}) is still there; begun at\n{_begun.get(number, '  (not by Python)')}"
        for number in children() - before_children
    ]
    return "\n".join(lines)


def _command(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "gone"


class Lines(logging.Handler):
    """Collects log lines from WARNING on, and Qt's messages; a test names those that it expects."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[str] = []
        self.expected: list[re.Pattern[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line with its logger."""
        self.seen.append(f"{record.name}: {record.getMessage()}")

    def expect(self, pattern: str) -> None:
        """Lines in which this pattern is found are part of the test."""
        self.expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """The lines that no pattern names."""
        return [line for line in self.seen if not any(pattern.search(line) for pattern in self.expected)]


@functools.cache
def why_no_window() -> str:
    """Empty where Qt can be loaded, else the reason with the line that mends it. `.ci/run` looks for its first words."""
    from vgg_studio import launch

    problem = launch.why_no_window()
    return f"no window here: {problem}" if problem else ""


def watch_qt(lines: Lines) -> Callable[[], None]:
    """Send Qt's warnings to `lines` if Qt is loaded; returns what ends that."""
    if "PySide6.QtCore" not in sys.modules:
        return lambda: None
    from PySide6 import QtCore

    def keep(kind: QtCore.QtMsgType, context: QtCore.QMessageLogContext, message: str) -> None:
        if kind not in (QtCore.QtMsgType.QtDebugMsg, QtCore.QtMsgType.QtInfoMsg):
            lines.seen.append(f"Qt ({context.category}): {message}")

    before = QtCore.qInstallMessageHandler(keep)

    def back() -> None:
        QtCore.qInstallMessageHandler(before)

    return back
