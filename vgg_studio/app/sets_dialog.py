"""The data sets of the tutorials: what each is, whether it is here, and how it comes here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from vgg_studio import paths
from vgg_studio.app import theme
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.header import ProgressLine
from vgg_studio.app.widgets import Card, Label, PlainButton, Sign, column, row
from vgg_studio.core import events as ev, wording
from vgg_studio.core.data_sets import SETS, DataSet, is_there
from vgg_studio.core.errors import describe
from vgg_studio.core.jobs import FetchDataJob
from vgg_studio.core.language import _
from vgg_studio.core.speed_words import bytes_words

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines

WIDTH = 600


class SetRow(QWidget):
    """One data set: its title, what it is, how it stands, and up to two buttons."""

    fetch = Signal(str, str)  # name, and the file that it is taken from ("": a download)
    cancel = Signal()
    open = Signal(str)

    def __init__(self, known: DataSet) -> None:
        super().__init__()
        self.known = known
        self.title, self.about = Label(known.title, "strong"), Label(_(known.about), wrap=True)
        self.sign, self.state = Sign("check", size=16), Label(tone="muted", wrap=True)
        self.line = ProgressLine(self)
        self.main, self.other = PlainButton(), PlainButton(_("Use a file I have…"))
        self.main.clicked.connect(self._main)
        self.other.clicked.connect(self._choose)
        self._running = False
        standing = row(self.sign, self.state, spacing=8)
        standing.setStretch(1, 1)
        standing.setAlignment(self.sign, Qt.AlignmentFlag.AlignTop)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)  # it may tell an address
        words = column(self.title, self.about, standing, self.line, None, spacing=4)
        buttons = column(self.main, self.other, None, spacing=8)
        for button in (self.main, self.other):
            buttons.setAlignment(button, Qt.AlignmentFlag.AlignRight)
        box = row(words, buttons, spacing=24)
        box.setStretch(0, 1)
        self.setLayout(box)
        self.rest()

    @property
    def is_here(self) -> bool:
        """Whether the set lies ready on this computer."""
        return is_there(self.known.name, str(paths.data_sets_folder()))

    def rest(self, trouble: str = "") -> None:
        """Show how the set stands while nothing is done about it; `trouble` is why it did not come."""
        here, self._running = self.is_here, False
        self.sign.set_kind("warn" if trouble else "check")
        self.sign.setVisible(here or bool(trouble))
        download = _("{size} to download").format(size=bytes_words(self.known.size))
        self.state.setText(trouble or (_("On this computer") if here else download))
        self.line.stop()
        self._set_main(_("Open") if here else _("Fetch"))
        self.other.setVisible(not here)
        self.setEnabled(True)

    def show_phase(self, phase: str, done: int, total: int) -> None:
        """Show that the set is coming, and how far it is."""
        self._running = True
        self.sign.hide()
        self.other.hide()
        self.state.setText(_phase(phase, done, total))
        self.line.show_share(done / total if total else None)
        self._set_main(_("Cancel"))

    def _set_main(self, words: str) -> None:
        self.main.setText(words)
        self.main.setAccessibleName(f"{words}: {self.known.title}")

    def _main(self) -> None:
        if self._running:
            self.cancel.emit()
        elif self.is_here:
            self.open.emit(str(paths.data_sets_folder() / self.known.name))
        else:
            self.fetch.emit(self.known.name, "")

    def _choose(self) -> None:
        names = " ".join(file.name for file in self.known.files)
        filters = _("Archives and files of data sets ({endings})").format(
            endings=f"{names} *.gz *.tgz *.tar *.zip *.bz2 *.xz *ubyte *batch*"
        )
        chosen, _filter = QFileDialog.getOpenFileName(self, self.known.title, os.path.expanduser("~"), filters)
        if chosen:
            self.fetch.emit(self.known.name, chosen)


class SetsDialog(Dialog):
    """`opened` carries the folder of the set that a person wants to use; the dialog is then closed."""

    opened = Signal(str)

    def __init__(self, engines: Engines, parent: QWidget) -> None:
        super().__init__(parent)
        self._engines, self._order, self._coming = engines, "", ""
        self.setWindowTitle(_("Data sets of the tutorials"))
        self.rows = {name: SetRow(known) for name, known in SETS.items()}
        self.close_button = PlainButton(_("Close"))
        self.close_button.clicked.connect(self.reject)
        self.finished.connect(self._stop)
        engines.happened.connect(self._take)
        cards = []
        for one in self.rows.values():
            one.fetch.connect(self._fetch)
            one.cancel.connect(self._stop)
            one.open.connect(self._open)
            card = Card()
            card.box.addWidget(one)
            cards.append(card)
        note = Label(_("Each is fetched once, checked, and kept on this computer."), tone="muted", wrap=True)
        heading = column(Label(self.windowTitle(), "title"), note, spacing=4)
        space = theme.SPACE[4]
        whole = column(heading, *cards, row(None, self.close_button), spacing=16, margins=(space, space, space, space))
        self.setLayout(whole)
        self.fit(WIDTH)

    def _fetch(self, name: str, source: str) -> None:
        self._coming = name
        for other, one in self.rows.items():
            one.setEnabled(other == name)
        self.rows[name].show_phase("", 0, 0)
        self.rows[name].main.setFocus()
        self._order = self._engines.ask("pictures", FetchDataJob(name=name, source=source))
        self.fit(WIDTH)

    def _stop(self) -> None:
        if self._order:
            self._engines.stop(self._order, "cancel")

    def _open(self, folder: str) -> None:
        self.accept()
        self.opened.emit(folder)

    def _take(self, order: str, event: ev.Event) -> None:
        if order != self._order:
            return
        match event:
            case ev.PhaseStarted():
                self.rows[self._coming].show_phase(event.phase, 0, event.total)
            case ev.PhaseProgress():
                self.rows[self._coming].show_phase(event.phase, event.done, event.total)
            case ev.DataFetched():
                self._open(event.folder)
            case ev.JobEnded():
                self._order = ""
                self._rest(wording.escaped(describe(event.failure)) if event.failure else "")

    def _rest(self, trouble: str) -> None:
        for name, one in self.rows.items():
            one.rest(trouble if name == self._coming else "")
        self.fit(WIDTH)


def _phase(phase: str, done: int, total: int) -> str:
    if phase == "downloading" and total:
        return _("Downloading: {done} of {total}").format(done=bytes_words(done), total=bytes_words(total))
    if phase == "downloading":
        return _("Downloading…")
    return _("Preparing…")
