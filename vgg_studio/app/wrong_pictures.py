"""The pictures that were named wrong, surest first: one row of them, and all of them in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QListView, QSizePolicy, QWidget

from vgg_studio.app import caption, theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.picture_grid import PictureGrid
from vgg_studio.app.widgets import Card, Label, LinkButton, PlainButton, Sign, column, elide, row
from vgg_studio.core import wording
from vgg_studio.core.events import Evaluation, WrongPicture
from vgg_studio.core.language import _, ngettext

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

CELL = 136
CAPTIONS = 8 + 2 * 18


class _Edge(QWidget):
    """Holds a grid that is one gap wider than its place, so that the last column ends where the card's padding begins."""

    def __init__(self, grid: PictureGrid) -> None:
        super().__init__()
        self._grid = grid
        grid.setParent(self)
        self.setMinimumHeight(CELL + CAPTIONS)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._grid.setGeometry(0, 0, self.width() + self._grid.gap + 1, self.height())


class WrongCard(Card):
    """As many of them as fit side by side."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(padding=15, spacing=12)
        self._studio = studio
        self._wrong: list[WrongPicture] = []
        self._count, self._data = 0, ""
        self.sign, self.title = Sign("check", size=16), Label(role="strong")
        self.hint, self.all_link = Label(tone="muted"), LinkButton()
        self.all_link.clicked.connect(self._show_all)
        self.strip = PictureGrid(studio, captions=True, cell=CELL)
        self.strip.setFlow(QListView.Flow.LeftToRight)
        self.strip.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.box.addLayout(row(self.sign, self.title, self.hint, None, self.all_link))
        self.box.addWidget(_Edge(self.strip), 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def show_evaluation(self, evaluation: Evaluation, data: str) -> None:
        """Show the mistakes of an evaluation; `data` is the folder that paths are relative to."""
        self._wrong, self._data = evaluation.wrong, data
        self._count = evaluation.count - evaluation.correct
        number = wording.number(self._count)
        self.title.setText(
            ngettext("{count} named wrong", "{count} named wrong", self._count).format(count=number)
            if self._count
            else _("Not one was named wrong")
        )
        self.sign.setVisible(not self._count)
        self.hint.setText(_("surest first"))
        self.hint.setVisible(bool(self._count))
        self.all_link.setText(_("Show all {count}").format(count=wording.number(len(self._wrong))))
        self.strip.setAccessibleName(self.title.text())
        self.strip.setVisible(bool(self._wrong))
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill()

    def _fill(self) -> None:
        room = self.width() - 2 * (15 + 1)
        columns = max(1, (room + self.strip.gap) // (CELL + self.strip.gap))
        height = CELL + CAPTIONS + self.strip.gap
        # A row that is half seen invites to scroll; a smaller rest stays empty.
        rows = max(1, round((self.height() - 2 * (15 + 1) - 24 - 12 + self.strip.gap) / height))
        fits = columns * rows
        first = self._wrong[:fits]
        self.strip.set_pictures([wrong.picture for wrong in first], self._data, captions(first))
        self.all_link.setVisible(len(self._wrong) > fits)

    def _show_all(self) -> None:
        WrongDialog(self._studio, self._wrong, self._data, self).open()


class WrongDialog(Dialog):
    """All of them, to scroll through."""

    def __init__(self, studio: Studio, wrong: list[WrongPicture], data: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        words = ngettext("{count} named wrong", "{count} named wrong", len(wrong))
        self.setWindowTitle(words.format(count=wording.number(len(wrong))))
        title, hint = Label(self.windowTitle(), "title"), Label(_("surest first"), tone="muted")
        self.grid = PictureGrid(studio, captions=True, cell=CELL)
        self.grid.setAccessibleName(self.windowTitle())
        self.grid.set_pictures([entry.picture for entry in wrong], data, captions(wrong))
        self.done_button = PlainButton(_("Close"))
        self.done_button.clicked.connect(self.accept)
        space = theme.SPACE[4]
        self.setLayout(
            column(
                row(title, hint, None, spacing=12),
                self.grid,
                row(None, self.done_button),
                spacing=16,
                margins=(space, space, space, space),
            )
        )
        self.resize(4 * (CELL + 16) + 2 * space + 16, 560)


def captions(wrong: list[WrongPicture]) -> list[tuple[str, str]]:
    """Under each picture its true class, and what it was named with how much certainty."""
    return [(_true(entry), _named(entry)) for entry in wrong]


def _true(entry: WrongPicture) -> str:
    name = caption.named(wording.escaped(entry.true))
    words = _("true {name}").format(name=name)
    return words if caption.width(words) <= CELL else name


def _named(entry: WrongPicture) -> str:
    """Where it is too long, the class and its certainty alone; of these a long name is shortened, never the certainty."""
    name, share = wording.escaped(entry.named), caption.named(wording.percent(entry.probability, 0))
    words = _("named {name} {share}").format(name=caption.strong(name), share=share)
    if caption.width(words) <= CELL:
        return words
    room = CELL - caption.width(f" {share}")
    return f"{caption.strong(elide(name, theme.font('strong'), room))} {share}"
