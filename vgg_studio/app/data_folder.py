"""The Data page with a folder open: which one, its classes, their use, what is wrong, and the pictures of one class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QScrollArea, QWidget

from vgg_studio.app import caption, places
from vgg_studio.app.caption import CaptionLine
from vgg_studio.app.class_list import ClassCard
from vgg_studio.app.data_cards import ProblemCard, SplitCard
from vgg_studio.app.fields import MenuButton
from vgg_studio.app.picture_grid import PictureGrid
from vgg_studio.app.recent_list import contents
from vgg_studio.app.scan_state import class_total
from vgg_studio.app.widgets import Card, PlainButton, Sign, column, row
from vgg_studio.core import wording
from vgg_studio.core.events import PictureRef
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

LEFT, GUTTER = 296, 12


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
        self.head = FolderRow(studio)
        self.classes, self.split, self.problems = ClassCard(), SplitCard(), ProblemCard()
        self.title, self.file_name = CaptionLine(28), CaptionLine(28)
        self.grid = PictureGrid(studio)
        columns = row(self._left(), self._pictures_card(), spacing=16 - GUTTER)
        columns.setStretch(1, 1)
        whole = column(self.head, columns, spacing=16)
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self.classes.list.chosen.connect(self.show_class)
        self.grid.chosen.connect(self._show_name)

    def _left(self) -> QScrollArea:
        """The three cards; where a low window and long words leave too little room they scroll, with the bar in the gap."""
        content = QWidget()
        content.setProperty("kind", "content")
        cards = column(self.classes, self.split, self.problems, spacing=16)
        cards.setStretch(0, 1)
        content.setLayout(cards)
        for card in (self.classes, self.split, self.problems):
            card.setFixedWidth(LEFT)
        area = QScrollArea()
        area.setFixedWidth(LEFT + GUTTER)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        return area

    def _pictures_card(self) -> Card:
        card = Card(padding=0, spacing=12)
        # The scroll bar stands in the card's right padding: the last column's gap of 12 px, and 4 px (Qt wants 1 px more).
        card.box.setContentsMargins(15, 15, 2, 0)
        heading = row(self.title, self.file_name, spacing=16, margins=(0, 0, 12, 0))
        heading.setStretch(0, 1)
        card.box.addLayout(heading)
        card.box.addWidget(self.grid, 1)
        return card

    def refresh(self) -> None:
        """Show the scan as it stands."""
        scan = self._studio.scan
        self.head.show_folder(scan.folder)
        self.classes.show_classes([(found.name, class_total(found)) for found in scan.classes])
        self.split.show_scan(scan)
        self.problems.show_scan(scan)
        self.show_class(self.classes.list.current())

    def show_class(self, name: str) -> None:
        """Show the pictures of a class."""
        scan = self._studio.scan
        count = next((class_total(found) for found in scan.classes if found.name == name), 0)
        self.title.setVisible(bool(name))
        if name:
            words = _("{class_name}  {pictures}").format(
                class_name=caption.heading(wording.escaped(name)), pictures=wording.pictures(count)
            )
            self.title.set_line(words)
        self.grid.setAccessibleName(_("Pictures of {class_name}").format(class_name=wording.escaped(name)))
        self.grid.set_pictures(scan.pictures.get(name, []), scan.folder)
        self._show_name(self.grid.picture())

    def _show_name(self, picture: PictureRef | None) -> None:
        shown = places.name(picture.path) if picture is not None and picture.path else ""
        self.file_name.set_line(shown, tip=wording.picture_text(picture) if picture is not None else "")
