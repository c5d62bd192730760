"""Grids in which several pictures can be chosen; one of them shows groups of pictures that belong together side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QListView, QStyleOptionViewItem

from vgg_studio.app import theme
from vgg_studio.app.noticed_words import Cell
from vgg_studio.app.picture_cell import PictureCell
from vgg_studio.app.picture_grid import PictureDelegate, PictureGrid, PictureTable
from vgg_studio.app.widgets import plain_tip
from vgg_studio.core.events import PictureRef
from vgg_studio.core.language import _
from vgg_studio.core.wording import picture_text

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio
    from vgg_studio.app.thumbnails import ThumbnailStore

Index = QModelIndex | QPersistentModelIndex
BLANK = Cell(PictureRef(), ("", ""))
JOINS = int(Qt.ItemDataRole.UserRole) + 8  # whether the picture belongs to its left and to its right neighbour
CELL = 128


class ChoiceGrid(PictureGrid):
    """A grid in which several pictures can be chosen, with the mouse as with the keyboard, and left out with Delete."""

    choice_changed = Signal()
    leave_out_wanted = Signal()

    def __init__(self, studio: Studio, captions: bool = False) -> None:
        super().__init__(studio, captions=captions, cell=CELL)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.selectionModel().selectionChanged.connect(self.choice_changed)
        self.table.modelReset.connect(self.choice_changed)

    def choice(self) -> list[PictureRef]:
        """The chosen pictures in their order, each once."""
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return list(dict.fromkeys(self.table.pictures[row] for row in rows))

    def keep_place(self, place: tuple[int, int]) -> None:
        """After other pictures are shown: scroll to where the view was, and choose what took the chosen one's place.

        `place` is what `place()` told before.
        """
        row, scrolled = place
        self.doItemsLayout()
        self.verticalScrollBar().setValue(scrolled)
        last = len(self.table.pictures) - 1
        if row >= 0 <= last:
            index = self.table.index(min(row, last))
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def place(self) -> tuple[int, int]:
        """The first chosen row (-1 for none) and how far the view is scrolled."""
        chosen = self.selectionModel().selection()
        rows = [chosen.at(number).top() for number in range(chosen.count())]
        return min(rows, default=-1), self.verticalScrollBar().value()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if not event.isAutoRepeat():
                self.leave_out_wanted.emit()
            return
        super().keyPressEvent(event)


class GroupTable(PictureTable):
    """Pictures with blanks between them, so that no group is torn by the end of a row."""

    def __init__(self, parent: FoundGrid) -> None:
        super().__init__(parent)
        self.cells: list[Cell] = []
        self.groups: list[int] = []  # the group of each cell; -1 for blanks and for those that stand alone

    def show_cells(self, cells: list[Cell], groups: list[int]) -> None:
        """Show these."""
        if (cells, groups) != (self.cells, self.groups):
            self.cells, self.groups = cells, groups
            self.show([cell.picture for cell in cells], [])

    def lines(self, row: int) -> tuple[str, str]:
        return self.cells[row].lines

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.cells[index.row()] is BLANK:
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if index.row() >= len(self.cells):
            return None
        cell = self.cells[index.row()]
        if cell is BLANK:
            return None
        if role == JOINS:
            return self._joins(index.row(), -1), self._joins(index.row(), 1)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip("\n".join(filter(None, (picture_text(cell.picture), cell.tip()))))
        return super().data(index, role)

    def _joins(self, row: int, step: int) -> bool:
        other, group = row + step, self.groups[row]
        return group >= 0 and 0 <= other < len(self.groups) and self.groups[other] == group


class GroupDelegate(PictureDelegate):
    """Paints the pictures of a group on one matte."""

    def __init__(self, store: ThumbnailStore, size: QSize, gap: int, parent: FoundGrid) -> None:
        super().__init__(store, PictureCell(CELL), size, parent)
        self._gap, self._grid = gap, parent

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        joins = index.data(JOINS)
        if joins is None:
            return  # a blank
        left, right = joins
        column, columns = index.row() % self._grid.columns(), self._grid.columns()
        rect, corner = option.rect, theme.RADIUS_CELL
        sunken = theme.color("sunken")
        if left and column > 0:
            painter.fillRect(QRect(rect.left(), rect.top(), corner, CELL), sunken)
        if right and column < columns - 1:
            painter.fillRect(QRect(rect.left() + CELL - corner, rect.top(), corner + self._gap, CELL), sunken)
        super().paint(painter, option, index)


class FoundGrid(ChoiceGrid):
    """What was noticed: groups of pictures, each on one matte, with two lines below every picture."""

    table: GroupTable

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio, captions=True)
        self._groups: list[list[Cell]] = []
        self._columns = 0
        self.table = GroupTable(self)
        self.setModel(self.table)
        self._delegate = GroupDelegate(studio.thumbnails, self.gridSize(), self.gap, self)
        self.setItemDelegate(self._delegate)
        self.selectionModel().selectionChanged.connect(self.choice_changed)
        self.selectionModel().currentChanged.connect(self._current_moved)
        self.table.modelReset.connect(self.choice_changed)

    def show_groups(self, groups: list[list[Cell]], data: str) -> None:
        """Show these groups; paths are relative to the folder `data`."""
        self._delegate.folder = data
        self._groups = groups
        self._arrange()
        self.viewport().update()  # other words below the same pictures are no change of the table

    def told(self) -> str:
        """The chosen picture's whole name, and what is said of it."""
        rows = self.selectionModel().selectedIndexes()
        cell = self.table.cells[rows[0].row()] if rows else BLANK
        reason = cell.tip()
        return _("{picture}: {reason}").format(picture=picture_text(cell.picture), reason=reason) if reason else ""

    def choose_copies(self) -> None:
        """Choose all pictures of each group but its first."""
        wanted = QItemSelection()
        for row, group in enumerate(self.table.groups):
            if group >= 0 and self.table.groups[row - 1 : row] == [group]:  # a group stands in one piece
                wanted.select(self.table.index(row), self.table.index(row))
        self.selectionModel().select(wanted, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.columns() != self._columns:
            self._arrange()

    def _arrange(self) -> None:
        self._columns = self.columns()
        self.table.show_cells(*arranged(self._groups, self._columns))


def arranged(groups: list[list[Cell]], columns: int) -> tuple[list[Cell], list[int]]:
    """The cells of all groups in rows of `columns`, and each cell's group (-1: alone, or a blank).

    A group that does not fit into the rest of a row begins a new one, unless it is wider than a whole row.
    """
    cells: list[Cell] = []
    numbers: list[int] = []
    for number, group in enumerate(groups):
        rest = -len(cells) % columns
        if len(group) > 1 and rest < len(group) <= columns:
            cells += [BLANK] * rest
            numbers += [-1] * rest
        cells += group
        numbers += [number if len(group) > 1 else -1] * len(group)
    return cells, numbers
