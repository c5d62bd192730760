"""The row above the answers: which network gives them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from vgg_studio.app import model_choice
from vgg_studio.app.fields import Choice
from vgg_studio.app.model_choice import FILE, Answerer
from vgg_studio.app.widgets import Label, plain_tip, row
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

LEAST, MOST, EXTRA = 344, 480, 60  # px; the last is for padding and arrow


class AnswererRow(QWidget):
    """Knows which networks there are and which one was chosen; keeps the choice between starts."""

    changed = Signal()  # another network was chosen by a person
    filled = Signal()  # the networks there are may be others

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._file = studio.settings.choice("weights_file")
        self._model = studio.settings.choice("answers_from")
        self._known: list[Answerer] = []
        self._best_epoch = 0  # of the training that runs, as the choice shows it
        self.label, self.choice = Label("", tone="muted"), Choice()
        self.hint = Label("", tone="muted", wrap=True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        keeping = self.hint.sizePolicy()
        keeping.setRetainSizeWhenHidden(True)  # else the choice would go to the right edge
        self.hint.setSizePolicy(keeping)
        whole = row(self.label, self.choice, self.hint)
        whole.setStretch(2, 1)
        self.setLayout(whole)
        self.choice.activated.connect(self._activated)
        studio.runs_changed.connect(self.fill)
        studio.training_changed.connect(self.fill)
        studio.progress_changed.connect(self._training_moved)

    def model(self) -> str:
        """The network that answers, as an order calls it; "" where there is none."""
        known = [found.model for found in self._known]
        return self._model if self._model in known and self._model != FILE else model_choice.first_choice(self._studio)

    def use(self, model: str) -> None:
        """Choose a network."""
        self._model = model
        self._studio.settings.choose("answers_from", model)
        self.fill()
        self.changed.emit()

    def follow_settings(self) -> None:
        """Another page may have chosen who answers, such as Results with the run that is looked at there."""
        wanted = self._studio.settings.choice("answers_from")
        if wanted and wanted != self._model:
            self.use(wanted)

    def choose_weights(self) -> None:
        """Ask for a file of weights and let it answer."""
        start = os.path.dirname(self._file) or os.path.expanduser("~")
        kinds = _("Weights ({patterns})").format(patterns="*.pth *.pt *.safetensors")
        file, _kind = QFileDialog.getOpenFileName(self, _("Choose a file of weights"), start, kinds)
        if file:
            self._file = file
            self._studio.settings.choose("weights_file", file)
            self.use(file)
        else:
            self.fill()

    def fill(self) -> None:
        """List the networks there are now."""
        self._best_epoch = self._studio.progress.best_epoch
        self._known = model_choice.answerers(self._studio, self._file)
        self.choice.fill([(found.title, found.model) for found in self._known])
        self.choice.choose(self.model())
        shown = self.choice.currentText()
        self.choice.setToolTip(plain_tip(shown))
        needed = self.choice.fontMetrics().horizontalAdvance(shown) + EXTRA
        self.choice.setFixedWidth(min(MOST, max(LEAST, needed)))
        self.filled.emit()

    def retranslate(self) -> None:
        """Set every text anew."""
        self.label.setText(_("Answers from"))
        self.choice.setAccessibleName(_("Answers from"))
        self.hint.setText(_("Drop or paste pictures anywhere on this page"))
        self.fill()

    def _training_moved(self) -> None:
        if self._studio.progress.best_epoch != self._best_epoch:
            self.fill()

    def _activated(self, at: int) -> None:
        model = self.choice.itemData(at)
        if model == FILE:
            self.choose_weights()
        else:
            self.use(model)
