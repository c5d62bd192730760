"""Every file that is left out, with its reason, and the way to its folder."""

from __future__ import annotations

import os

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from vgg_studio.app import caption, focus, theme
from vgg_studio.app.data_cards import left_out_line
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.scan_state import ScanState
from vgg_studio.app.widgets import Card, Label, PlainButton, column, plain_tip, row
from vgg_studio.core import wording
from vgg_studio.core.events import LeftOut
from vgg_studio.core.language import _, ngettext

Index = QModelIndex | QPersistentModelIndex
LINE = int(Qt.ItemDataRole.UserRole)
ROW = 32


class LeftOutTable(QAbstractListModel):
    """Files in the order in which they were found."""

    def __init__(self, entries: list[LeftOut], parent: QObject) -> None:
        super().__init__(parent)
        self.entries = entries

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        line = left_out_line(self.entries[index.row()])
        if role == LINE:
            return line
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return caption.plain(line)
        return plain_tip(caption.plain(line)) if role == Qt.ItemDataRole.ToolTipRole else None


class LineDelegate(QStyledItemDelegate):
    """Paints one file with its reason."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("tint"))
            painter.drawRoundedRect(option.rect, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)
        caption.paint(painter, option.rect.adjusted(12, 0, -12, 0), index.data(LINE))
        if focus.wanted_in_row(option):
            focus.paint_in_row(painter, option.rect)
        painter.restore()


class LeftOutDialog(Dialog):
    """A list that never grows a widget a row, and below it a button that opens the chosen file's folder."""

    def __init__(self, scan: ScanState, parent: QWidget) -> None:
        super().__init__(parent)
        self._folder = scan.folder
        self.setWindowTitle(_("Files that are left out"))
        self.resize(640, 480)
        self.list = QListView()
        self.list.setAccessibleName(self.windowTitle())
        self.table = LeftOutTable(scan.left_out, self)
        self.list.setModel(self.table)
        self.list.setItemDelegate(LineDelegate(self))
        self.list.setUniformItemSizes(True)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.show_button, self.close_button = PlainButton(_("Show in its folder")), PlainButton(_("Close"))
        self.show_button.clicked.connect(self._show_in_folder)
        self.close_button.clicked.connect(self.accept)
        self.list.setCurrentIndex(self.table.index(0))
        self._lay_out(scan)

    def _lay_out(self, scan: ScanState) -> None:
        heading = Label(_heading(scan), "strong", wrap=True)
        note = Label(_("They were not changed. Everything else is used."), tone="muted", wrap=True)
        card = Card(padding=4)
        card.box.addWidget(self.list)
        whole = column(
            column(heading, note, spacing=0),
            card,
            row(None, self.show_button, self.close_button),
            spacing=16,
            margins=(24, 24, 24, 24),
        )
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def _show_in_folder(self) -> None:
        path = self.table.entries[self.list.currentIndex().row()].picture.path
        show_folder(os.path.dirname(os.path.join(self._folder, path)))


def show_folder(path: str) -> None:
    """Open a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))


def _heading(scan: ScanState) -> str:
    count, shown = scan.left_out_count, len(scan.left_out)
    words = ngettext("{count} file cannot be read", "{count} files cannot be read", count)
    whole = words.format(count=wording.number(count))
    if shown < count:
        first = ngettext("{shown} is shown", "the first {shown} are shown", shown).format(shown=wording.number(shown))
        return _("{whole}; {first}").format(whole=whole, first=first)
    return whole
