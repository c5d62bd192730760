"""The left rail: the mark, the pages, Settings. Narrow, it shows the icons alone and the words become tooltips."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from vgg_studio.app import focus, theme
from vgg_studio.app.widgets import elide, plain_tip

Index = QModelIndex | QPersistentModelIndex
ROW = int(Qt.ItemDataRole.UserRole)
STEP = 40  # px from row to row: 36 and 4 between
MARK = 24


@dataclass(frozen=True)
class RailRow:
    """A page's row: `badge` is what stands at its right, such as 7/20."""

    key: str
    icon: str
    text: str = ""
    badge: str = ""


class _Rows(QAbstractListModel):
    def __init__(self, rows: list[RailRow], parent: QObject) -> None:
        super().__init__(parent)
        self.rows = rows
        self.narrow = False

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.text} {row.badge}".strip()
        if role == Qt.ItemDataRole.ToolTipRole and self.narrow:
            return plain_tip(f"{row.text} {row.badge}".strip())
        return None

    def change(self, key: str, **values: str) -> None:
        """Give a row another text or badge."""
        for place, row in enumerate(self.rows):
            if row.key == key and row != (new := replace(row, **values)):
                self.rows[place] = new
                self.dataChanged.emit(self.index(place), self.index(place))


class _RowDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, STEP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: RailRow = index.data(ROW)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = option.rect.adjusted(3, 2, -3, -2)
        self._paint_ground(painter, place, option, selected)
        tone = "link" if selected else "muted"
        narrow = place.width() < theme.RAIL_WIDE / 2
        left = place.left() + ((place.width() - theme.ICON) // 2 if narrow else 8)
        top = place.top() + (place.height() - theme.ICON) // 2
        painter.drawPixmap(left, top, theme.pixmap(row.icon, tone, theme.ICON, painter.device().devicePixelRatio()))
        if narrow:
            self._paint_dot(painter, row, left, top)
        else:
            self._paint_words(painter, row, place, selected)
        painter.restore()

    @staticmethod
    def _paint_ground(painter: QPainter, place: QRect, option: QStyleOptionViewItem, selected: bool) -> None:
        ground = "tint" if selected else "hover" if option.state & QStyle.StateFlag.State_MouseOver else ""
        if ground:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(ground))
            painter.drawRoundedRect(place, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)
        if option.state & QStyle.StateFlag.State_HasFocus and focus.by_keyboard():
            painter.setPen(QPen(theme.color("link"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), theme.RADIUS_CONTROL + 1, theme.RADIUS_CONTROL + 1)

    @staticmethod
    def _paint_dot(painter: QPainter, row: RailRow, left: int, top: int) -> None:
        if row.badge:
            painter.setPen(QPen(theme.color("rail"), 2))
            painter.setBrush(theme.color("link"))
            painter.drawEllipse(left + theme.ICON - 5, top - 4, 9, 9)

    @staticmethod
    def _paint_words(painter: QPainter, row: RailRow, place: QRect, selected: bool) -> None:
        room = place.adjusted(8 + theme.ICON + 12, 0, -8, 0)
        painter.setPen(theme.color("link" if selected else "muted"))
        painter.setFont(theme.font("tabular"))
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row.badge)
        taken = QFontMetrics(painter.font()).horizontalAdvance(row.badge) + 8 if row.badge else 0
        painter.setPen(theme.color("link" if selected else "text"))
        painter.setFont(theme.font("strong" if selected else "body"))
        words = elide(row.text, painter.font(), room.width() - taken)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)


class _RailList(QListView):
    def __init__(self, rows: list[RailRow]) -> None:
        super().__init__()
        self.rows = _Rows(rows, self)
        self.setModel(self.rows)
        self.setItemDelegate(_RowDelegate(self))
        self.setMouseTracking(True)
        self.setFixedHeight(STEP * len(rows))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)

    def sizeHint(self) -> QSize:
        return QSize(theme.RAIL_NARROW, self.height())


class _Mark(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(theme.HEADER_HEIGHT - 2)  # the first row begins with 2 px of room for its focus ring
        theme.signals.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        narrow = self.width() < theme.RAIL_WIDE / 2
        left = (self.width() - MARK) // 2 if narrow else 20 - self.x()
        drawn = theme.drawing("mark", MARK, MARK, self.devicePixelRatioF())
        painter.drawPixmap(left, (theme.HEADER_HEIGHT - MARK) // 2, drawn)
        if not narrow:
            painter.setPen(theme.color("text"))
            painter.setFont(theme.font("strong"))
            room = self.rect().adjusted(left + MARK + 12, 0, 0, 2)
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "VGG Studio")
        painter.end()


class Rail(QWidget):
    """Mark, pages, stretch, Settings. `chosen` tells the key of the page that a person wants."""

    chosen = Signal(str)

    def __init__(self, pages: list[RailRow], settings: RailRow) -> None:
        super().__init__()
        self.setProperty("kind", "rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pages, self.settings = _RailList(pages), _RailList([settings])
        for view in (self.pages, self.settings):
            view.selectionModel().currentChanged.connect(self._choose)
        self._box = QVBoxLayout(self)
        self._box.setSpacing(0)
        self._box.addWidget(_Mark())
        self._box.addWidget(self.pages)
        self._box.addStretch(1)
        self._box.addWidget(self.settings)
        theme.signals.changed.connect(self.update)
        self.set_narrow(False)

    def set_narrow(self, narrow: bool) -> None:
        """Icons alone, or icons and words."""
        self.setFixedWidth(theme.RAIL_NARROW if narrow else theme.RAIL_WIDE)
        # The row's own edge of 3 and 2 px (room for the focus ring) comes on top.
        self._box.setContentsMargins(5 if narrow else 9, 0, 5 if narrow else 10, 10)
        for view in (self.pages, self.settings):
            view.rows.narrow = narrow

    def change(self, key: str, **values: str) -> None:
        """Give a page's row another `text` or `badge`."""
        self.pages.rows.change(key, **values)
        self.settings.rows.change(key, **values)

    def show_page(self, key: str) -> None:
        """Mark the page that is shown."""
        for view in (self.pages, self.settings):
            blocked = view.selectionModel().blockSignals(True)
            keys = [row.key for row in view.rows.rows]
            view.setCurrentIndex(view.rows.index(keys.index(key)) if key in keys else QModelIndex())
            view.selectionModel().blockSignals(blocked)
            view.viewport().update()

    def _choose(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self.chosen.emit(now.data(ROW).key)
