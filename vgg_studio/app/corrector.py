"""Puts the open folder right on a person's behalf: kept at once, shown at once, and then the folder is read again in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from vgg_studio import paths
from vgg_studio.app.noticed import Noticed, noticed
from vgg_studio.app.scan_state import ScanState, begun
from vgg_studio.core import corrections, events as ev, wording
from vgg_studio.core.corrections import Corrections, Step
from vgg_studio.core.errors import StudioError
from vgg_studio.core.jobs import ScanJob, TrainJob
from vgg_studio.core.language import _, ngettext

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

AGAIN_MS = 300  # several steps in a row are one more look at the folder


class Corrector(QObject):
    """The corrections of the open folder, and what was noticed in it. Emits `changed` when either is different."""

    changed = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        self.kept = Corrections(folder="")
        self._suspects: list[ev.Finding] = []
        self._look = ""  # the quick look that told them
        self._again, self._order = ScanState(), ""
        # What was noticed is asked for several times at each change, and there may be thousands of findings.
        self._seen, self._seen_kept, self._noticed = ScanState(), self.kept, Noticed()
        self._stand: tuple[object, ...] = ()
        self._timer = QTimer(self, singleShot=True, interval=AGAIN_MS)
        self._timer.timeout.connect(self._look_again)
        studio.engines.happened.connect(self._take)

    def opened(self, folder: str) -> None:
        """Another folder is open, or the same one is read anew."""
        self._stop()
        if folder != self._studio.folder:
            self._suspects = []
        self.kept = corrections.load(folder, paths.corrections_folder())

    def noticed(self) -> Noticed:
        """What deserves a look, without what was settled by hand."""
        scan, kept = self._studio.scan, self.kept
        stand = (len(scan.findings), scan.left_out_count, len(scan.classes_left_out), len(self._suspects), self._look)
        if self._seen is not scan or self._seen_kept is not kept or self._stand != stand:
            self._seen, self._seen_kept, self._stand = scan, kept, stand
            self._noticed = noticed(scan, self._suspects, kept.standing())
        return self._noticed

    def settled(self, job: TrainJob, data: str) -> TrainJob:
        """The order for a training on a folder, with what was settled for that folder."""
        alike = data == self._studio.folder and self.kept.class_weights
        return msgspec.structs.replace(job, class_weights=True) if alike else job

    # --- what a person does

    def leave_out(self, pictures: list[ev.PictureRef]) -> None:
        """Do not use these pictures."""
        self._do(corrections.leave_out(pictures))

    def move(self, pictures: list[ev.PictureRef], to: str) -> None:
        """Use these pictures as pictures of the class `to`."""
        self._do(corrections.move(pictures, to))

    def take_back(self, pictures: list[ev.PictureRef]) -> None:
        """Use these pictures as the folder has them."""
        self._do(corrections.take_back(pictures))

    def undo(self) -> None:
        """Take back the last step."""
        if self.kept.steps:
            told = _("Taken back: {step}").format(step=sentence(self.kept.steps[-1]))
            self._change(lambda found: found.undo(), told)

    def redo(self) -> None:
        """Do again what was taken back last."""
        if self.kept.undone:
            self._change(lambda found: found.redo(), sentence(self.kept.undone[-1]))

    def count_alike(self, wanted: bool) -> None:
        """Count every class the same in the next training, or each picture."""
        if wanted != self.kept.class_weights:
            self._change(lambda found: msgspec.structs.replace(found, class_weights=wanted), "")

    def _do(self, step: Step) -> None:
        if step.pictures:
            self._change(lambda found: found.with_step(step), sentence(step))

    def _change(self, how: Callable[[Corrections], Corrections], told: str) -> None:
        """Change what is kept as it is on the disk now: the command line may have written, too."""
        folder, place = self._studio.folder or self._studio.scan.folder, paths.corrections_folder()
        before = self.kept
        try:
            now = how(corrections.load(folder, place))
            corrections.save(now, folder, place)
        except StudioError as error:
            self._studio.message.emit(str(error))
            return
        self.kept = now
        if told:
            self._studio.message.emit(told)
        if now.standing() != before.standing():
            self._show(before, now)
            self._studio.outlook.forget(folder)
            self._timer.start()
        self.changed.emit()

    def _show(self, before: Corrections, now: Corrections) -> None:
        """Counts and pictures at once, as far as can be told without reading the folder."""
        old, new = before.standing(), now.standing()
        places: dict[str | None, list[ev.PictureRef]] = {}
        for picture in [*old, *(picture for picture in new if picture not in old)]:
            if old.get(picture) != new.get(picture):
                places.setdefault(new.get(picture), []).append(picture)
        for to, pictures in places.items():
            self._studio.scan.put(pictures, to)

    # --- the folder read again, while everything that is known stays on the screen

    def _look_again(self) -> None:
        studio = self._studio
        if studio.scan.running:
            self._timer.start()
            return
        if self._order:
            studio.engines.stop(self._order, "cancel")
        folder = studio.folder or studio.scan.folder
        self._again = begun(folder)
        self._order = studio.engines.ask("pictures", ScanJob(data=folder))

    def _take(self, order: str, event: ev.Event) -> None:
        if order and order == self._order:
            self._again.fold(event)
            if isinstance(event, ev.JobEnded):
                self._order = ""
                self._show_again(event)
        elif isinstance(event, ev.FindingsMade) and order and self._is_about_this_folder(order):
            if order != self._look:
                self._look, self._suspects = order, []
            self._suspects.extend(event.findings)
            self.changed.emit()

    def _is_about_this_folder(self, order: str) -> bool:
        """Whether it is a quick look at the open folder: another one may have been opened since it began."""
        now = self._studio.outlook.looking
        return order == now.order and now.subject is not None and now.subject.data == self._studio.folder

    def _show_again(self, event: ev.JobEnded) -> None:
        if event.outcome != "stopped" and not self._timer.isActive():
            self._studio.scan = self._again
            self._studio.scan_changed.emit()

    def _stop(self) -> None:
        self._timer.stop()
        if self._order:
            self._studio.engines.stop(self._order, "cancel")
            self._order = ""


def sentence(step: Step) -> str:
    """What was done, in a sentence for the header."""
    count = len(step.pictures)
    if step.what == "move":
        text = ngettext("{count} picture put into {class_name}.", "{count} pictures put into {class_name}.", count)
    elif step.what == "take_back":
        text = ngettext("{count} picture is used again.", "{count} pictures are used again.", count)
    else:
        text = ngettext("{count} picture left out.", "{count} pictures left out.", count)
    return text.format(count=wording.number(count), class_name=wording.escaped(step.to))
