"""One remark of the coach with the button that mends it, in the place of the outlook's card: nothing else moves."""

from __future__ import annotations

from PySide6.QtCore import Signal

from vgg_studio.app.outlook_card import HEIGHT
from vgg_studio.app.widgets import Card, Label, LinkButton, PlainButton, Sign, column, plain_tip, row
from vgg_studio.core import coach_words
from vgg_studio.core.coach import Remark
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _


class CoachCard(Card):
    """Shows at most one remark. `mend_wanted` and `hide_wanted` are about the remark that is shown."""

    mend_wanted = Signal()
    hide_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(padding=11)
        self.box.setContentsMargins(15, 11, 15, 11)
        self.setMinimumHeight(HEIGHT)
        self.remark: Remark | None = None
        self._job, self._running = TrainJob(), False
        self.sign = Sign("warn")
        self.headline, self.reason = Label(role="strong", wrap=True), Label(tone="muted", wrap=True)
        self.mend, self.later = PlainButton(), LinkButton()
        words = row(self.sign, column(self.headline, self.reason, spacing=0))
        words.setStretch(1, 1)
        line = row(words, self.later, self.mend, spacing=16)
        line.setStretch(0, 1)
        self.box.addLayout(line)
        self.mend.clicked.connect(self.mend_wanted)
        self.later.clicked.connect(self.hide_wanted)
        self.hide()

    def show_remark(self, remark: Remark | None, job: TrainJob, running: bool) -> None:
        """Show a remark about a run with these settings; None hides the card."""
        if (remark, job, running) != (self.remark, self._job, self._running):
            self.remark, self._job, self._running = remark, job, running
            self.retranslate()
        self.setVisible(remark is not None)

    def retranslate(self) -> None:
        """Words anew."""
        self.later.setText(_("Not now"))
        self.later.setToolTip(_("Says no more about it in this run."))
        if self.remark is None:
            return
        self.sign.setAccessibleName(_("Coach"))
        self.headline.setText(coach_words.headline(self.remark))
        self.reason.setText(coach_words.reason(self.remark))
        self.mend.setText(coach_words.action(self.remark))
        self.mend.setToolTip(plain_tip(coach_words.meaning(self.remark, self._job, self._running)))
