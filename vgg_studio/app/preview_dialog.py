"""Shows real pictures as training will see them: a few with their variations, and the first batch with its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from vgg_studio.app import theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.fields import Choice
from vgg_studio.app.finer_settings import VARIATION_WORDS
from vgg_studio.app.picture_cell import PictureCell
from vgg_studio.app.preview_state import BATCH, ROWS, VARIANTS, Previews
from vgg_studio.app.widgets import Card, Label, PlainButton, column, elide, row
from vgg_studio.core import wording
from vgg_studio.core.errors import sentence_and_remedy
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _, joined

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

SIDE, GAP, CAPTION = 64, 12, 22  # px: all of it stands in a window of 700
COLUMNS = 1 + VARIANTS
CHOICE_WIDTH = 168

Cell = tuple[str, QPixmap | None]


class PreviewGrid(QWidget):
    """Pictures on their mattes in rows of eight, some with a word below: one widget, however many there are."""

    def __init__(self, rows: int, captions: bool) -> None:
        super().__init__()
        self._rows, self._high = rows, SIDE + GAP + (CAPTION if captions else 0)
        self._cell = PictureCell(SIDE)
        self.cells: list[Cell] = []
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def show_cells(self, cells: list[Cell]) -> None:
        """Show these, row by row; a picture that is still to come is an empty matte."""
        self.cells = cells
        self.setAccessibleDescription(joined(*dict.fromkeys(words for words, _picture in cells)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(COLUMNS * (SIDE + GAP) - GAP, self._rows * self._high - GAP)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font())
        for index, (words, picture) in enumerate(self.cells):
            left, top = index % COLUMNS * (SIDE + GAP), index // COLUMNS * self._high
            self._cell.paint(painter, left, top, picture)
            if words:
                painter.setPen(theme.color("muted"))
                place = QRect(left, top + SIDE + 2, SIDE + GAP - 2, theme.LINE_HEIGHT[13])
                painter.drawText(place, Qt.AlignmentFlag.AlignLeft, elide(words, painter.font(), place.width()))
        painter.end()


class PreviewDialog(Dialog):
    """`chosen` carries another variation, where one may be chosen."""

    chosen = Signal(str)

    def __init__(self, studio: Studio, job: TrainJob, locked: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("What training sees"))
        self._job = msgspec.structs.replace(job, data=job.data or studio.folder)
        self.previews = Previews(studio.engines, first_pictures(studio, self._job.data), self)
        self.title, self.note = Label(_("What training sees"), "title"), Label(tone="muted", wrap=True)
        self.variation = Choice()
        self.variation.setFixedWidth(CHOICE_WIDTH)
        self.variation.setAccessibleName(_("Variation"))
        self.variation.fill([(_(words), name) for name, words in VARIATION_WORDS.items()])
        self.variation.choose(job.variation)
        self.variation.setEnabled(not locked)
        self.varied, self.batch = PreviewGrid(ROWS, captions=False), PreviewGrid(-(-BATCH // COLUMNS), captions=True)
        self.close_button = PlainButton(_("Close"))
        self._lay_out()
        self.previews.changed.connect(self._show)
        self.variation.currentIndexChanged.connect(self._variation_chosen)
        self.close_button.clicked.connect(self.accept)
        self.finished.connect(self.previews.close)
        self.previews.show(self._job)

    def _lay_out(self) -> None:
        head = row(self.title, None, Label(_("Variation"), tone="muted"), self.variation)
        above, below = Card(padding=15), Card(padding=15)
        above.add_title(_("As it is"), _("and as the first rounds see it"))
        below.add_title(_("The first batch"), _("what the first step learns from"))
        above.box.addWidget(self.varied)
        below.box.addWidget(self.batch)
        space = theme.SPACE[4]
        foot = row(self.note, self.close_button, spacing=16)
        foot.setStretch(0, 1)
        self.setLayout(column(head, above, below, foot, spacing=16, margins=(space, space, space, space)))
        self.setFixedSize(2 * (space + 16) + COLUMNS * (SIDE + GAP) - GAP, self.sizeHint().height())

    def _show(self) -> None:
        found = self.previews
        cells: list[Cell] = []
        for picture in found.pictures:
            cells.append(("", found.plain.get(picture)))
            cells += [("", found.varied.get((picture, variant))) for variant in range(VARIANTS)]
        self.varied.show_cells(cells)
        self.varied.setAccessibleName(_("Variations of {names}").format(names=", ".join(found.labels.values())))
        self.batch.setAccessibleName(_("The first batch"))
        missing = min(BATCH, self._job.batch_size) - len(found.batch) if found.waiting else 0
        self.batch.show_cells(
            [(wording.escaped(label), picture) for label, picture in found.batch] + [("", None)] * missing
        )
        self.note.setText(self._words())

    def _words(self) -> str:
        if self.previews.failure is not None:
            return wording.escaped(joined(*sentence_and_remedy(self.previews.failure)))
        side = wording.number(self._job.image_size)
        return _("Each is {side} x {side} px, as the network gets it.").format(side=side)

    def _variation_chosen(self) -> None:
        self._job = msgspec.structs.replace(self._job, variation=self.variation.currentData())
        self.chosen.emit(self._job.variation)
        self.previews.show(self._job)


def first_pictures(studio: Studio, data: str) -> list[PictureRef]:
    """One picture of each of the first classes; more of the first where there are few; none of another folder than `data`."""
    if data != studio.scan.folder:
        return []
    lists = [pictures for pictures in studio.scan.pictures.values() if pictures]
    ones = [pictures[0] for pictures in lists]
    return [*ones, *(picture for pictures in lists for picture in pictures[1:ROWS])][:ROWS]
