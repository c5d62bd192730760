"""Which settings the Train page offers: those chosen last for this folder, else those that suit its pictures and this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vgg_studio import paths
from vgg_studio.core import recipes
from vgg_studio.core.demo_job import demo_job
from vgg_studio.core.jobs import TrainJob

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

FOLDER_CHOICE = "job-folder"  # the folder for which the kept settings were chosen


class Proposal:
    """A new folder starts from its own settings: what suits ten thousand photos does not suit sixty drawings."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def job(self) -> TrainJob:
        """The settings to show for the open folder."""
        studio = self._studio
        kept = studio.settings.job
        if kept is not None and studio.folder and studio.settings.choice(FOLDER_CHOICE) == studio.folder:
            return kept
        if studio.folder == str(paths.samples_folder()):
            return demo_job("")
        device = studio.device
        return recipes.defaults(studio.scan.count, device is not None and device.kind != "cpu")

    def keep(self, job: TrainJob) -> None:
        """These settings were chosen for the open folder."""
        self._studio.settings.job = msgspec.structs.replace(job, data="", run="", resume=False)
        self._studio.settings.choose(FOLDER_CHOICE, self._studio.folder)

    def forget(self) -> None:
        """Offer what suits the folder again."""
        self._studio.settings.choose(FOLDER_CHOICE, "")
