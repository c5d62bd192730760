"""What was taken for what: a square of counts, rows true, columns named, with the mistakes in the warm colour."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import theme
from vgg_studio.app.table_parts import GAP, HEAD, Head, Index, ScoreTable, slanted_extent
from vgg_studio.app.widgets import plain_tip
from vgg_studio.core import wording
from vgg_studio.core.events import Evaluation
from vgg_studio.core.language import ngettext

CELL_WIDTH, CELL_HEIGHT, SMALL = 70, 52, 32
ROWS_HEAD = 80
LEAST = 238  # px: seven rows of many are seen at least
FEW = 8  # more classes than this: small cells and slanted names
MANY = 20  # more than this: colour only, numbers in the tooltip
COUNT = int(Qt.ItemDataRole.UserRole)
SHARE = COUNT + 1  # of its row, 0 to 1
RIGHT = COUNT + 2


class ConfusionTable(QAbstractTableModel):
    """The counts of an evaluation."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.classes: list[str] = []
        self.rows: list[list[int]] = []

    def show(self, classes: list[str], rows: list[list[int]]) -> None:
        """Show another evaluation."""
        self.beginResetModel()
        self.classes, self.rows = classes, rows
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        count, total = self.rows[index.row()][index.column()], sum(self.rows[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.number(count)
        if role == COUNT:
            return count
        if role == SHARE:
            return count / total if total else 0.0
        if role == RIGHT:
            return index.row() == index.column()
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            words = self._in_words(index.row(), index.column(), count, total)
            return plain_tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        return None

    def _in_words(self, row: int, column: int, count: int, total: int) -> str:
        words = ngettext(
            "{count} of {total} picture of {true} was named {named} ({share}).",
            "{count} of {total} pictures of {true} were named {named} ({share}).",
            total,
        )
        return words.format(
            count=wording.number(count),
            total=wording.number(total),
            true=wording.escaped(self.classes[row]),
            named=wording.escaped(self.classes[column]),
            share=wording.percent(count / total if total else None),
        )

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return wording.escaped(self.classes[section])
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(wording.escaped(self.classes[section]))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            across = orientation == Qt.Orientation.Horizontal
            return Qt.AlignmentFlag.AlignHCenter if across else Qt.AlignmentFlag.AlignLeft
        return None


class ConfusionDelegate(QStyledItemDelegate):
    """Paints one cell: its heat, and the number where there is room for one."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.numbers = True

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        half = GAP / 2
        cell = QRectF(option.rect).adjusted(half, half, -half, -half)
        right, share, count = index.data(RIGHT), index.data(SHARE), index.data(COUNT)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.heat(right, share))
        painter.drawRoundedRect(cell, theme.RADIUS_CELL, theme.RADIUS_CELL)
        if self.numbers:
            # The diagonal and frequent mistakes stand out by weight too, not by colour alone.
            strong = bool(count) and (right or share >= 0.1)
            painter.setFont(theme.font("tabular_strong" if strong else "tabular"))
            painter.setPen(theme.color("text" if count else "muted"))
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, index.data())
        if option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            painter.setPen(QPen(theme.color("link"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), theme.RADIUS_CELL, theme.RADIUS_CELL)
        painter.restore()


class ConfusionView(ScoreTable):
    """The square, which fits its cells to its size. `fitted` tells the height of a row, also for the table beside it."""

    fitted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.table, self.delegate = ConfusionTable(self), ConfusionDelegate(self)
        self.names_above = Head(Qt.Orientation.Horizontal, self)
        self.names_left = Head(Qt.Orientation.Vertical, self, tone="text")
        self.setHorizontalHeader(self.names_above)
        self.setVerticalHeader(self.names_left)
        self.names_left.set_extent(ROWS_HEAD)
        self.setModel(self.table)
        self.setItemDelegate(self.delegate)

    def show_evaluation(self, evaluation: Evaluation) -> None:
        """Show another evaluation; size and words follow from how many classes it has."""
        count = len(evaluation.classes)
        self.delegate.numbers = count <= MANY
        self.names_above.slanted = count > FEW
        self.names_above.set_extent(slanted_extent(evaluation.classes) if count > FEW else HEAD)
        self.table.show(evaluation.classes, evaluation.confusion)
        self.fit()

    def heights(self) -> tuple[int, int]:
        """The least and the greatest height of the view, in px, without its head."""
        count, small = max(1, len(self.table.rows)), SMALL + GAP
        if count > FEW:
            return min(count * small, LEAST), count * small
        return count * small, count * (CELL_HEIGHT + GAP)

    def full_width(self) -> int:
        """The width in px that shows all columns of many classes."""
        return ROWS_HEAD + len(self.table.rows) * (SMALL + GAP)

    def fit(self) -> None:
        """Give the cells the size that the view has room for."""
        count = max(1, len(self.table.rows))
        width = height = SMALL + GAP
        if count <= FEW:
            width = min(CELL_WIDTH + GAP, (max(self.width(), 200) - ROWS_HEAD) // count)
            height = max(height, min(CELL_HEIGHT + GAP, (self.height() - self.names_above.extent) // count))
        self.names_above.setDefaultSectionSize(width)
        self.set_row_height(height)
        wide = ROWS_HEAD + count * width > self.width()
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(policy.ScrollBarAsNeeded if wide else policy.ScrollBarAlwaysOff)
        self.fitted.emit(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()
