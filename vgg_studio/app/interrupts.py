"""Ctrl+C in the terminal and a polite `kill`: Qt's loop would not let Python hear them until something else happens."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal

ASKED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupts(QObject):
    """Emits `asked` when the system or the terminal wants the program to end."""

    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._before = {number: signal.signal(number, self._hear) for number in ASKED}
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        # A byte in the socket wakes Qt's loop, which then runs Python code, which is when Python calls `_hear`.
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)

    def remove(self) -> None:
        """Put everything back as it was."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in (self._read, self._write):
            end.close()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.asked.emit()

    def _drain(self) -> None:
        self._read.recv(64)
