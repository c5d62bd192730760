"""Ways to end a run: keep its best, or delete it. A paused run can also be left alone for later."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from vgg_studio.app import theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.widgets import Card, Label, LinkButton, PlainButton, column, row
from vgg_studio.core.language import _


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
