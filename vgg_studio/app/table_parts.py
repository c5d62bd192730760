"""What the two tables of a score share: heads drawn from tokens, rows of one height, scrolling as one."""

from __future__ import annotations

import math

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from vgg_studio.app import focus, theme
from vgg_studio.app.widgets import elide
from vgg_studio.core.wording import escaped

Index = QModelIndex | QPersistentModelIndex
HEAD = 28
SLANTED_MOST = 96  # px: higher heads of slanted names are cut short
GAP = 2  # between two cells


class Head(QHeaderView):
    """Names along one side of a table, without bevels. Slanted ones run upwards at 45 degrees."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget, tone: str = "muted", line: bool = False) -> None:
        super().__init__(orientation, parent)
        self._tone, self._line = tone, line
        self.slanted = False
        self.extent = HEAD
        self.setSectionsClickable(False)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(1)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.signals.changed.connect(self._repaint)

    def _repaint(self) -> None:
        self.viewport().update()

    def set_extent(self, extent: int) -> None:
        """Height of a head above, width of one at the left, in px."""
        self.extent = extent
        if self.orientation() == Qt.Orientation.Horizontal:
            self.setFixedHeight(extent)
        else:
            self.setFixedWidth(extent)

    def sizeHint(self) -> QSize:
        return QSize(self.extent, self.extent)

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        words = str(self.model().headerData(logicalIndex, self.orientation(), Qt.ItemDataRole.DisplayRole) or "")
        where = self.model().headerData(logicalIndex, self.orientation(), Qt.ItemDataRole.TextAlignmentRole)
        font = theme.font("body")
        painter.save()
        painter.setFont(font)
        painter.setPen(theme.color(self._tone))
        if self.slanted:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(rect.center().x() + 4, rect.bottom() - 6)
            painter.rotate(-45)
            painter.drawText(0, 0, elide(words, font, round((self.extent - 16) * math.sqrt(2))))
        else:
            flags = where if isinstance(where, Qt.AlignmentFlag) else Qt.AlignmentFlag.AlignLeft
            foot = QRect(rect.left(), max(rect.top(), rect.bottom() + 1 - HEAD), rect.width(), min(rect.height(), HEAD))
            place = rect if self.orientation() == Qt.Orientation.Vertical else foot
            painter.drawText(place, flags | Qt.AlignmentFlag.AlignVCenter, elide(words, font, rect.width()))
        if self._line:
            painter.setPen(theme.color("line"))
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.restore()


class ScoreTable(QTableView):
    """A table without grid, zebra and bevels, that Tab passes through and arrow keys walk in."""

    def __init__(self) -> None:
        super().__init__()
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        theme.signals.changed.connect(self._repaint)

    def _repaint(self) -> None:
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        focus.moved_by_key()
        super().keyPressEvent(event)

    def set_row_height(self, height: int) -> None:
        """One height for all rows, in px."""
        if height != self.verticalHeader().defaultSectionSize():
            self.verticalHeader().setDefaultSectionSize(height)
            self.updateGeometries()  # Qt would leave the scroll bar's range as it was for the old height


def slanted_extent(names: list[str]) -> int:
    """The height in px that names at 45 degrees need."""
    metrics = QFontMetrics(theme.font("body"))
    longest = max((metrics.horizontalAdvance(escaped(name)) for name in names), default=0)
    return min(SLANTED_MOST, max(HEAD, round(longest / math.sqrt(2)) + 20))


def scroll_as_one(first: QTableView, second: QTableView) -> None:
    """Tie the vertical positions of two tables to each other."""
    first.verticalScrollBar().valueChanged.connect(second.verticalScrollBar().setValue)
    second.verticalScrollBar().valueChanged.connect(first.verticalScrollBar().setValue)
