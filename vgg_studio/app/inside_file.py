"""What a file of weights holds: its tensors, the networks that they fit, and a part of it as a file of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from vgg_studio.app import places
from vgg_studio.app.inside_table import InsideTable
from vgg_studio.app.part_dialog import PartDialog, save_dialog
from vgg_studio.app.train_settings import weights_dialog
from vgg_studio.app.widgets import Card, EmptyState, PlainButton, row
from vgg_studio.core import events as ev, layer_words
from vgg_studio.core.errors import describe
from vgg_studio.core.jobs import InspectJob
from vgg_studio.core.language import _, joined
from vgg_studio.core.wording import escaped

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines

FITS_WIDTH = 400  # px: five columns with one-word heads


class WeightsView(QWidget):
    """Asks the engine for what is inside a file, and shows it. `changed` tells that there is something else to say.

    Where the two buttons and the words stand is up to whoever shows the view.
    """

    changed = Signal()

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._engines, self._order = engines, ""
        self.path = ""
        self.found: ev.NetworkInspected | None = None
        self.says, self.tone = "", "muted"
        self.open_button, self.save_button = PlainButton(), PlainButton()
        self.tensors, self.fits = InsideTable(), InsideTable()
        self.empty = EmptyState("folder")
        self._lay_out()
        self.open_button.clicked.connect(self.ask_for_file)
        self.empty.acted.connect(self.ask_for_file)
        self.save_button.clicked.connect(self.ask_for_part)
        engines.happened.connect(self._take)
        self.retranslate()

    def _lay_out(self) -> None:
        left, right = Card(padding=15), Card(padding=15)
        left.box.addWidget(self.tensors)
        right.box.addWidget(self.fits)
        right.setFixedWidth(FITS_WIDTH)
        cards = row(left, right, spacing=16)
        cards.setStretch(0, 1)
        self._content = QWidget()
        self._content.setLayout(cards)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._content)

    # --- what a person can do here

    def ask_for_file(self) -> None:
        """Let a file be chosen."""
        dialog = weights_dialog(self)
        dialog.fileSelected.connect(self.open)
        dialog.open()

    def open(self, path: str) -> None:
        """Look into a file."""
        self.path, self.found = path, None
        self._ask(InspectJob(source=path))
        self._say(_("Reading the file…"))
        self._show()

    def ask_for_part(self) -> None:
        """Let first and last layer be chosen, then the file to write."""
        if self.found is not None:
            dialog = PartDialog(self.found, self)
            dialog.agreed.connect(self._ask_where)
            dialog.open()

    def _ask_where(self, first: str, last: str) -> None:
        dialog = save_dialog(self, f"{os.path.splitext(places.name(self.path))[0]}-part.safetensors")

        def save(file: str) -> None:
            self.save_part(first, last, file)

        dialog.fileSelected.connect(save)
        dialog.open()

    def save_part(self, first: str, last: str, file: str) -> None:
        """Write the layers from `first` to `last` into a file."""
        self._ask(InspectJob(source=self.path, first=first, last=last, save=file))
        self._say(_("Saving…"))

    # --- what the engine says

    def _ask(self, job: InspectJob) -> None:
        if self._order:
            self._engines.stop(self._order, "cancel")
        self._order = self._engines.ask("predict", job)
        self._refresh_buttons()

    def _take(self, order: str, event: ev.Event) -> None:
        if order != self._order:
            return
        if isinstance(event, ev.NetworkInspected):
            self.found = event
            self._show()
        elif isinstance(event, ev.Exported):
            folder, name = os.path.split(event.files[0])
            self._say(_("Saved as {name} in {folder}.").format(name=escaped(name), folder=escaped(folder)))
        elif isinstance(event, ev.JobEnded):
            self._order = ""
            if event.failure is not None:
                self._say(describe(event.failure), "bad")
            self._refresh_buttons()

    # --- what is shown

    def retranslate(self) -> None:
        """Words anew."""
        self.open_button.setText(_("Open a weights file…"))
        self.save_button.setText(_("Save a part…"))
        self.tensors.setAccessibleName(_("Tensors"))
        self.fits.setAccessibleName(_("Networks that they fit"))
        words = _("A file of weights shows which tensors it holds, and which networks they fit.")
        self.empty.set_words(words, _("Open a weights file…"))
        self._show()

    def _show(self) -> None:
        self._stack.setCurrentWidget(self._content if self.path else self.empty)
        event = self.found
        tensors, fits = (event.tensors, event.fits) if event else ([], [])
        odd = [row_ for row_, fact in enumerate(tensors) if not fact.finite]
        quiet = [row_ for row_, fit in enumerate(fits) if not fit.matching]
        self.tensors.show_table(layer_words.tensor_head(), layer_words.tensor_cells(tensors), (3,), odd)
        self.fits.show_table(layer_words.fit_head(), layer_words.fit_cells(fits), (1, 2, 3, 4), quiet)
        if event is not None:
            self._say(joined(layer_words.best_fit(event), layer_words.odd_numbers(event)))
        self._refresh_buttons()
        self.changed.emit()

    def headline(self) -> str:
        """The file's name, or what is shown here."""
        return escaped(places.name(self.path)) or _("A file of weights")

    def _say(self, words: str, tone: str = "muted") -> None:
        self.says, self.tone = words, tone
        self.changed.emit()

    def _refresh_buttons(self) -> None:
        whole = self.found is not None and bool(self.found.layers and self.found.tensors)
        self.save_button.setEnabled(whole and not self._order)
