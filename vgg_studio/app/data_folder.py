"""The Data page with a folder open: which one, its classes, what was noticed, their use, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QScrollArea, QWidget

from vgg_studio.app import caption, places
from vgg_studio.app.caption import CaptionLine
from vgg_studio.app.class_list import ClassCard
from vgg_studio.app.data_cards import SplitCard
from vgg_studio.app.fields import MenuButton
from vgg_studio.app.noticed_card import NoticedCard
from vgg_studio.app.pictures_card import PicturesCard
from vgg_studio.app.recent_list import contents
from vgg_studio.app.scan_state import class_total
from vgg_studio.app.widgets import PlainButton, Sign, column, row
from vgg_studio.core import wording
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

LEFT, GUTTER = 296, 12
MANY = 5  # kinds noticed: the column scrolls in a low window, and then the classes need no bar of their own


class FolderRow(QWidget):
    """The folder's name and place, recent folders as a menu, and the button for another one."""

    choose = Signal()
    recent = Signal(str)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.line = CaptionLine(32)
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill)
        self.menu.triggered.connect(lambda action: self.recent.emit(action.data()))
        self.recent_button, self.choose_button = MenuButton(), PlainButton()
        self.recent_button.setMenu(self.menu)
        self.choose_button.clicked.connect(self.choose)
        whole = row(Sign("folder"), self.line, self.recent_button, self.choose_button)
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def show_folder(self, path: str) -> None:
        """Name the folder."""
        self.recent_button.set_words(_("Recent folders"))
        self.choose_button.setText(_("Choose a folder…"))
        words = _("{folder} in {place}").format(folder=caption.strong(places.name(path)), place=places.place(path))
        self.line.set_line(words, tip=wording.escaped(path))

    def _fill(self) -> None:
        self.menu.clear()
        for known in self._studio.settings.recent:
            words = _("{folder} in {place}, {contents}").format(
                folder=places.name(known.path), place=places.place(known.path), contents=contents(known)
            )
            action = self.menu.addAction(words.replace("&", "&&"))
            action.setData(known.path)
            action.setToolTip(wording.escaped(known.path))
        if self.menu.isEmpty():
            self.menu.addAction(_("No other folder yet")).setEnabled(False)


class DataFolder(QWidget):
    """Two columns below the folder's row. It shows what the studio knows; the page around it decides what happens."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._folder = ""
        self.head = FolderRow(studio)
        self.classes, self.noticed, self.split = ClassCard(), NoticedCard(), SplitCard()
        self.pictures = PicturesCard(studio)
        columns = row(self._left(), self.pictures, spacing=16 - GUTTER)
        columns.setStretch(1, 1)
        whole = column(self.head, columns, spacing=16)
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self.classes.list.chosen.connect(self.show_class)
        self.noticed.chosen.connect(self.show_kind)

    def _left(self) -> QScrollArea:
        """The three cards; where a low window and long words leave too little room they scroll, with the bar in the gap."""
        content = QWidget()
        content.setProperty("kind", "content")
        cards = column(self.classes, self.noticed, self.split, spacing=16)
        cards.setStretch(0, 1)
        content.setLayout(cards)
        for card in (self.classes, self.noticed, self.split):
            card.setFixedWidth(LEFT)
        area = QScrollArea()
        area.setFixedWidth(LEFT + GUTTER)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        return area

    def refresh(self) -> None:
        """Show the scan as it stands, and what was noticed."""
        scan, found = self._studio.scan, self._studio.corrector.noticed()
        self.head.show_folder(scan.folder)
        if scan.folder != self._folder:
            self._folder, self.classes.list.resting = scan.folder, False
            self.noticed.choose("")
        self.noticed.show_noticed(found, scan)
        kind = self.noticed.current()
        self.classes.list.resting = bool(kind)
        self.classes.list.show_at_least(MANY if len(found.kinds()) >= MANY else 2)
        rows = [(row.name, class_total(row)) for row in scan.classes]
        self.classes.show_classes(rows, balance="imbalance" not in found.findings)
        self.split.show_scan(scan)
        if kind:
            self.pictures.show_kind(kind, found)
        else:
            self.pictures.show_class(self.classes.list.current())

    def show_class(self, name: str) -> None:
        """Show the pictures of a class."""
        self.noticed.choose("")
        self.pictures.show_class(name)

    def show_kind(self, kind: str) -> None:
        """Show the pictures of a kind that was noticed."""
        self.classes.list.rest()
        self.pictures.show_kind(kind, self._studio.corrector.noticed())
