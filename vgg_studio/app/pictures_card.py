"""The right card of the Data page: the pictures of a class, or those of one kind that was noticed, and what to do with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QStackedLayout, QWidget

from vgg_studio.app import caption, noticed, noticed_words, places
from vgg_studio.app.caption import CaptionLine
from vgg_studio.app.fields import Check
from vgg_studio.app.found_grid import ChoiceGrid, FoundGrid
from vgg_studio.app.left_out_dialog import show_folder
from vgg_studio.app.scan_state import class_total
from vgg_studio.app.widgets import Card, Divider, Elided, Label, LinkButton, PlainButton, column, row
from vgg_studio.core import wording
from vgg_studio.core.events import PictureRef
from vgg_studio.core.language import _, ngettext

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


class ActionBar(QWidget):
    """Below the pictures: how many are chosen, and what can be done with them."""

    leave_out_wanted = Signal()
    move_wanted = Signal(str)
    take_back_wanted = Signal()
    folder_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.count = Elided("", tone="muted")
        self.folder_button = PlainButton()
        self.out_button, self.move_button, self.back_button = PlainButton(), PlainButton(), PlainButton()
        self.menu = QMenu(self)
        self.menu.triggered.connect(lambda action: self.move_wanted.emit(action.data()))
        self.out_button.clicked.connect(self.leave_out_wanted)
        self.back_button.clicked.connect(self.take_back_wanted)
        self.folder_button.clicked.connect(self.folder_wanted)
        self.move_button.clicked.connect(self._open_menu)
        buttons = row(self.count, self.folder_button, self.out_button, self.move_button, self.back_button)
        buttons.setStretch(0, 1)
        self.setLayout(column(Divider(), buttons, spacing=12, margins=(0, 0, 12, 12)))

    def show_for(self, kind: str, chosen: int, only: str, classes: list[str]) -> None:
        """Offer what makes sense for the kind ("" for a class) and so many chosen pictures; `only` tells of a single one."""
        by_hand = kind in (noticed.LEFT_OUT, noticed.MOVED)
        unreadable = kind == noticed.UNREADABLE
        words = ngettext("{count} chosen", "{count} chosen", chosen).format(count=wording.number(chosen))
        self.count.setText(only or words if chosen else _("None chosen"))
        self.folder_button.setText(_("Show in its folder"))
        self.out_button.setText(_("Leave out"))
        self.move_button.setText(_("Put into another class…"))
        self.back_button.setText(_("Take back"))
        self.folder_button.setVisible(unreadable)
        self.out_button.setVisible(not unreadable and kind != noticed.LEFT_OUT)
        self.move_button.setVisible(not unreadable and kind != noticed.LEFT_OUT)
        self.back_button.setVisible(by_hand)
        for button in (self.folder_button, self.out_button, self.move_button, self.back_button):
            button.setEnabled(chosen > 0)
        self.folder_button.setEnabled(chosen == 1)
        self._fill(classes)

    def _fill(self, classes: list[str]) -> None:
        if [action.data() for action in self.menu.actions()] == classes:
            return
        self.menu.clear()
        for name in classes:
            self.menu.addAction(wording.escaped(name).replace("&", "&&")).setData(name)

    def _open_menu(self) -> None:
        top = self.move_button.mapToGlobal(QPoint(0, 0))
        self.menu.popup(QPoint(top.x(), top.y() - self.menu.sizeHint().height()))


class PicturesCard(Card):
    """Heading, undo, pictures, actions. It asks the studio's corrector for what a person wants."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(padding=0, spacing=12)
        self._studio = studio
        self.kind, self._name = "", ""
        self.title, self.file_name, self.undo_link = CaptionLine(28), CaptionLine(28), LinkButton()
        self.copies_link = LinkButton()
        self.advice, self.alike = Label("", tone="muted", wrap=True), Check()
        self.grid, self.found, self.bar = ChoiceGrid(studio), FoundGrid(studio), ActionBar()
        self._stack = QStackedLayout()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        # The scroll bar stands in the card's right padding: the last column's gap of 12 px, and 4 px (Qt wants 1 px more).
        self.box.setContentsMargins(15, 15, 2, 0)
        heading = row(self.title, self.file_name, self.copies_link, self.undo_link, spacing=16, margins=(0, 0, 12, 0))
        heading.setStretch(0, 1)
        self._words = column(self.advice, self.alike, spacing=8, margins=(0, 0, 12, 0))
        self.box.addLayout(heading)
        self.box.addLayout(self._words)
        self.box.addLayout(self._stack, 1)  # before it gets its grids: one without a parent would flash up as a window
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self.found)
        self.box.addWidget(self.bar)

    def _connect(self) -> None:
        corrector = self._studio.corrector
        self.undo_link.clicked.connect(corrector.undo)
        self.alike.toggled.connect(corrector.count_alike)
        self.bar.leave_out_wanted.connect(self.leave_out)
        self.bar.move_wanted.connect(lambda to: corrector.move(self.choice(), to))
        self.bar.take_back_wanted.connect(lambda: corrector.take_back(self.choice()))
        self.copies_link.clicked.connect(self.found.choose_copies)
        self.bar.folder_wanted.connect(self._show_in_folder)
        for grid in (self.grid, self.found):
            grid.choice_changed.connect(self._choice_changed)
            grid.chosen.connect(self._show_name)
            grid.leave_out_wanted.connect(self.leave_out)

    def shown_grid(self) -> ChoiceGrid:
        """The grid on the screen."""
        return self.found if self.kind else self.grid

    def choice(self) -> list[PictureRef]:
        """The chosen pictures."""
        return self.shown_grid().choice()

    def leave_out(self) -> None:
        """Leave the chosen pictures out, where that is not done already."""
        if self.kind not in (noticed.LEFT_OUT, noticed.UNREADABLE):
            self._studio.corrector.leave_out(self.choice())

    def show_class(self, name: str) -> None:
        """Show the pictures of a class."""
        scan = self._studio.scan
        place = self.grid.place() if (self.kind, self._name) == ("", name) else (-1, 0)
        self.kind, self._name = "", name
        count = next((class_total(found) for found in scan.classes if found.name == name), 0)
        self.title.setVisible(bool(name))
        if name:
            words = _("{class_name}  {pictures}").format(
                class_name=caption.heading(wording.escaped(name)), pictures=wording.pictures(count)
            )
            self.title.set_line(words)
        self.grid.setAccessibleName(_("Pictures of {class_name}").format(class_name=wording.escaped(name)))
        before = self.grid.table.pictures
        self.grid.set_pictures(scan.pictures.get(name, []), scan.folder)
        self._settle(self.grid, place, self.grid.table.pictures is not before)

    def show_kind(self, kind: str, found: noticed.Noticed) -> None:
        """Show what was noticed of a kind."""
        scan = self._studio.scan
        place = self.found.place() if self.kind == kind else (-1, 0)
        self.kind, self._name = kind, ""
        self.title.setVisible(True)
        self.title.set_line(noticed_words.heading(kind, found))
        self.advice.setText(noticed_words.advice(kind, found))
        self.found.setAccessibleName(caption.plain(noticed_words.heading(kind, found)))
        before = self.found.table.cells
        self.found.show_groups(noticed_words.cells(kind, found, scan), scan.folder)
        self._settle(self.found, place, self.found.table.cells is not before)

    def _settle(self, grid: ChoiceGrid, place: tuple[int, int], changed: bool) -> None:
        self._stack.setCurrentWidget(grid)
        if changed and place != (-1, 0):
            grid.keep_place(place)
        kept = self._studio.corrector.kept
        self.copies_link.setText(_("Choose the copies"))
        self.copies_link.setVisible(self.kind in noticed.COPIES)
        self.undo_link.setText(_("Undo"))
        self.undo_link.setVisible(bool(kept.steps))
        self.advice.setVisible(bool(self.kind))
        self.alike.setVisible(self.kind == "imbalance")
        self.alike.set_words(_("Count every class the same when it learns"))
        blocked = self.alike.blockSignals(True)
        self.alike.setChecked(kept.class_weights)
        self.alike.blockSignals(blocked)
        self._show_name(grid.picture())
        self._choice_changed()
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """A label that wraps asks for more height than it needs."""
        width = self.width() - self.box.contentsMargins().left() - self.box.contentsMargins().right() - 12
        self.advice.setMinimumHeight(0)  # else it would never ask for less than it has
        self.advice.setFixedHeight(max(18, self.advice.heightForWidth(width)))

    def _choice_changed(self) -> None:
        chosen = self.choice()
        only = self.found.told() if self.kind and self.kind not in noticed.GROUPS and len(chosen) == 1 else ""
        self.bar.setVisible(bool(self.kind or chosen))
        self.bar.show_for(self.kind, len(chosen), only, [found.name for found in self._studio.scan.classes])

    def _show_name(self, picture: PictureRef | None) -> None:
        shown = places.name(picture.path) if picture is not None and picture.path else ""
        self.file_name.set_line("" if self.kind else shown, tip=wording.picture_text(picture) if picture else "")

    def _show_in_folder(self) -> None:
        for picture in self.choice()[:1]:
            show_folder(os.path.dirname(os.path.join(self._studio.scan.folder, picture.path)))
