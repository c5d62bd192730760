"""A table of words and numbers about a network: as many columns as it is given, with heads drawn from tokens."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QObject, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import focus, theme
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.table_parts import HEAD, Head, Index, ScoreTable
from vgg_studio.app.widgets import elide, plain_tip
from vgg_studio.core.wording import escaped

ROW = 28
PAD = 12  # between two columns
QUIET = int(Qt.ItemDataRole.UserRole)


class Cells(QAbstractTableModel):
    """Rows of words. The columns in `numbers` stand at the right; a row in `quiet` is not one of those that count."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.head: list[str] = []
        self.rows: list[list[str]] = []
        self.numbers: frozenset[int] = frozenset()
        self.quiet: frozenset[int] = frozenset()

    def show(self, head: list[str], rows: list[list[str]], numbers: Sequence[int], quiet: Sequence[int]) -> None:
        """Show another table."""
        self.beginResetModel()
        self.head, self.rows = head, rows
        self.numbers, self.quiet = frozenset(numbers), frozenset(quiet)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.head)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        words = escaped(self.rows[index.row()][index.column()])
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.head[index.column()]}: {words}" if words else ""
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(words)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.side(index.column())
        return index.row() in self.quiet if role == QUIET else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.head[section]
        return self.side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def side(self, column: int) -> Qt.AlignmentFlag:
        """Words stand at the left, numbers at the right."""
        return Qt.AlignmentFlag.AlignRight if column in self.numbers else Qt.AlignmentFlag.AlignLeft


class CellDelegate(QStyledItemDelegate):
    """Paints one cell; a thin line ends each row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        font, side = theme.font("tabular"), index.data(Qt.ItemDataRole.TextAlignmentRole)
        rect = option.rect
        painter.save()
        painter.setFont(font)
        painter.setPen(theme.color("muted" if index.data(QUIET) else "text"))
        inner = rect.adjusted(0, 0, -PAD, 0)
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, elide(str(index.data()), font, inner.width()))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if focus.wanted_in_row(option):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            focus.paint_in_row(painter, QRect(rect))
        painter.restore()


class PaddedHead(Head):
    """Heads that end where their columns' words end."""

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        super().paintSection(painter, rect.adjusted(0, 0, -PAD, 0), logicalIndex)
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())


class InsideTable(ScoreTable):
    """Columns as wide as their longest words; what is left over goes to the last of the columns of words."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = Cells(self)
        head = PaddedHead(Qt.Orientation.Horizontal, self)
        head.set_extent(HEAD)
        self.setHorizontalHeader(head)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(1)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setModel(self.cells)
        self.setItemDelegate(CellDelegate(self))
        self.set_row_height(ROW)
        self._bar = OverlayBar(self, inset=0, top=HEAD)

    def show_table(
        self, head: list[str], rows: list[list[str]], numbers: Sequence[int], quiet: Sequence[int] = ()
    ) -> None:
        """Show a table; `numbers` are the columns that stand at the right, `quiet` the rows in muted words."""
        self.cells.show(head, rows, numbers, quiet)
        self._share_width()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        metrics = QFontMetrics(theme.font("tabular"))
        columns = zip(self.cells.head, *self.cells.rows, strict=True)
        widths = [max(metrics.horizontalAdvance(words) for words in column) + 2 + PAD for column in columns]
        if not widths:
            return
        words = [column for column in range(len(widths)) if column not in self.cells.numbers]
        flexible = max(words, key=lambda column: widths[column]) if words else 0
        widths[flexible] = max(80, widths[flexible] + self.viewport().width() - sum(widths))
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)
