"""Write the split as folders: how much of each class is kept back, where the copies go, and how far they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from vgg_studio.app import caption, places, theme
from vgg_studio.app.caption import CaptionLine
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.fields import Number
from vgg_studio.app.form_rows import Field
from vgg_studio.app.header import ProgressLine
from vgg_studio.app.left_out_dialog import show_folder
from vgg_studio.app.widgets import Label, LinkButton, PlainButton, PrimaryButton, column, row
from vgg_studio.core import events as ev, wording
from vgg_studio.core.errors import describe
from vgg_studio.core.jobs import HELD_BACK, WriteSplitJob
from vgg_studio.core.language import _
from vgg_studio.core.split import CUT

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines

WIDTH = 480


class SplitDialog(Dialog):
    """Belongs to one folder of pictures; closing it stops the copying, and the same call completes it."""

    def __init__(self, engines: Engines, folder: str, layout: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._engines, self._data, self._order, self._written = engines, folder, "", ""
        self.setWindowTitle(_("Write the split as folders"))
        self.percents = {part: Number(0, 40) for part in ("val", "test")}
        self.place, self.change = CaptionLine(), LinkButton(_("Choose another place…"))
        self.line, self.state = ProgressLine(self), Label(wrap=True)
        self.other, self.go = PlainButton(_("Cancel")), PrimaryButton(_("Copy"))
        self._set_place(_beside(folder))
        self._lay_out(layout)
        self.change.clicked.connect(self._choose)
        self.other.clicked.connect(self._leave)
        self.go.clicked.connect(self._go)
        self.finished.connect(self._stop)
        engines.happened.connect(self._take)
        self.go.setFocus()

    def _lay_out(self, layout: str) -> None:
        about = Label(
            _(
                "Every picture is copied into train, val or test, as a training would split them. Your own stay as they are."
            ),
            wrap=True,
        )
        names = {"val": _("To choose the best round, per cent"), "test": _("Kept back for the final score, per cent")}
        fields = column(spacing=8)
        for part, number in self.percents.items():
            number.setValue(HELD_BACK)
            field = Field(number)
            field.set_words(names[part])
            field.set_visible(part in CUT.get(layout, ()))
            if part in CUT.get(layout, ()):
                fields.addLayout(field.row)
            else:
                for widget in (field.name, number):
                    widget.setParent(self)
        where = column(Label(_("Into the folder"), tone="muted"), self.place, self.change, spacing=4)
        where.setAlignment(self.change, Qt.AlignmentFlag.AlignLeft)
        self.state.hide()
        space = theme.SPACE[4]
        parts = (Label(self.windowTitle(), "title"), about, fields, where, self.line, self.state)
        buttons = row(None, self.other, self.go, spacing=8)
        self.setLayout(column(*parts, buttons, spacing=16, margins=(space, space, space, space)))
        self.fit(WIDTH)

    def _set_place(self, place: str) -> None:
        self._place = place
        words = _("{folder} in {place}").format(folder=caption.strong(places.name(place)), place=places.place(place))
        self.place.set_line(words, tip=wording.escaped(place))

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, _("A new or empty folder"), os.path.dirname(self._place))
        if chosen:
            self._set_place(chosen)
            self._rest("")

    def _go(self) -> None:
        if self._written:
            show_folder(self._written)
            self.accept()
            return
        for widget in (*self.percents.values(), self.change, self.go):
            widget.setEnabled(False)
        self._show(_("Reading pictures…"), None)
        job = WriteSplitJob(
            data=self._data,
            folder=self._place,
            val_percent=self.percents["val"].value(),
            test_percent=self.percents["test"].value(),
        )
        self._order = self._engines.ask("pictures", job)

    def _leave(self) -> None:
        if self._order:
            self._stop()
        else:
            self.reject()

    def _stop(self) -> None:
        if self._order:
            self._engines.stop(self._order, "cancel")

    def _take(self, order: str, event: ev.Event) -> None:
        if order != self._order:
            return
        match event:
            case ev.PhaseStarted() | ev.PhaseProgress():
                done = event.done if isinstance(event, ev.PhaseProgress) else 0
                self._show(_phase(event.phase, done, event.total), done / event.total if event.total else None)
            case ev.SplitWritten():
                self._written = event.folder
            case ev.JobEnded():
                self._order = ""
                self._end(event)

    def _end(self, ended: ev.JobEnded) -> None:
        if self._written:
            self.other.setText(_("Close"))
            self.go.setText(_("Open the folder"))
            self._rest(_("All pictures are copied."))
        elif ended.failure:
            self._rest(wording.escaped(describe(ended.failure)))
        else:
            self._rest(_("Stopped. Copying again into the same folder completes it."))

    def _show(self, words: str, share: float | None) -> None:
        self.state.setText(words)
        self.state.show()
        self.line.show_share(share)
        self.fit(WIDTH)

    def _rest(self, words: str) -> None:
        self.line.stop()
        self.state.setText(words)
        self.state.setVisible(bool(words))
        for widget in (*self.percents.values(), self.change):
            widget.setEnabled(not self._written)
        self.go.setEnabled(True)
        self.fit(WIDTH)


def _beside(folder: str) -> str:
    """A new folder beside the pictures: `flowers-split`, with a number where that is taken."""
    wanted = os.path.join(os.path.dirname(os.path.abspath(folder)), f"{places.name(folder)}-split")
    place, count = wanted, 1
    while os.path.lexists(place):
        count += 1
        place = f"{wanted}-{count}"
    return place


def _phase(phase: ev.Phase, done: int, total: int) -> str:
    if phase != "saving":
        return wording.phase_words(phase, done, total)
    words = _("Copying pictures: {done} of {total}.")
    return words.format(done=wording.number(done), total=wording.number(total)) if done else _("Copying pictures…")
