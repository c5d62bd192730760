"""Every answer in a row: thumbnail, picture, answer, how sure, verdict, second guess. Ten thousand of them cost no widget."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from vgg_studio.app import focus, theme, verdicts
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.picture_cell import PictureCell
from vgg_studio.app.prediction_state import Answer
from vgg_studio.app.widgets import elide, plain_tip
from vgg_studio.core import wording
from vgg_studio.core.events import PicturePredicted, PictureRef, PredictionFailed
from vgg_studio.core.language import N_, _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio
    from vgg_studio.app.thumbnails import ThumbnailStore

Index = QModelIndex | QPersistentModelIndex
Column = Literal["thumbnail", "picture", "answer", "how_sure", "gap", "verdict", "second"]
COLUMNS: tuple[Column, ...] = ("thumbnail", "picture", "answer", "how_sure", "gap", "verdict", "second")
HEADS: dict[Column, str] = {
    "thumbnail": "",
    "picture": N_("picture"),
    "answer": N_("answer"),
    "how_sure": N_("how sure"),
    "gap": "",  # between numbers that end at the right and words that begin at the left
    "verdict": N_("verdict"),
    "second": N_("second guess"),
}
THUMBNAIL, ROW, HEAD, PAD = 36, 44, 27, 8  # px; with the card's border five rows end where the page does
LEAST: dict[Column, int] = {
    "thumbnail": 16 + THUMBNAIL + 12,
    "how_sure": 88,
    "gap": 24,
    "verdict": 152,
}  # px, padding included


class PredictionTable(QAbstractTableModel):
    """The answers in the order in which they came, judged by the threshold on the page."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[Answer] = []
        self.threshold = 0.0
        self.counts: Counter[verdicts.Verdict] = Counter()
        self._at: dict[PictureRef, int] = {}

    def show(self, rows: list[Answer], threshold: float) -> None:
        """Show these answers; those that only came behind the known ones are added in one go."""
        known = len(self.rows)
        grown = len(rows) >= known and (not known or rows[0] is self.rows[0])
        if not grown:
            self.beginResetModel()
            self.rows, self._at = [], {}
            self._judge(threshold)
            self._take(rows)
            self.endResetModel()
            return
        if threshold != self.threshold:
            self._judge(threshold)
            if known:
                self.dataChanged.emit(self.index(0, 0), self.index(known - 1, len(COLUMNS) - 1))
        if len(rows) > known:
            self.beginInsertRows(QModelIndex(), known, len(rows) - 1)
            self._take(rows[known:])
            self.endInsertRows()

    def _judge(self, threshold: float) -> None:
        self.threshold = threshold
        self.counts = Counter(verdicts.verdict(row, threshold) for row in self.rows)

    def _take(self, rows: list[Answer]) -> None:
        self.counts.update(verdicts.verdict(row, self.threshold) for row in rows)
        self._at |= {verdicts.picture_of(row): at for at, row in enumerate(rows, len(self.rows))}
        self.rows.extend(rows)

    def row_of(self, picture: PictureRef) -> int:
        """The row of a picture, -1 where it has none."""
        return self._at.get(picture, -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _(HEADS[column])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column == "how_sure" else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), COLUMNS[index.column()])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(filter(None, (self.text(index.row(), column) for column in COLUMNS)))
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(wording.picture_text(verdicts.picture_of(self.rows[index.row()])))
        return None

    def text(self, at: int, column: Column) -> str:
        """The words of a cell."""
        row = self.rows[at]
        if column == "picture":
            return verdicts.picture_name(row)
        if column == "verdict":
            return _(verdicts.WORDS[verdicts.verdict(row, self.threshold)])
        if isinstance(row, PredictionFailed):
            return verdicts.failure_words(row) if column == "answer" else ""
        return _answer_text(row, column)


def _answer_text(row: PicturePredicted, column: Column) -> str:
    if column == "answer" and row.top:
        return wording.escaped(row.top[0].label)
    if column == "how_sure" and row.top:
        return verdicts.how_sure(row.top[0].probability)
    if column == "second" and len(row.top) > 1:
        return f"{wording.escaped(row.top[1].label)} {verdicts.how_sure(row.top[1].probability)}"
    return ""


