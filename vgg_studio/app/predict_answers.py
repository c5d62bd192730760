"""The Predict page with answers: the picture, what it is, and the table of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from vgg_studio.app import caption, theme, verdicts
from vgg_studio.app.answer_card import AnswerCard
from vgg_studio.app.caption import CaptionLine
from vgg_studio.app.fields import MenuButton
from vgg_studio.app.picture_cell import PictureMatte
from vgg_studio.app.prediction_state import Answer
from vgg_studio.app.prediction_table import PredictionView
from vgg_studio.app.verdicts import ThresholdPopup
from vgg_studio.app.widgets import Card, Divider, PlainButton, column, row
from vgg_studio.core import wording
from vgg_studio.core.events import PictureRef
from vgg_studio.core.language import _, ngettext

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

MATTE, MATTE_NARROW = 488, 360
UPPER, UPPER_LOW = 328, 256  # px: the row of the large picture, and in a low window


class PredictAnswers(QWidget):
    """It shows the studio's answers and holds the threshold; the page around it asks and saves."""

    save = Signal()
    add_folder = Signal()
    judged = Signal()  # the threshold was moved

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._own_threshold: float | None = None  # moved by the user; None: the network's
        self._shown: tuple[Answer | None, float, int, PictureRef | None] | None = None
        self._choose_at = -1  # the row to choose as soon as it is there
        self.matte, self.answer, self.view = PictureMatte(studio), AnswerCard(), PredictionView(studio)
        self.counts = CaptionLine()
        self.line_button, self.folder_button, self.save_button = (
            MenuButton(),
            PlainButton(),
            PlainButton("", "download"),
        )
        self.popup = ThresholdPopup(self)
        self._upper = row(self.matte, self.answer, spacing=16)
        self._upper.setStretch(1, 1)
        whole = column(self._upper, self._table_card(), spacing=16)
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self._connect()

    def _table_card(self) -> Card:
        card = Card(padding=0, spacing=0)
        head = row(
            self.counts, self.line_button, self.folder_button, self.save_button, spacing=12, margins=(16, 11, 16, 11)
        )
        head.setStretch(0, 1)
        card.box.addLayout(head)
        card.box.addWidget(Divider())
        card.box.addWidget(self.view, 1)
        return card

    def _connect(self) -> None:
        self.view.chosen.connect(self._show_row)
        self.save_button.clicked.connect(self.save)
        self.folder_button.clicked.connect(self.add_folder)
        self.line_button.clicked.connect(self._open_popup)
        self.popup.moved.connect(self._move_threshold)
        self.popup.reset.connect(self._reset_threshold)

    # --- the threshold

    def threshold(self) -> float:
        """Below it an answer is called unsure, a fraction of 1: the user's, else the network's own."""
        return self._network_threshold() if self._own_threshold is None else self._own_threshold

    def named(self) -> int:
        """How many pictures have an answer."""
        counts = self.view.table.counts
        return counts["clear"] + counts["unsure"]

    def unsure(self) -> int:
        """How many pictures need a look: unsure answers, and none at all."""
        counts = self.view.table.counts
        return counts["unsure"] + counts["failed"]

    def forget_threshold(self) -> None:
        """Another network answers: back to its own threshold."""
        self._own_threshold = None

    def _network_threshold(self) -> float:
        opened = self._studio.prediction.opened
        return opened.threshold if opened is not None else 0.0

    def _move_threshold(self, threshold: float) -> None:
        self._own_threshold = threshold
        self.refresh()
        self.judged.emit()

    def _reset_threshold(self) -> None:
        self._own_threshold = None
        self.refresh()
        self.judged.emit()

    def _open_popup(self) -> None:
        self._show_threshold()
        self.popup.open_below(self.line_button)

    def _show_threshold(self) -> None:
        measured = self._studio.run_at(self._studio.prediction.model) is not None
        self.popup.show_threshold(self.threshold(), self._network_threshold(), measured=measured)
        words = _("Not sure below {percent}").format(percent=wording.percent(self.threshold(), 0))
        self.line_button.set_words(words)
        self.line_button.setVisible(self._studio.prediction.opened is not None)

    # --- what is shown

    def choose_next(self) -> None:
        """Show the next answer that comes as soon as it is there: it is what was just asked."""
        self._choose_at = len(self._studio.prediction.rows)

    def refresh(self) -> None:
        """Show the answers as they stand."""
        rows = self._studio.prediction.rows
        self.view.table.show(rows, self.threshold())
        if not rows:
            self._choose_at = 0
        if 0 <= self._choose_at < len(rows):
            self.view.choose(self._choose_at)
            self._choose_at = -1
        self._show_counts()
        self._show_threshold()
        self.save_button.setEnabled(bool(rows))
        self._show_row(self.view.current())

    def retranslate(self) -> None:
        """Set every text anew."""
        self.save_button.setText(_("Save as CSV…"))
        self.folder_button.setText(_("Add a folder…"))
        self.view.retranslate()
        self._shown = None
        self.refresh()

    def fit(self, narrow: bool, height: int) -> None:
        """Give the picture the room that the window has."""
        self.matte.setFixedWidth(MATTE_NARROW if narrow else MATTE)
        upper = UPPER if height >= theme.LOW_BELOW - theme.HEADER_HEIGHT else UPPER_LOW
        for part in (self.matte, self.answer):
            part.setFixedHeight(upper)

    def _show_counts(self) -> None:
        count, unsure = len(self._studio.prediction.rows), self.unsure()
        words = caption.strong(wording.pictures(count) if count else _("No answer yet"))
        if unsure:
            not_sure = ngettext("{count} not sure", "{count} not sure", unsure).format(count=wording.number(unsure))
            words = _("{pictures}  {not_sure}").format(pictures=words, not_sure=not_sure)
        self.counts.set_line(words)

    def _show_row(self, at: int) -> None:
        rows, opened = self._studio.prediction.rows, self._studio.prediction.opened
        found = rows[at] if 0 <= at < len(rows) else None
        asked = next(iter(self._studio.prediction.asked), None)  # shown while the first answer is on its way
        now = (found, self.threshold(), len(opened.classes) if opened is not None else 0, asked)
        if now == self._shown:  # answers come 20 times a second; what has not changed is not painted again
            return
        self._shown = now
        self.matte.show_picture(verdicts.picture_of(found) if found is not None else asked)
        self.answer.show_answer(*now[:3])
