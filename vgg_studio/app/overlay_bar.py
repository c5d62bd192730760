"""A thin scroll bar over a view's right padding: it takes no room, so that rows and columns keep their edges."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QScrollBar

WIDTH = 8


class OverlayBar(QScrollBar):
    """Follows a view's own vertical scroll bar, which is hidden; shown only while there is something to scroll."""

    def __init__(self, view: QAbstractItemView, inset: int = 2) -> None:
        super().__init__(Qt.Orientation.Vertical, view)
        self._view, self._inset, self._real = view, inset, view.verticalScrollBar()
        view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.valueChanged.connect(self._real.setValue)
        self._real.valueChanged.connect(self.setValue)
        self._real.rangeChanged.connect(self._follow)
        view.installEventFilter(self)
        self._follow(self._real.minimum(), self._real.maximum())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._view.width() - WIDTH - self._inset, 0, WIDTH, self._view.height())
        return False

    def _follow(self, low: int, high: int) -> None:
        self.setPageStep(self._real.pageStep())
        self.setSingleStep(self._real.singleStep())
        self.setRange(low, high)
        self.setVisible(high > low)
