"""The classes of a folder: a row each with its name, how many pictures it has, and a bar to compare them by."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import focus, theme
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.widgets import Card, Label, Sign, plain_tip, row
from vgg_studio.core import metrics, wording
from vgg_studio.core.language import _

Index = QModelIndex | QPersistentModelIndex
COUNT = int(Qt.ItemDataRole.UserRole)
SHARE = COUNT + 1  # of the largest class, 0 to 1
ROW = 42
PAD = 12  # between a row's edge and its words; the rows reach 12 px beyond the words on both sides
BAR = 4
SHOWN = 3  # rows that are seen even in a low window


class ClassTable(QAbstractListModel):
    """Names and counts in the folder's order."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[tuple[str, int]] = []

    def show(self, rows: list[tuple[str, int]]) -> None:
        """Show other classes; where only counts changed, rows stay and so does the chosen one."""
        if [name for name, _count in rows] == [name for name, _count in self.rows]:
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
        name, count = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return wording.escaped(name)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{wording.escaped(name)}, {wording.pictures(count)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{wording.escaped(name)}\n{wording.pictures(count)}")
        if role == COUNT:
            return count
        if role == SHARE:
            return count / max(1, *(many for _name, many in self.rows))
        return None


class ClassDelegate(QStyledItemDelegate):
    """Paints one class: name left, count right, the bar below; the chosen one on a tint with its name as a link."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_ground(painter, option, chosen)
        inner = option.rect.adjusted(PAD, 0, -PAD, 0)
        self._paint_words(painter, inner, index, chosen)
        _paint_bar(painter, QRectF(inner.left(), inner.top() + 30, inner.width(), BAR), index.data(SHARE), chosen)
        if focus.wanted_in_row(option):
            focus.paint_in_row(painter, option.rect)
        painter.restore()

    def _paint_words(self, painter: QPainter, inner: QRect, index: Index, chosen: bool) -> None:
        line = QRect(inner.left(), inner.top() + 8, inner.width(), 18)
        count = wording.number(index.data(COUNT))
        painter.setFont(theme.font("tabular"))
        painter.setPen(theme.color("text" if chosen else "muted"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, count)
        room = line.width() - QFontMetrics(theme.font("tabular")).horizontalAdvance(count) - 8
        font = theme.font("strong" if chosen else "body")
        name = QFontMetrics(font).elidedText(index.data(), Qt.TextElideMode.ElideMiddle, room)
        painter.setFont(font)
        painter.setPen(theme.color("link" if chosen else "text"))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)


def _paint_ground(painter: QPainter, option: QStyleOptionViewItem, chosen: bool) -> None:
    hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
    if chosen or hovered:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("tint" if chosen else "hover"))
        painter.drawRoundedRect(option.rect, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)


def _paint_bar(painter: QPainter, track: QRectF, share: float, chosen: bool) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("card" if chosen else "sunken"))
    painter.drawRoundedRect(track, BAR / 2, BAR / 2)
    if share > 0:
        painter.setBrush(theme.color("data"))
        painter.drawRoundedRect(
            QRectF(track.left(), track.top(), max(BAR, track.width() * share), BAR), BAR / 2, BAR / 2
        )


class ClassList(QListView):
    """The rows of the classes. Emits `chosen` with the name of the class whose pictures are wanted."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.table = ClassTable(self)
        self.setModel(self.table)
        self.setItemDelegate(ClassDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self._bar = OverlayBar(self)
        self.resting = False
        self.least = 2
        self.selectionModel().currentChanged.connect(self._current_moved)
        theme.signals.changed.connect(self.viewport().update)

    def show_classes(self, rows: list[tuple[str, int]]) -> None:
        """Show these classes; the chosen one stays chosen by its name, else the first is."""
        name = self.current()
        self.table.show(rows)
        if not self.currentIndex().isValid() and not self.resting:
            names = [known for known, _count in rows]
            self.choose(name if name in names else next(iter(names), ""))

    def choose(self, name: str) -> None:
        """Choose a class by its name."""
        self.resting = False
        found = next((at for at, (known, _count) in enumerate(self.table.rows) if known == name), -1)
        self.setCurrentIndex(self.table.index(found) if found >= 0 else QModelIndex())

    def rest(self) -> None:
        """Something else than a class is shown: none is chosen until a person chooses one."""
        self.resting = True
        self.setCurrentIndex(QModelIndex())

    def current(self) -> str:
        """The chosen class's name, "" for none."""
        index = self.currentIndex()
        return self.table.rows[index.row()][0] if index.isValid() else ""

    def sizeHint(self) -> QSize:
        return QSize(0, SHOWN * ROW)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, min(self.least, max(2, len(self.table.rows))) * ROW)

    def show_at_least(self, rows: int) -> None:
        """So many rows are seen however low the window is."""
        if rows != self.least:
            self.least = rows
            self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scrollTo(self.currentIndex())

    def _current_moved(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self.resting = False
            self.chosen.emit(self.table.rows[now.row()][0])


class ClassCard(Card):
    """The list of classes with its heading, and below it whether some class has far fewer pictures than another."""

    def __init__(self) -> None:
        super().__init__(padding=0, spacing=8)
        self.heading, self.unit = Label("", "strong"), Label("", tone="muted")
        self.list = ClassList()
        self.balance_sign, self.balance = Sign("check", size=16), Label("", tone="muted", wrap=True)
        self._foot = row(self.balance_sign, self.balance, spacing=8, margins=(12, 0, 12, 0))
        self._foot.setStretch(1, 1)
        self.box.setContentsMargins(4, 16, 4, 16)
        self.box.addLayout(row(self.heading, None, self.unit, margins=(12, 0, 12, 0)))
        self.box.addWidget(self.list, 1)
        self.box.addLayout(self._foot)

    def show_classes(self, rows: list[tuple[str, int]], balance: bool = True) -> None:
        """Show the classes with their counts; `balance`: tell whether they are balanced, which else is told elsewhere."""
        self.heading.setText(wording.classes(len(rows)))
        self.unit.setText(_("pictures"))
        self.list.setAccessibleName(_("Classes"))
        self.list.show_classes(rows)
        self._show_balance([count for _name, count in rows] if balance else [])

    def _show_balance(self, counts: list[int]) -> None:
        known = len(counts) > 1 and min(counts) > 0
        self.balance_sign.setVisible(known)
        self.balance.setVisible(known)
        if not known:
            return
        even = metrics.balanced(counts)
        self.balance_sign.set_kind("check" if even else "warn")
        low, high = wording.number(min(counts)), wording.number(max(counts))
        if even and low == high:
            words = _("Well balanced: {high} each")
        elif even:
            words = _("Well balanced: {low} to {high} each")
        else:
            words = _("Uneven: {low} to {high} each. Small classes are learned worse; add pictures to them.")
        self.balance.setText(words.format(low=low, high=high))
