"""A thin scroll bar over a view's right padding: it takes no room, so that rows and columns keep their edges."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractScrollArea, QScrollBar

WIDTH = 8


class OverlayBar(QScrollBar):
    """Follows a view's own vertical scroll bar, which is hidden; shown only while there is something to scroll.

    It stands `inset` px from the view's right edge and begins `top` px below its upper one.
    """

    def __init__(self, view: QAbstractScrollArea, inset: int = 2, top: int = 0) -> None:
        super().__init__(Qt.Orientation.Vertical, view)
        self._view, self._inset, self._top = view, inset, top
        self._real = view.verticalScrollBar()
        view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.valueChanged.connect(self._real.setValue)
        self._real.valueChanged.connect(self.setValue)
        self._real.rangeChanged.connect(self._follow)
        view.installEventFilter(self)
        self._follow(self._real.minimum(), self._real.maximum())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            left, height = self._view.width() - WIDTH - self._inset, self._view.height() - self._top
            self.setGeometry(left, self._top, WIDTH, height)
        return False

    def _follow(self, low: int, high: int) -> None:
        self.setPageStep(self._real.pageStep())
        self.setSingleStep(self._real.singleStep())
        self.setRange(low, high)
        self.setVisible(high > low)
