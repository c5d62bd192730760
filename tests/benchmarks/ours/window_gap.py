"""C14: how long the window's event loop stands still, at most, while a folder is read and a training goes on beside it.

    python tests/benchmarks/ours/window_gap.py FOLDER SECONDS

Starts the real window on the folder; once its pages are there a timer ticks every 5 ms, a training is started, and after so
many seconds the window is closed. Prints one line of JSON.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from vgg_studio.app import main as program
from vgg_studio.app.window import Window
from vgg_studio.core.jobs import TrainJob

TICK_MS, SETTLE_MS = 5, 3000


class Watch:
    """Ticks while the window works."""

    def __init__(self, window: Window, folder: str, seconds: float) -> None:
        self.ticks: list[float] = []
        self.window, self.folder, self.seconds = window, folder, seconds
        self.timer = QTimer(interval=TICK_MS)
        self.timer.timeout.connect(lambda: self.ticks.append(time.perf_counter()))
        QTimer.singleShot(SETTLE_MS, self.begin)

    def begin(self) -> None:
        """Train something small for some time."""
        self.timer.start()
        job = TrainJob(
            data=self.folder, variant="vgg11_bn", width_divisor=8, slim_linear=True, image_size=64, epochs=1000
        )
        self.window.studio.start_training(job)
        QTimer.singleShot(int(self.seconds * 1000), self.end)

    def end(self) -> None:
        """Tell and leave."""
        self.timer.stop()
        gaps = sorted(later - earlier for earlier, later in itertools.pairwise(self.ticks))
        told = {"longest": gaps[-1] * 1000, "usual": gaps[len(gaps) // 2] * 1000, "ticks": len(gaps)}
        print(json.dumps(told), flush=True)
        QApplication.quit()


def main() -> int:
    """Run the program with a watch on its window."""
    folder, seconds = sys.argv[1], float(sys.argv[2])
    watches: list[Watch] = []

    class Watched(Window):
        """The window, with a watch."""

        def show(self) -> None:
            super().show()
            watches.append(Watch(self, folder, seconds))

    setattr(program, "Window", Watched)  # noqa: B010 - the program makes its own window
    return program.run(folder)


if __name__ == "__main__":
    sys.exit(main())
