"""Where the plots go. pyqtgraph takes half a second to load, so the plots are made when they are first seen after it is there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSizePolicy

from vgg_studio.app.widgets import Card
from vgg_studio.core.progress import Progress

if TYPE_CHECKING:
    from vgg_studio.app.charts import Charts

LOOK_AGAIN_MS = 50


class ChartSlot(Card):
    """A card that is empty until the plots can be made without holding the window up; from outside it is the plots."""

    def __init__(self) -> None:
        super().__init__(padding=15)
        self.charts: Charts | None = None
        self._progress = Progress()
        self._hint = ""
        self._baseline: float | None = None
        self._waiting = QTimer(self)
        self._waiting.setInterval(LOOK_AGAIN_MS)
        self._waiting.timeout.connect(self._make)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(240)

    def show_progress(self, progress: Progress) -> None:
        """Draw this training."""
        self._progress = progress
        if self.charts:
            self.charts.show_progress(progress)

    def set_hint(self, sentence: str) -> None:
        """What stands on the empty plots."""
        if self.charts and sentence != self._hint:
            self.charts.set_hint(sentence)
        self._hint = sentence

    def set_baseline(self, accuracy: float | None) -> None:
        """The accuracy that the training has to beat, a fraction of 1; None where none is known."""
        if self.charts and accuracy != self._baseline:
            self.charts.set_baseline(accuracy)
        self._baseline = accuracy

    def hint(self) -> str:
        """What `set_hint` was told last."""
        return self._hint

    def retranslate(self) -> None:
        """Words anew."""
        if self.charts:
            self.charts.retranslate()

    def retheme(self) -> None:
        """Colours anew."""
        if self.charts:
            self.charts.retheme()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self.charts:
            self._waiting.start()

    def _make(self) -> None:
        if not self.isVisible():
            self._waiting.stop()
        if not self.isVisible() or not plots_loaded():
            return
        self._waiting.stop()
        from vgg_studio.app.charts import Charts

        self.charts = Charts()
        self.charts.set_hint(self._hint)
        self.charts.set_baseline(self._baseline)
        self.charts.show_progress(self._progress)
        self.box.addWidget(self.charts)


def plots_loaded() -> bool:
    """Whether pyqtgraph is there in whole; it is imported in a thread after the first paint (`app.main`)."""
    spec = getattr(sys.modules.get("pyqtgraph"), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)
