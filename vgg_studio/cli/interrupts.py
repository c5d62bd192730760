"""Ctrl+C, SIGTERM and a closed terminal: the first asks the running order to end well, the second ends at once.

Python runs signal handlers only between two steps of the main thread, and a training step takes seconds. So the byte
that the interpreter's C handler writes at once (`signal.set_wakeup_fd`) is read by a thread of its own.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self


class Interrupts:
    """Within the block, `first` is called for the first signal and the process ends (after `last`) at the second."""

    def __init__(self, first: Callable[[], None], last: Callable[[], None], exit_code: int) -> None:
        self._first, self._last, self._exit_code = first, last, exit_code
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._watch, name="interrupts", daemon=True)
        self._before: dict[int, Any] = {}
        self._fd_before = -1

    def __enter__(self) -> Self:
        for number in _signals():
            self._before[number] = signal.signal(number, _noted)
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._writer.close()  # the thread reads the end of the stream
        self._thread.join()
        self._reader.close()

    def _watch(self) -> None:
        asked = False
        while data := self._reader.recv(1):
            if data[0] not in self._before:
                continue
            if asked:
                self._last()
                os._exit(self._exit_code)
            asked = True
            self._first()


def _noted(number: int, frame: object) -> None:
    """Keep the default from happening; the thread does the rest."""


def _signals() -> list[int]:
    hang_up = getattr(signal, "SIGHUP", None)  # not on Windows
    found = [int(signal.SIGINT), int(signal.SIGTERM)]
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:  # nohup has it ignored
        found.append(int(hang_up))
    return found
