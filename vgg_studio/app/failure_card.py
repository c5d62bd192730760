"""What went wrong, what to do about it, and the details for whoever helps."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication

from vgg_studio.app.widgets import Card, Label, LinkButton, Sign, column, row
from vgg_studio.core import wording
from vgg_studio.core.errors import sentence_and_remedy
from vgg_studio.core.events import Failure, RunEnded, plain
from vgg_studio.core.language import _, joined
from vgg_studio.core.progress import Progress


class FailureCard(Card):
    """The first card of a column in which something failed."""

    copied = Signal()

    def __init__(self) -> None:
        super().__init__(padding=15)
        self._details = ""
        self.sign = Sign("bad")
        self.happened = Label(role="strong", wrap=True)
        self.remedy = Label(wrap=True)
        self.copy_link = LinkButton(icon="copy")
        self.copy_link.clicked.connect(self._copy)
        words = column(self.happened, self.remedy, row(self.copy_link, None), spacing=4)
        line = row(self.sign, words)
        line.setAlignment(self.sign, Qt.AlignmentFlag.AlignTop)
        line.setStretch(1, 1)
        self.box.addLayout(line)

    def show_failure(self, failure: Failure, kept: str, details: str) -> None:
        """Show what happened; `kept` says what was saved of it ("" for nothing to say)."""
        happened, remedy = sentence_and_remedy(failure)
        self._details = details
        self.sign.setAccessibleName(_("Failed"))
        self.happened.setText(wording.escaped(happened))
        advice = joined(wording.escaped(remedy), kept)
        self.remedy.setText(advice)
        self.remedy.setVisible(bool(advice))
        self.copy_link.setText(_("Copy details"))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
        self.copied.emit()


def details_of(progress: Progress, ended: RunEnded) -> str:
    """Everything that is known of a failed run, as text to send to somebody."""
    facts = [plain(ended)]
    if progress.started:
        facts.append(plain(progress.started))
    return json.dumps(facts, indent=1, ensure_ascii=False)