class PredictionDelegate(QStyledItemDelegate):
    """Paints one cell of a row of 44 px with a line below."""

    def __init__(self, view: PredictionView, store: ThumbnailStore) -> None:
        super().__init__(view)
        self._view, self._table, self._store, self._cell = view, view.table, store, PictureCell(THUMBNAIL)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        column, rect = COLUMNS[index.column()], option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("tint"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("hover"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("line"))
        if focus.by_keyboard() and self._view.hasFocus() and index.row() == self._view.currentIndex().row():
            self._paint_ring(painter, index.row())
        if column == "thumbnail":
            picture = self._store.pixmap(verdicts.picture_of(self._table.rows[index.row()]), "")
            self._cell.paint(painter, rect.left() + 16, rect.top() + 4, picture)
        else:
            self._paint_words(painter, rect.adjusted(PAD, 0, -PAD, -1), index.row(), column)
        painter.restore()

    def _paint_ring(self, painter: QPainter, at: int) -> None:
        """Around the whole row; each cell paints its part of it."""
        whole = QRect(0, self._view.rowViewportPosition(at), self._view.viewport().width(), ROW - 1)
        painter.setPen(QPen(theme.color("link"), 2))
        painter.drawRect(whole.adjusted(1, 1, -1, -1))

    def _paint_words(self, painter: QPainter, rect: QRect, at: int, column: Column) -> None:
        failed = isinstance(self._table.rows[at], PredictionFailed)
        role, tone = _look(column, failed)
        if column == "verdict":
            sign, tone = verdicts.SIGNS[verdicts.verdict(self._table.rows[at], self._table.threshold)]
            icon = theme.pixmap(sign, tone, 16, painter.device().devicePixelRatioF())
            painter.drawPixmap(rect.left(), rect.center().y() - 7, icon)
            rect = rect.adjusted(16 + 4, 0, 0, 0)
        font = theme.font(role)
        mode = Qt.TextElideMode.ElideMiddle if column == "picture" else Qt.TextElideMode.ElideRight
        side = Qt.AlignmentFlag.AlignRight if column == "how_sure" else Qt.AlignmentFlag.AlignLeft
        painter.setFont(font)
        painter.setPen(theme.color(tone))
        words = elide(self._table.text(at, column), font, rect.width(), mode)
        painter.drawText(rect, side | Qt.AlignmentFlag.AlignVCenter, words)


def _look(column: Column, failed: bool) -> tuple[str, str]:
    if column == "answer":
        return ("body", "muted") if failed else ("strong", "text")
    return {"second": ("body", "muted"), "how_sure": ("tabular", "text")}.get(column, ("body", "text"))


class PredictionView(QTableView):
    """The table on the Predict page. Emits `chosen` with the row under the selection, -1 for none."""

    chosen = Signal(int)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.table = PredictionTable(self)
        self.setModel(self.table)
        self.setItemDelegate(PredictionDelegate(self, studio.thumbnails))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.viewport().setAutoFillBackground(False)
        self._bar = OverlayBar(self, inset=1, top=HEAD)
        self._set_up_heads()
        self.selectionModel().currentRowChanged.connect(self._current_moved)
        studio.thumbnails.arrived.connect(self._arrived)
        theme.signals.changed.connect(self.viewport().update)

    def _set_up_heads(self) -> None:
        heads, rows = self.horizontalHeader(), self.verticalHeader()
        heads.setFixedHeight(HEAD)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        heads.setHighlightSections(False)
        heads.setSectionsClickable(False)
        heads.setFont(theme.font())
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW)
        rows.setMinimumSectionSize(ROW)
        rows.hide()

    def retranslate(self) -> None:
        """Set every text anew."""
        self.setAccessibleName(_("Answers"))
        self._fit_columns()
        self.table.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        self.viewport().update()

    def choose(self, at: int) -> None:
        """Choose a row and bring it into view."""
        if 0 <= at < len(self.table.rows):
            self.setCurrentIndex(self.table.index(at, 1))

    def current(self) -> int:
        """The chosen row, -1 for none."""
        return self.currentIndex().row()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Thumbnail, per cent and verdict take what their words need; the other three share the rest."""
        metrics = QFontMetrics(theme.font())
        most = {
            "how_sure": [verdicts.how_sure(1.0)],
            "verdict": [_(word) + " " * 8 for word in verdicts.WORDS.values()],
        }
        fixed: dict[Column, int] = {}
        for column, least in LEAST.items():
            words = [_(HEADS[column]), *most.get(column, [])]
            fixed[column] = max(least, *(metrics.horizontalAdvance(word) + 2 * PAD for word in words))
        room = self.viewport().width() - sum(fixed.values())
        for at, column in enumerate(COLUMNS):
            self.setColumnWidth(at, fixed.get(column, room // 3))

    def _current_moved(self, now: QModelIndex, before: QModelIndex) -> None:
        self.chosen.emit(now.row() if now.isValid() else -1)

    def _arrived(self, picture: PictureRef) -> None:
        at = self.table.row_of(picture)
        if at >= 0:
            self.update(self.table.index(at, 0))
