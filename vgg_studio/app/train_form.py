"""The left column of the Train page: settings, advanced settings, and ways to end the run, in one scrolling column."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from vgg_studio.app.advanced_settings import AdvancedSettings, ScratchSettings
from vgg_studio.app.end_card import EndCard
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.train_settings import TrainSettings
from vgg_studio.core.jobs import TrainJob

WIDE, NARROW = 320, 288
GAP = 16  # px at the right, where the scroll bar is when it is needed


class TrainForm(QScrollArea):
    """Shows one job in all its cards. `edited` carries the job that a person's edit makes of it."""

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.settings, self.advanced, self.scratch, self.end = (
            TrainSettings(),
            AdvancedSettings(),
            ScratchSettings(),
            EndCard(),
        )
        self.job = TrainJob()
        self._classes = 0
        content = QWidget()
        content.setProperty("kind", "content")
        self._box = QVBoxLayout(content)
        self._box.setContentsMargins(0, 0, GAP, 0)
        self._box.setSpacing(16)
        for card in (self.settings, self.advanced, self.scratch, self.end):
            self._box.addWidget(card)
        self._box.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._bar = OverlayBar(self, inset=GAP - 8)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.settings.unfolded.connect(self._fold)
        for part in (self.settings, self.advanced, self.scratch):
            part.edited.connect(self.edited)
        self._fold()

    def show_job(self, job: TrainJob, classes: int) -> None:
        """Show a job in all cards."""
        self.job, self._classes = job, classes
        self.settings.show_job(job, classes)
        self.advanced.show_job(job)
        self.scratch.show_job(job)
        self._fold()

    def set_locked(self, locked: bool) -> None:
        """Whether the settings are those of a run that goes on; then the card reaches down and the run can be ended."""
        for card in (self.settings, self.advanced, self.scratch):
            card.set_locked(locked)
        self.end.setVisible(locked)
        self._stretch()

    def set_shape(self, narrow: bool, dense: bool) -> None:
        """The column's width (the gap beside it included), and how much air is in it."""
        self.setFixedWidth((NARROW if narrow else WIDE) + GAP)
        self.settings.set_dense(dense)

    def take_typed(self) -> None:
        """What was typed into a number counts, though its field may still have the focus."""
        for field in self.findChildren(QAbstractSpinBox):
            field.interpretText()

    def retranslate(self) -> None:
        """Words anew."""
        for card in (self.settings, self.advanced, self.scratch, self.end):
            card.retranslate()
        self.show_job(self.job, self._classes)

    def _fold(self) -> None:
        unfolded = self.settings.advanced.isChecked()
        self.advanced.setVisible(unfolded)
        self.scratch.setVisible(unfolded and self.job.weights == "none")
        self._stretch()

    def _stretch(self) -> None:
        """While a run goes on the column reaches the page's foot; its first card takes what is left over."""
        fills = self.settings.locked and not self.settings.advanced.isChecked()
        self._box.setStretchFactor(self.settings, 1 if fills else 0)
        self._box.setStretch(self._box.count() - 1, 0 if fills else 1)
