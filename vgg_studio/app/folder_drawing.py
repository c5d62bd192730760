"""The drawing on the empty Data page: what a good folder looks like, as three named folders with pictures in them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from vgg_studio.app import theme
from vgg_studio.app.widgets import elide

WIDTH, HEIGHT, STEP, FOLDER, NAME_TOP, NAME_HEIGHT = 452, 106, 160, 132, 57, 48


class FolderDrawing(QWidget):
    """Three folders; their names are set by `set_names`, because they are words."""

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self.setFixedSize(WIDTH, HEIGHT)
        theme.signals.changed.connect(self.update)

    def set_names(self, *names: str) -> None:
        """The words on the folders, from left to right."""
        self._names = names
        self.setAccessibleName(", ".join(names))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, theme.drawing("folders", WIDTH, HEIGHT, self.devicePixelRatioF()))
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font())
        for index, name in enumerate(self._names):
            place = QRectF(index * STEP, NAME_TOP, FOLDER, NAME_HEIGHT)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, elide(name, painter.font(), FOLDER - 16))
        painter.end()
