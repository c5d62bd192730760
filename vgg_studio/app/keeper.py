"""Keeps a run for people: asks where to, has a script or pictures written there, and says in the header what became of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from vgg_studio.core import events as ev, wording
from vgg_studio.core.errors import describe
from vgg_studio.core.jobs import SaveCodeJob, SavePlotsJob
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

_PLACE = "shared_to"  # where the Share page saved last


class Keeper(QObject):
    """One order at a time; the next one takes the place of what was told of the last."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        self._order = ""
        self._files: list[str] = []
        studio.engines.happened.connect(self._take)

    def save_code(self, run: RunFolder, parent: QWidget) -> None:
        """Write the run as a torch script, where the person says."""
        kinds = _("Python script ({patterns})").format(patterns="*.py")
        proposed = os.path.join(self._place(), f"{run.path.name}.py")
        file, _kind = QFileDialog.getSaveFileName(parent, _("Save the training as a script"), proposed, kinds)
        if file:
            whole = file if file.lower().endswith(".py") else f"{file}.py"
            self._ask(SaveCodeJob(run=str(run.path), file=whole), os.path.dirname(whole))

    def save_plots(self, run: RunFolder, parent: QWidget) -> None:
        """Write the run's curves and its grid into a folder of its own, where the person says."""
        place = QFileDialog.getExistingDirectory(parent, _("Where shall the plots go?"), self._place())
        if place:
            folder = os.path.join(place, _("{run} plots").format(run=run.path.name))
            self._ask(SavePlotsJob(run=str(run.path), folder=folder), place)

    def _place(self) -> str:
        return self._studio.settings.choice(_PLACE, os.path.expanduser("~"))

    def _ask(self, job: SaveCodeJob | SavePlotsJob, place: str) -> None:
        self._studio.settings.choose(_PLACE, place)
        self._files = []
        self._order = self._studio.engines.ask("predict", job)
        self._studio.message.emit(_("Saving…"))

    def _take(self, order: str, event: ev.Event) -> None:
        if order != self._order or not order:
            return
        if isinstance(event, ev.Exported):
            self._files = event.files
        elif isinstance(event, ev.JobEnded):
            self._order = ""
            self._studio.message.emit(self._told(event))

    def _told(self, ended: ev.JobEnded) -> str:
        if ended.failure is not None:
            return describe(ended.failure)
        if not self._files:
            return ""
        names = ", ".join(wording.escaped(os.path.basename(file)) for file in self._files)
        folder = wording.escaped(os.path.dirname(self._files[0]))
        return _("Saved in {folder}: {names}.").format(folder=folder, names=names)
