"""The folders that were open before: thumbnail, name and place, what was in them, when."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImageReader, QPainter, QPixmap
from PySide6.QtWidgets import QListView, QSizePolicy, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio import paths
from vgg_studio.app import focus, places, theme
from vgg_studio.app.picture_cell import PictureCell
from vgg_studio.app.settings import RecentFolder
from vgg_studio.app.widgets import elide, plain_tip
from vgg_studio.core import wording
from vgg_studio.core.language import _

Index = QModelIndex | QPersistentModelIndex
FOLDER = int(Qt.ItemDataRole.UserRole)
ROW, THUMBNAIL, LINE = 56, 40, 18
COUNTS_AT = 0.555  # where the counts begin, as a share of the width


def contents(folder: RecentFolder) -> str:
    """What was in the folder, in words."""
    return _("{pictures} in {classes}").format(
        pictures=wording.pictures(folder.pictures), classes=wording.classes(folder.classes)
    )


class RecentTable(QAbstractListModel):
    """Recent folders, newest first."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[RecentFolder] = []

    def show(self, rows: list[RecentFolder]) -> None:
        """Show other folders."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        folder = self.rows[index.row()]
        if role == FOLDER:
            return folder
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(wording.escaped(folder.path))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{places.name(folder.path)}, {contents(folder)}, {places.day(folder.opened)}"
        return None


class RecentDelegate(QStyledItemDelegate):
    """Paints one folder in a row of 56 px with a line below."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._cell = PictureCell(THUMBNAIL)
        self._pictures: dict[str, QPixmap] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect, folder = option.rect, index.data(FOLDER)
        painter.save()
        if option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect.adjusted(0, 0, 0, -1), theme.color("hover"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, theme.color("line"))
        self._cell.paint(painter, rect.left(), rect.top() + 7, self.picture(folder.thumbnail))
        _paint_words(painter, rect, folder)
        if focus.wanted_in_row(option):
            focus.paint_in_row(painter, rect)
        painter.restore()

    def picture(self, file: str) -> QPixmap:
        """The thumbnail in a file of our own cache, an empty one for any other file."""
        if file not in self._pictures:
            self._pictures[file] = _cached_picture(file)
        return self._pictures[file]


def _cached_picture(file: str) -> QPixmap:
    # Settings can be edited by anybody: only what our own engine wrote into the cache is ever opened here.
    cache = str(paths.cache_folder())
    return QPixmap.fromImage(QImageReader(file, b"jpeg").read()) if file.startswith(cache) else QPixmap()


def _paint_words(painter: QPainter, rect: QRect, folder: RecentFolder) -> None:
    words_left, counts_left = rect.left() + THUMBNAIL + 12, rect.left() + round(rect.width() * COUNTS_AT)
    day = places.day(folder.opened)
    day_width = QFontMetrics(theme.font()).horizontalAdvance(day)
    day_left = rect.right() + 1 - day_width
    left, middle = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignVCenter
    first, second = rect.top() + 10, rect.top() + 10 + LINE
    name_room = counts_left - 16 - words_left
    right = Qt.AlignmentFlag.AlignRight
    for text, role, tone, place, align in (
        (places.name(folder.path), "strong", "text", QRect(words_left, first, name_room, LINE), left),
        (places.place(folder.path), "body", "muted", QRect(words_left, second, name_room, LINE), left),
        (contents(folder), "body", "muted", QRect(counts_left, rect.top(), day_left - 16 - counts_left, ROW - 1), left),
        (day, "body", "muted", QRect(day_left, rect.top(), day_width, ROW - 1), right),
    ):
        font = theme.font(role)
        painter.setFont(font)
        painter.setPen(theme.color(tone))
        painter.drawText(place, align | middle, elide(text, font, place.width(), Qt.TextElideMode.ElideMiddle))


class RecentList(QListView):
    """The rows of the recent folders, as high as they are many. Emits `opened` with a folder's path."""

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.table = RecentTable(self)
        self.setModel(self.table)
        self.setItemDelegate(RecentDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().setAutoFillBackground(False)
        self.clicked.connect(self._activated)
        self.activated.connect(self._activated)
        theme.signals.changed.connect(self.viewport().update)

    def show_folders(self, folders: list[RecentFolder]) -> None:
        """Show these folders."""
        self.table.show(folders)
        self.setFixedHeight(ROW * len(folders))

    def _activated(self, index: QModelIndex) -> None:
        if index.row() < len(self.table.rows):  # a click may open the folder, and the list is another one then
            self.opened.emit(self.table.rows[index.row()].path)
