"""The left column of the Train page: settings, advanced settings, and ways to end the run, in one scrolling column."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QFrame, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from vgg_studio.app import theme
from vgg_studio.app.advanced_settings import AdvancedSettings, Fields, ScratchSettings
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.finer_settings import FinerSettings, PictureSettings
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.recipe_card import RecipeCard
from vgg_studio.app.train_settings import TrainSettings
from vgg_studio.app.widgets import Card, Label, LinkButton, PlainButton, column, row
from vgg_studio.core.events import DeviceFact
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _

WIDE, NARROW = 320, 288
GAP = 16  # px at the right, where the scroll bar is when it is needed


class EndCard(Card):
    """Two buttons of one width, each with what it keeps or deletes."""

    finish_wanted = Signal()
    discard_wanted = Signal()
    later_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(padding=15, spacing=8)
        self.title = Label(role="strong")
        self.finish, self.discard = PlainButton(), PlainButton(tone="bad")
        self.keeps, self.deletes = Label(tone="muted", wrap=True), Label(tone="muted", wrap=True)
        self.later = LinkButton()
        self.box.addLayout(row(self.title, None, self.later))
        for button, meaning in ((self.finish, self.keeps), (self.discard, self.deletes)):
            line = row(button, meaning)
            line.setStretch(1, 1)
            self.box.addLayout(line)
        self.finish.clicked.connect(self.finish_wanted)
        self.discard.clicked.connect(self._ask)
        self.later.clicked.connect(self.later_wanted)

    def retranslate(self) -> None:
        """Words anew; both buttons get the width of the wider one."""
        self.title.setText(_("End this run"))
        self.finish.setText(_("Finish now"))
        self.discard.setText(_("Discard…"))
        self.deletes.setText(_("deletes what it learned"))
        self.later.setText(_("Set aside"))
        self.later.setToolTip(_("Keeps it as it is, among the results, and opens the settings for a new run."))
        width = self.finish.width_for((self.finish.words(), self.discard.words()))
        for button in (self.finish, self.discard):
            button.setFixedWidth(width)

    def show_best(self, best: int, learning: bool, paused: bool) -> None:
        """Say which round Finish keeps (0: none is complete yet); a paused run can be left for later."""
        if best:
            self.keeps.setText(_("keeps the best, round\u00a0{round}").format(round=best))
        else:
            self.keeps.setText(_("keeps what it has learned") if learning else _("when it has learned something"))
        self.later.setVisible(paused)

    def set_usable(self, finish: bool, discard: bool) -> None:
        """What can be pressed now."""
        self.finish.setEnabled(finish)
        self.discard.setEnabled(discard)
        self.later.setEnabled(discard)

    def _ask(self) -> None:
        question = DiscardQuestion(self)
        question.accepted.connect(self.discard_wanted)
        question.open()


class DiscardQuestion(Dialog):
    """The question before a run is deleted; keeping it is what Enter and Esc do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Discard this run?"))
        headline = Label(_("Discard this run?"), "title")
        self.words = Label(_("Everything it has learned is deleted. The pictures stay as they are."), wrap=True)
        self.keep, self.discard = PlainButton(_("Keep it")), PlainButton(_("Discard"), tone="bad")
        self.keep.clicked.connect(self.reject)
        self.discard.clicked.connect(self.accept)
        self.keep.setDefault(True)
        space = theme.SPACE[4]
        buttons = row(None, self.keep, self.discard, spacing=8)
        self.setLayout(column(headline, self.words, buttons, spacing=16, margins=(space, space, space, space)))
        self.fit(440)
        self.keep.setFocus()


class TrainForm(QScrollArea):
    """Shows one job in all its cards. `edited` carries the job that a person's edit makes of it."""

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.settings, self.advanced, self.end = TrainSettings(), AdvancedSettings(), EndCard()
        self.pictures, self.finer, self.scratch = PictureSettings(), FinerSettings(), ScratchSettings()
        self.recipe = RecipeCard()
        self._folded: tuple[Fields, ...] = (self.recipe, self.advanced, self.pictures, self.finer, self.scratch)
        self.job = TrainJob()
        self.classes = 0
        content = QWidget()
        content.setProperty("kind", "content")
        self._box = QVBoxLayout(content)
        self._box.setContentsMargins(0, 0, GAP, 0)
        self._box.setSpacing(16)
        for card in (self.settings, *self._folded, self.end):
            self._box.addWidget(card)
        self._box.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._bar = OverlayBar(self, inset=GAP - 8)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.settings.unfolded.connect(self._fold)
        for part in (self.settings, *self._folded):
            part.edited.connect(self.edited)
        self._fold()

    def show_job(self, job: TrainJob, classes: int) -> None:
        """Show a job in all cards."""
        self.job, self.classes = job, classes
        self.settings.show_job(job, classes)
        for card in self._folded:
            card.show_job(job)
        self._fold()

    def show_device(self, fact: DeviceFact | None) -> None:
        """What the machine has to train on."""
        self.settings.show_device(fact)
        self.pictures.show_device(fact)

    def set_locked(self, locked: bool) -> None:
        """Whether the settings are those of a run that goes on; then the card reaches down and the run can be ended."""
        self.settings.set_locked(locked)
        for card in self._folded:
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
        for part in (self.settings, self.end):
            part.retranslate()
        for card in self._folded:
            card.retranslate()
        self.show_job(self.job, self.classes)

    def _fold(self) -> None:
        unfolded = self.settings.advanced.isChecked()
        for card in self._folded:
            card.setVisible(unfolded)
        self.finer.setVisible(unfolded and self.job.optimizer != "lbfgs")  # which knows neither steps nor rates
        self.scratch.setVisible(unfolded and self.job.weights == "none" and not self.job.parent)
        self._stretch()

    def _stretch(self) -> None:
        """While a run goes on the column reaches the page's foot; its first card takes what is left over."""
        fills = self.settings.locked and not self.settings.advanced.isChecked()
        self._box.setStretchFactor(self.settings, 1 if fills else 0)
        self._box.setStretch(self._box.count() - 1, 0 if fills else 1)
