"""The card "What was noticed": a row for each kind with its sign and its number, and the way to another folder."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QSizePolicy, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import focus, noticed, noticed_words, theme
from vgg_studio.app.noticed import Noticed
from vgg_studio.app.scan_state import ScanState
from vgg_studio.app.widgets import Card, Label, LinkButton, column, plain_tip
from vgg_studio.core.language import _

Index = QModelIndex | QPersistentModelIndex
KIND = int(Qt.ItemDataRole.UserRole)
FIGURE = KIND + 1
ROW, PAD, ICON = 32, 12, 16
_SIGNS = {  # the sign of a kind and its tone; all others warn
    noticed.LEFT_OUT: ("check", "good"),
    noticed.MOVED: ("check", "good"),
    "first_frame": ("picture", "muted"),
    "odd_name": ("question", "muted"),
}


class Row(NamedTuple):
    """One kind."""

    kind: str
    words: str
    figure: str


class NoticedTable(QAbstractListModel):
    """The kinds of which there is something."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def show(self, rows: list[Row]) -> None:
        """Show other rows; where only words and numbers changed, the chosen one stays chosen."""
        if [row.kind for row in rows] == [row.kind for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.words
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            words = f"{row.words}, {row.figure}"
            return plain_tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        return {KIND: row.kind, FIGURE: row.figure}.get(role)


class NoticedDelegate(QStyledItemDelegate):
    """Paints one kind: sign and words left, number right; the chosen one on a tint."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("tint" if chosen else "hover"))
            painter.drawRoundedRect(option.rect, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)
        inner = option.rect.adjusted(PAD, 0, -PAD, 0)
        sign, tone = _SIGNS.get(index.data(KIND), ("warn", "warn"))
        icon = theme.pixmap(sign, tone, ICON, painter.device().devicePixelRatioF())
        painter.drawPixmap(inner.left(), inner.top() + (ROW - ICON) // 2, icon)
        font = theme.font("tabular")
        painter.setFont(font)
        painter.setPen(theme.color("text" if chosen else "muted"))
        figure = index.data(FIGURE)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | middle, figure)
        words = inner.adjusted(ICON + 8, 0, -QFontMetrics(font).horizontalAdvance(figure) - 8, 0)
        font = theme.font("strong" if chosen else "body")
        painter.setFont(font)
        painter.setPen(theme.color("link" if chosen else "text"))
        text = QFontMetrics(font).elidedText(index.data(), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | middle, text)
        if focus.wanted_in_row(option):
            focus.paint_in_row(painter, option.rect)
        painter.restore()


class NoticedList(QListView):
    """As high as its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.table = NoticedTable(self)
        self.setModel(self.table)
        self.setItemDelegate(NoticedDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        theme.signals.changed.connect(self.viewport().update)

    def sizeHint(self) -> QSize:
        return QSize(0, len(self.table.rows) * ROW)


class NoticedCard(Card):
    """What deserves a look; hidden where there is nothing to say."""

    chosen = Signal(str)  # a kind
    suggestion_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(padding=0, spacing=8)
        self.heading, self.list = Label("", "strong"), NoticedList()
        self.advice, self.suggestion_link = Label("", wrap=True), LinkButton()
        self._foot = column(self.advice, self.suggestion_link, spacing=0, margins=(12, 0, 12, 0))
        self._foot.setAlignment(self.suggestion_link, Qt.AlignmentFlag.AlignLeft)
        self.box.setContentsMargins(4, 16, 4, 8)
        self.box.addLayout(column(self.heading, margins=(12, 0, 12, 0)))
        self.box.addWidget(self.list)
        self.box.addLayout(self._foot)
        self.suggestion_link.clicked.connect(self.suggestion_wanted)
        self.list.selectionModel().currentChanged.connect(self._current_moved)

    def show_noticed(self, found: Noticed, scan: ScanState) -> None:
        """Show what there is; the kind that was chosen stays so."""
        kept = self.current()
        rows = [Row(kind, noticed_words.short(kind), noticed_words.figure(kind, found, scan)) for kind in found.kinds()]
        self.setVisible(bool(rows or scan.suggestion))
        self.heading.setText(_("What was noticed"))
        self.list.setAccessibleName(_("What was noticed"))
        blocked = self.list.selectionModel().blockSignals(True)
        self.list.table.show(rows)
        self.list.selectionModel().blockSignals(blocked)
        self.choose(kept)
        self.list.setVisible(bool(rows))
        self.list.updateGeometry()
        self.advice.setText(_("Another folder seems to hold the classes:"))
        self.suggestion_link.setText(_("Use this folder instead"))
        for part in (self.advice, self.suggestion_link):
            part.setVisible(bool(scan.suggestion))

    def current(self) -> str:
        """The chosen kind, "" for none."""
        index = self.list.currentIndex()
        return self.list.table.rows[index.row()].kind if index.isValid() else ""

    def choose(self, kind: str) -> None:
        """Choose a kind; one that is not there: none."""
        found = next((at for at, row in enumerate(self.list.table.rows) if row.kind == kind), -1)
        index = self.list.table.index(found) if found >= 0 else QModelIndex()
        if index != self.list.currentIndex() or not self.list.selectionModel().isSelected(index):
            self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _current_moved(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self.chosen.emit(self.list.table.rows[now.row()].kind)
