"""What an answer is worth: clear, not sure or none, in words, and the window where a person draws the line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

import msgspec
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QSlider, QVBoxLayout, QWidget

from vgg_studio import paths
from vgg_studio.app import places, theme
from vgg_studio.app.prediction_state import Answer
from vgg_studio.app.widgets import Label, LinkButton, row
from vgg_studio.core import wording
from vgg_studio.core.errors import REASONS, describe_reason
from vgg_studio.core.events import PictureRef, PredictionFailed
from vgg_studio.core.language import N_, _, joined

Verdict = Literal["clear", "unsure", "failed"]
WORDS: dict[Verdict, str] = {"clear": N_("clear"), "unsure": N_("not sure"), "failed": N_("no answer")}
SIGNS: dict[Verdict, tuple[str, str]] = {
    "clear": ("check", "good"),
    "unsure": ("question", "warn"),
    "failed": ("bad", "bad"),
}
ALMOST = 0.9995  # from here on the rounded number would be 100 %
WIDTH = 344


def verdict(row: Answer, threshold: float) -> Verdict:
    """Whether the answer is surer than the threshold (a fraction of 1)."""
    if isinstance(row, PredictionFailed) or not row.top:
        return "failed"
    return "clear" if row.top[0].probability >= threshold else "unsure"


def how_sure(probability: float) -> str:
    """A probability in per cent; no network is ever 100 % sure."""
    if probability >= ALMOST:
        return _("over {percent}").format(percent=wording.percent(0.999))
    return wording.percent(probability)


def picture_of(row: Answer) -> PictureRef:
    """The picture that the answer is about."""
    return row.picture or PictureRef(path=row.path)


def picture_name(row: Answer) -> str:
    """The picture's own name, made safe to show."""
    picture = picture_of(row)
    if _is_pasted(picture.path):
        return _("Pasted picture")
    return places.name(picture.path) if picture.path else wording.picture_text(picture)


def _is_pasted(path: str) -> bool:
    """Whether it is a file of the cache that holds a pasted picture: nobody ever saw the name that it was given there."""
    folder = os.path.dirname(path)
    return os.path.basename(folder) == "pasted" and folder == str(paths.cache_folder() / "pasted")


def failure_words(row: PredictionFailed) -> str:
    """Why there is no answer, in the reader's language where the code is known."""
    return (
        describe_reason(row.code)
        if row.code in REASONS and "{" not in REASONS[row.code]
        else wording.escaped(row.reason)
    )


def with_threshold(rows: Iterable[Answer], threshold: float) -> list[Answer]:
    """The answers with `unsure` as the threshold on the page has it, for a saved table."""
    return [
        row
        if isinstance(row, PredictionFailed)
        else msgspec.structs.replace(row, unsure=verdict(row, threshold) != "clear")
        for row in rows
    ]


class ThresholdPopup(QFrame):
    """Opens below a button. Emits `moved` with the threshold as a fraction of 1, `reset` for the network's own."""

    moved = Signal(float)
    reset = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFixedWidth(WIDTH)
        self.heading, self.value = Label("", "strong"), Label("", "tabular_strong")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 99)
        self.slider.setPageStep(5)
        self.words = Label("", tone="muted", wrap=True)
        self.reset_link = LinkButton()
        self.slider.valueChanged.connect(self._slid)
        self.reset_link.clicked.connect(self.reset)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(12)
        box.addLayout(row(self.heading, None, self.value))
        box.addWidget(self.slider)
        box.addWidget(self.words)
        box.addWidget(self.reset_link, 0, Qt.AlignmentFlag.AlignLeft)

    def show_threshold(self, threshold: float, own: float, *, measured: bool) -> None:
        """Show a threshold beside the network's own one; `measured` where that one comes from pictures that checked it."""
        self.heading.setText(_("Not sure below"))
        self.value.setText(wording.percent(threshold, 0))
        self.slider.setAccessibleName(_("Not sure below"))
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(100 * threshold))
        self.slider.blockSignals(blocked)
        words = _("Answers that are less sure than this are called not sure, so that you look at them yourself.")
        if measured:
            words = joined(words, _("Above {own}, about 95 of 100 answers were right when this network was checked."))
        self.words.setText(words.format(own=wording.percent(own, 0)))
        self.reset_link.setText(_("Back to {own}").format(own=wording.percent(own, 0)))
        self.reset_link.setVisible(round(100 * own) != round(100 * threshold))

    def open_below(self, button: QWidget) -> None:
        """Show it under a button, its right edge on the button's."""
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - WIDTH, button.height() + 4))
        self.move(corner)
        self.show()
        self.slider.setFocus(Qt.FocusReason.PopupFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.color("line2"))
        painter.setBrush(theme.color("card"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _slid(self, value: int) -> None:
        self.moved.emit(value / 100)
