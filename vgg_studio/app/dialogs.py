"""Our own dialogs: the window's colours and focus ring, Esc closes them; and two questions that they ask."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QWidget

from vgg_studio.app import theme
from vgg_studio.app.fields import Number
from vgg_studio.app.focus import FocusRing, moved_by_key
from vgg_studio.app.form_rows import Field
from vgg_studio.app.widgets import Label, PlainButton, PrimaryButton, Sign, column, row
from vgg_studio.core import wording
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress

SAVING_SECONDS = 4  # what the engines get before they are killed; the whole end takes at most 5
USUAL = 10


class Dialog(QDialog):
    """A dialog with the window's focus ring."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowFlag(Qt.WindowType.WindowContextHelpButtonHint, False)
        self._ring = FocusRing(self)

    def fit(self, width: int) -> None:
        """Be `width` px wide and just as high as the words need then; Qt would guess the height of another width."""
        for child in self.findChildren(QWidget):
            child.ensurePolished()
        if (box := self.layout()) is not None:
            self.setFixedSize(width, box.totalHeightForWidth(width))

    def focusNextPrevChild(self, forward: bool) -> bool:
        moved_by_key()
        return super().focusNextPrevChild(forward)


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
