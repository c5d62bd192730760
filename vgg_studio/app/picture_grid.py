"""Pictures in rows and columns, as many as there are: a list with a delegate, no widget and no thumbnail before it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import caption, focus, theme
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.picture_cell import PictureCell
from vgg_studio.app.widgets import plain_tip
from vgg_studio.core.events import PictureRef
from vgg_studio.core.wording import picture_text

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio
    from vgg_studio.app.thumbnails import ThumbnailStore

Index = QModelIndex | QPersistentModelIndex
PICTURE = int(Qt.ItemDataRole.UserRole)
CAPTION = PICTURE + 1
LINE = 18
NONE = 32  # px, the icon where there is no picture to show


class PictureTable(QAbstractListModel):
    """The pictures of a grid in order, with two lines of caption each where it has captions."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.pictures: list[PictureRef] = []
        self._captions: list[tuple[str, str]] = []
        self._rows: dict[PictureRef, list[int]] = {}

    def show(self, pictures: list[PictureRef], captions: list[tuple[str, str]]) -> None:
        """Show other pictures; where they only grew at the end, what is shown stays where it is."""
        old = len(self.pictures)
        if old and len(pictures) >= old and pictures[:old] == self.pictures and captions[:old] == self._captions:
            if len(pictures) > old:
                self.beginInsertRows(QModelIndex(), old, len(pictures) - 1)
                self._take(pictures, captions)
                self.endInsertRows()
            return
        self.beginResetModel()
        self._take(pictures, captions)
        self.endResetModel()

    def _take(self, pictures: list[PictureRef], captions: list[tuple[str, str]]) -> None:
        self.pictures, self._captions = list(pictures), list(captions)
        self._rows = {}
        for at, picture in enumerate(self.pictures):
            self._rows.setdefault(picture, []).append(at)

    def rows_of(self, picture: PictureRef) -> list[int]:
        """The rows of a picture: none where it is not shown, several where it belongs to several groups."""
        return self._rows.get(picture, [])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.pictures)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        picture = self.pictures[index.row()]
        if role == PICTURE:
            return picture
        if role == CAPTION:
            return self.lines(index.row())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(picture_text(picture))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return ", ".join(filter(None, (picture_text(picture), *map(caption.plain, self.lines(index.row())))))
        return None

    def lines(self, row: int) -> tuple[str, str]:
        """The two lines below a picture."""
        return self._captions[row] if row < len(self._captions) else ("", "")


class PictureDelegate(QStyledItemDelegate):
    """Paints one cell at the top left of its place: matte, picture, frame under the pointer or where chosen, words below."""

    def __init__(self, store: ThumbnailStore, cell: PictureCell, size: QSize, parent: QObject) -> None:
        super().__init__(parent)
        self.folder = ""  # that the pictures' paths are relative to
        self._store, self._cell, self._size = store, cell, size

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self._size

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect, cell = option.rect, self._cell
        painter.save()
        picture = index.data(PICTURE)
        cell.paint(painter, rect.left(), rect.top(), self._store.pixmap(picture, self.folder))
        if self._store.reason(picture, self.folder):  # it never will be shown
            middle = cell.rect(rect.left(), rect.top()).center()
            icon = theme.pixmap("picture", "muted", NONE, painter.device().devicePixelRatioF())
            painter.drawPixmap(middle.x() - NONE // 2, middle.y() - NONE // 2, icon)
        if option.state & QStyle.StateFlag.State_Selected or focus.wanted_in_row(option):
            cell.frame(painter, rect.left(), rect.top(), "link", 2)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            cell.frame(painter, rect.left(), rect.top(), "line2", 1)
        top = rect.top() + cell.side + 8
        for number, line in enumerate(index.data(CAPTION)):
            caption.paint(painter, QRect(rect.left(), top + number * LINE, cell.side, LINE), line)
        painter.restore()


class PictureGrid(QListView):
    """A scrolling grid of pictures of one size.

    Args:
        studio: gives the thumbnails, and only those of rows that are seen are asked for.
        captions: two lines below each picture, made with `caption.named` and `caption.strong`; wider gaps.
        cell: the side of a picture's square in px.

    """

    chosen = Signal(object)  # the PictureRef under the selection
    opened = Signal(object)  # the PictureRef that was double-clicked, or on which Enter was pressed

    def __init__(self, studio: Studio, captions: bool = False, cell: int = 128) -> None:
        super().__init__()
        self.gap = 16 if captions else 12
        self.table = PictureTable(self)
        step = QSize(cell + self.gap, cell + self.gap + (8 + 2 * LINE if captions else 0))
        self._delegate = PictureDelegate(studio.thumbnails, PictureCell(cell), step, self)
        self._set_up(step)
        self._bar = OverlayBar(self)
        self.setModel(self.table)
        self.setItemDelegate(self._delegate)
        self.selectionModel().currentChanged.connect(self._current_moved)
        self.activated.connect(self._activated)
        studio.thumbnails.arrived.connect(self._arrived)
        theme.signals.changed.connect(self.viewport().update)

    def _set_up(self, step: QSize) -> None:
        self.setProperty("kind", "grid")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(2000)
        self.setGridSize(step)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(step.height() // 3)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)

    def set_pictures(
        self, pictures: list[PictureRef], data: str, captions: list[tuple[str, str]] | None = None
    ) -> None:
        """Show these pictures; their paths are relative to the folder `data` ("" where they are whole)."""
        if data != self._delegate.folder:
            self._delegate.folder = data
            self.viewport().update()
        self.table.show(pictures, captions or [])

    def picture(self) -> PictureRef | None:
        """The chosen picture."""
        index = self.currentIndex()
        return self.table.pictures[index.row()] if index.isValid() else None

    def columns(self) -> int:
        """How many pictures fit side by side."""
        return max(1, (self.viewport().width() - 1) // self.gridSize().width())

    def _arrived(self, picture: PictureRef) -> None:
        for row in self.table.rows_of(picture):
            self.update(self.table.index(row))

    def _current_moved(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self.chosen.emit(self.table.pictures[now.row()])

    def _activated(self, index: QModelIndex) -> None:
        self.opened.emit(self.table.pictures[index.row()])
