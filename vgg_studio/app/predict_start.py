"""The Predict page before the first answer: no network yet, or a network that waits for pictures."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout

from vgg_studio.app.widgets import Label, LinkButton, PlainButton, PrimaryButton, Sign, column, row, set_look
from vgg_studio.core.language import _

SIDE = 64


class PredictStart(QFrame):
    """A field on which pictures can be dropped, with the one filled button of the page."""

    first = Signal()  # the filled button
    second = Signal()  # the outlined one
    third = Signal()  # the link

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "drop")
        self.sign, self.headline = Sign("predict", "muted", 32), Label("", "title", wrap=True)
        self.lines = Label("", tone="muted", wrap=True)
        self.first_button, self.second_button, self.third_link = PrimaryButton(), PlainButton(), LinkButton()
        self.first_button.clicked.connect(self.first)
        self.second_button.clicked.connect(self.second)
        self.third_link.clicked.connect(self.third)
        for label in (self.headline, self.lines):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words = column(self.sign, self.headline, self.lines, spacing=8, margins=(SIDE, 0, SIDE, 0))
        words.insertSpacing(1, 8)
        words.setAlignment(self.sign, Qt.AlignmentFlag.AlignHCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 24)
        box.setSpacing(24)
        box.addStretch(1)
        box.addLayout(words)
        box.addLayout(row(None, self.first_button, self.second_button, None, spacing=12))
        box.addWidget(self.third_link, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(1)

    def set_over(self, over: bool) -> None:
        """Light up while something that can be dropped is over the page."""
        set_look(self, over=over)

    def ask_for_network(self, official: str) -> None:
        """Nothing can answer yet; `official` says what the official weights are and cost."""
        self.headline.setText(_("There is no network to ask yet"))
        lines = _("Train one on your own pictures, or use the official weights, which know 1,000 kinds of things.")
        self.lines.setText(f"{lines}\n{official}" if official else lines)
        self.first_button.setText(_("Train a network first"))
        self.second_button.setText(_("Use the official weights"))
        self.third_link.setText(_("Use a file of weights…"))
        self.third_link.setVisible(True)

    def ask_for_pictures(self, note: str) -> None:
        """A network is there; `note` is one more line, "" for none."""
        self.headline.setText(_("Drop pictures here"))
        lines = _("Single ones, many, or whole folders. You can paste a picture too.")
        self.lines.setText(f"{lines}\n{note}" if note else lines)
        self.first_button.setText(_("Choose pictures…"))
        self.second_button.setText(_("Choose a folder…"))
        self.third_link.setVisible(False)
