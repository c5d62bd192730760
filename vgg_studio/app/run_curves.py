"""Reads a run's log back into its curves, a few milliseconds at a time: a long run's log has tens of thousands of lines."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Signal

from vgg_studio.core.events import Event
from vgg_studio.core.progress import Progress
from vgg_studio.core.run_folder import RunFolder

SLICE_SECONDS = 0.008


class RunCurves(QObject):
    """The fold over one run's log. `grown` tells that more of it can be drawn."""

    grown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress()
        self._events: Iterator[Event] = iter(())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._fold)

    def read(self, run: RunFolder) -> None:
        """Read another run from its start; the one that is being read is left."""
        self.progress, self._events = Progress(), run.events()
        self._timer.start(0)

    def stop(self) -> None:
        """Read no further."""
        self._timer.stop()
        self._events = iter(())

    def _fold(self) -> None:
        until = time.monotonic() + SLICE_SECONDS
        for event in self._events:
            self.progress.fold(event)
            if time.monotonic() >= until:
                break
        else:
            self._timer.stop()
        self.grown.emit()
