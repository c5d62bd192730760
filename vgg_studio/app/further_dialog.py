"""Asks how many rounds a finished run shall go on for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from vgg_studio.app import theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.fields import Number
from vgg_studio.app.form_rows import Field
from vgg_studio.app.widgets import Label, PlainButton, PrimaryButton, column, row
from vgg_studio.core.language import _

USUAL = 10


class FurtherDialog(Dialog):
    """`agreed` carries how many rounds the run shall have in all."""

    agreed = Signal(int)

    def __init__(self, title: str, done: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._done = done
        words = _("Train {run} further").format(run=title)
        self.setWindowTitle(words)
        self.rounds = Number(1, 10_000 - min(done, 9_999))
        self.rounds.setValue(min(USUAL, self.rounds.maximum()))
        self.rounds.valueChanged.connect(self._count)
        field = Field(self.rounds)
        field.set_words(_("More rounds"))
        self.total = Label(tone="muted", wrap=True)
        self.cancel_button, self.go = PlainButton(_("Cancel")), PrimaryButton(_("Train further"))
        self.cancel_button.clicked.connect(self.reject)
        self.go.clicked.connect(self.accept)
        self.go.setDefault(True)
        self.accepted.connect(self._agree)
        space = theme.SPACE[4]
        parts = (Label(words, "title", wrap=True), field.row, self.total, row(None, self.cancel_button, self.go))
        self.setLayout(column(*parts, spacing=16, margins=(space, space, space, space)))
        self._count(self.rounds.value())
        self.fit(440)
        self.rounds.setFocus()

    def _count(self, more: int) -> None:
        self.total.setText(
            _("It goes on from its last round and has {count} rounds then. The best round is kept, old or new.").format(
                count=self._done + more
            )
        )

    def _agree(self) -> None:
        self.agreed.emit(self._done + self.rounds.value())
