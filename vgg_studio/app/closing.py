"""Closing while a training runs: what would be lost, and the choice."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QWidget

from vgg_studio.app import theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.widgets import Label, PlainButton, PrimaryButton, Sign, column, row
from vgg_studio.core import wording
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress

SAVING_SECONDS = 4  # what the engines get before they are killed; the whole end takes at most 5


def at_stake(progress: Progress, unsaved_seconds: float) -> str:
    """What a sudden end would lose, in a sentence: the work since the last checkpoint."""
    if not progress.batches_seen:
        return _("Nothing has been learned yet, so nothing will be lost.")
    words = _(
        "It will be paused and saved. If that takes longer than {limit} seconds, about {lost} of round {round} are lost."
    )
    return words.format(limit=SAVING_SECONDS, lost=wording.duration(max(1.0, unsaved_seconds)), round=progress.epoch)


class ClosingDialog(Dialog):
    """Asks whether to pause the training and close."""

    def __init__(self, progress: Progress, unsaved_seconds: float, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Close VGG Studio?"))
        self.headline = Label(_("A training is running."), "title")
        self.stake = Label(at_stake(progress, unsaved_seconds), wrap=True)
        self.later = Label(_("At the next start you can continue it."), tone="muted", wrap=True)
        self.stay, self.leave = PlainButton(_("Keep training")), PrimaryButton(_("Pause and close"))
        self.stay.clicked.connect(self.reject)
        self.leave.clicked.connect(self.accept)
        words = column(self.headline, self.stake, self.later, spacing=8)
        body = row(column(Sign("warn"), None), words, spacing=16)
        space = theme.SPACE[4]
        self.setLayout(
            column(
                body, row(None, self.stay, self.leave, spacing=8), spacing=space, margins=(space, space, space, space)
            )
        )
        self.fit(480)
        self.leave.setFocus()


def may_close(progress: Progress, unsaved_seconds: float, parent: QWidget) -> bool:
    """Ask; True when the training shall be paused and the window closed."""
    return ClosingDialog(progress, unsaved_seconds, parent).exec() == QDialog.DialogCode.Accepted
