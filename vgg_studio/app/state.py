"""What is open: the folder, its scan, the training, the runs, the answers. Pages read it, ask it, and listen to its signals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal

from vgg_studio import paths
from vgg_studio.app import theme
from vgg_studio.app.corrector import Corrector
from vgg_studio.app.folder_memory import FolderMemory
from vgg_studio.app.keeper import Keeper
from vgg_studio.app.outlook import Outlook
from vgg_studio.app.prediction_state import ExportState, PredictionState
from vgg_studio.app.scan_state import ScanState, begun
from vgg_studio.app.settings import Settings
from vgg_studio.app.thumbnails import ThumbnailStore
from vgg_studio.core import events as ev, language
from vgg_studio.core.jobs import DrawSamplesJob, ExportJob, PredictJob, ScanJob, StopHow, TrainJob
from vgg_studio.core.progress import Progress, folded
from vgg_studio.core.run_folder import RunFolder, list_runs, new_run_path

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines


ORDER_BYTES = 500_000  # of pictures in one order


class Studio(QObject):
    """One for the whole window. Signals say that something is different, never what: listeners read the state."""

    folder_changed = Signal()  # another folder, or none
    scan_changed = Signal()  # at most 20 times a second
    device_changed = Signal()
    training_changed = Signal()  # a training began, is being ended, or ended
    progress_changed = Signal()  # at most 20 times a second
    runs_changed = Signal()
    job_offered = Signal()  # other settings were chosen for the next training, elsewhere than on the Train page
    prediction_changed = Signal()  # at most 20 times a second
    export_changed = Signal()
    language_changed = Signal()
    theme_changed = Signal()
    page_wanted = Signal(str)
    class_wanted = Signal(str)  # this class's pictures, on the Data page
    message = Signal(str)  # a sentence for the header that goes away by itself

    def __init__(self, engines: Engines, settings: Settings) -> None:
        super().__init__()
        self.engines, self.settings = engines, settings
        self.thumbnails, self.outlook = ThumbnailStore(engines), Outlook(engines)
        self.folder = ""
        self.scan, self.drawing_samples = ScanState(), False
        self.progress = Progress()
        self.training = False
        self.job: TrainJob | None = None
        self.runs: list[RunFolder] = []
        self.unfinished_run: RunFolder | None = None  # what the last start left, until it is continued or put aside
        self.prediction, self.exporting = PredictionState(), ExportState()
        self.device: ev.DeviceFact | None = None
        self.corrector, self.keeper = Corrector(self), Keeper(self)
        self.folder_memory = FolderMemory(self)
        self._scan_order = self._train_order = self._export_order = ""
        self._touched: set[str] = set()
        self._saved_at = 0.0
        engines.happened.connect(self._take)
        engines.events.connect(self._announce)
        engines.ready.connect(self._ready)
        theme.signals.changed.connect(self.theme_changed)

    # --- the folder of pictures

    def open_folder(self, path: str) -> None:
        """Read a folder of pictures; a scan that still runs is cancelled."""
        self.cancel_scan()
        if path != self.folder:
            self.thumbnails.clear()
        self.corrector.opened(path)
        self.scan = begun(path)
        self.folder = self.settings.last_folder = path if self.scan.running else ""
        if self.folder:
            self._scan_order = self.engines.ask("pictures", ScanJob(data=path))
            self.engines.warm("train")  # its libraries are there when Start is pressed
        self.folder_changed.emit()
        self.scan_changed.emit()

    def open_samples(self) -> None:
        """Draw the sample pictures (once) and open them."""
        self.cancel_scan()
        self.drawing_samples = True
        self.scan = ScanState(folder=str(paths.samples_folder()), running=True)
        self._scan_order = self.engines.ask("pictures", DrawSamplesJob(folder=str(paths.samples_folder())))
        self.scan_changed.emit()

    def rescan(self) -> None:
        """Read the open folder again: pictures may have come or gone."""
        if self.folder:
            self.thumbnails.clear()
            self.open_folder(self.folder)

    def cancel_scan(self) -> None:
        """Stop reading the folder; what was found stays to be seen."""
        if self._scan_order:
            self.engines.stop(self._scan_order, "cancel")

    # --- training

    def start_training(self, job: TrainJob) -> bool:
        """Train on the open folder (`data` and `run` are filled in where empty). False while a training runs already."""
        if self.training:
            return False
        self.settings.job = msgspec.structs.replace(job, data="", run="", resume=False)
        data = job.data or self.folder
        job = self.corrector.settled(job, data)
        run = job.run or str(new_run_path(paths.runs_folder(), data))
        self.progress = Progress(run=run, epochs=job.epochs)
        self._train(msgspec.structs.replace(job, data=data, run=run))
        return True

    def continue_training(self, run: RunFolder, epochs: int | None = None) -> bool:
        """Go on with a run from its last checkpoint; more `epochs` than it had extend it."""
        if self.training:
            return False
        self.progress, job = folded(run.events()), run.manifest.job
        job = msgspec.structs.replace(job, run=str(run.path), resume=True, epochs=epochs or job.epochs)
        self.progress.ended, self.progress.run, self.progress.epochs = None, str(run.path), job.epochs
        self.progress.phase = "loading_network"
        self._train(job)
        return True

    def end_training(self, how: StopHow) -> None:
        """Ask the training to end: `pause`, `finish` (keep the best) or `discard`. A stronger wish replaces an earlier one."""
        if self.training and self.progress.ending != how:
            self.progress.ending = how
            self.engines.stop(self._train_order, how)
            self.training_changed.emit()

    def unsaved_seconds(self) -> float:
        """How much work of the running training its last checkpoint does not hold."""
        return time.time() - self._saved_at

    def _train(self, job: TrainJob) -> None:
        self.job, self.training, self.unfinished_run = job, True, None
        self._saved_at = time.time()
        self.outlook.rest()
        self._train_order = self.engines.ask("train", job)
        self.training_changed.emit()
        self.progress_changed.emit()

    # --- runs

    def refresh_runs(self) -> None:
        """Read the list of runs again."""
        self.runs = list_runs(paths.runs_folder())
        self.runs_changed.emit()

    def find_unfinished(self) -> None:
        """Look whether the newest run can go on: it was paused, or nobody ended it. Called once after the start."""
        newest = next(iter(self.runs), None)
        if newest is not None and can_go_on(newest):
            self.unfinished_run = newest
            self.training_changed.emit()

    def put_aside_unfinished(self) -> None:
        """Do not offer the unfinished run any longer; it stays among the results."""
        self.unfinished_run = None
        self.training_changed.emit()

    def export(self, run: str, file: str) -> None:
        """Save a run's best network as a plain file with its two JSON files beside it."""
        self.exporting = ExportState(run=run, running=True)
        self._export_order = self.engines.ask("predict", ExportJob(run=run, file=file))
        self.export_changed.emit()

    # --- prediction

    def predict(self, model: str, pictures: list[ev.PictureRef]) -> None:
        """Name pictures and folders. Answers of the same model are added to those that are there, another model starts anew."""
        if not pictures:
            return
        if model != self.prediction.model:
            self.clear_prediction()
        state = self.prediction
        if not state.running:
            state.began, state.failure = time.time(), None
        state.model = model
        self.outlook.rest()
        state.asked.extend(pictures)
        for some in in_orders(pictures):
            state.orders.append(self.engines.ask("predict", PredictJob(model=model, pictures=some)))
        self.prediction_changed.emit()

    def cancel_prediction(self) -> None:
        """Stop naming; the answers so far stay."""
        for order in list(self.prediction.orders):
            self.engines.stop(order, "cancel")

    def clear_prediction(self) -> None:
        """Forget the answers."""
        self.cancel_prediction()
        self.prediction = PredictionState()
        self.prediction_changed.emit()

    # --- how it looks and speaks

    def set_language(self, code: str) -> None:
        """Speak another language from now on ("" follows the system)."""
        self.settings.language = code
        language.use(code, paths.locales())
        self.language_changed.emit()

    def set_scheme(self, name: str) -> None:
        """Show `light`, `dark` or the `system`'s colours from now on."""
        self.settings.scheme = name
        theme.choose(name)

    # --- what the engines say

    def _take(self, order: str, event: ev.Event) -> None:
        if order == self._train_order:
            self._take_training(event)
        elif order == self._scan_order:
            self._take_scan(event)
        elif order in self.prediction.orders:
            self.prediction.fold(event, order)
            self._touched.add("prediction")
        elif order == self._export_order:
            self.exporting.fold(event)
            self._touched.add("export")

    def _take_training(self, event: ev.Event) -> None:
        self.progress.fold(event)
        self._touched.add("progress")
        if isinstance(event, ev.CheckpointSaved | ev.RunResumed):
            self._saved_at = event.time
        if self.job is not None:
            self.outlook.learned(self.job, event)
        if isinstance(event, ev.RunStarted) and event.device.reason != "asked":  # else the others would be forgotten
            self.device = event.device
            self._touched.add("device")
        if isinstance(event, ev.RunEnded):
            self.training, self._train_order = False, ""
            self._touched |= {"training", "runs"}

    def _take_scan(self, event: ev.Event) -> None:
        if isinstance(event, ev.SamplesDrawn):
            self.drawing_samples = False
            self._scan_order = ""
            self.open_folder(event.folder)
            return
        self.scan.fold(event)
        self._touched.add("scan")
        if isinstance(event, ev.ClassesListed) and self.scan.folder != self.folder:  # an archive, which is unpacked now
            self.corrector.opened(self.scan.folder)
            self.folder = self.settings.last_folder = self.scan.folder
            self.folder_changed.emit()
        if isinstance(event, ev.FolderScanned):
            self.folder_memory.remember()
        if isinstance(event, ev.JobEnded):
            self._scan_order, self.drawing_samples = "", False

    def _announce(self) -> None:
        touched, self._touched = self._touched, set()
        if "runs" in touched:
            self.refresh_runs()
        for name in ("device", "scan", "training", "progress", "prediction", "export"):
            if name in touched:
                getattr(self, f"{name}_changed").emit()

    def _ready(self, role: str, event: ev.EngineReady) -> None:
        if event.device is not None and not self.training:
            self.device = event.device
            self.device_changed.emit()

    def run_at(self, path: str) -> RunFolder | None:
        """The run in this folder, if it is among the known ones."""
        return next((run for run in self.runs if run.path == Path(path)), None)


def can_go_on(run: RunFolder) -> bool:
    """Whether a run stopped on its way (paused, or nobody ended it), has a checkpoint, and nobody is writing into it."""
    return run.manifest.outcome in ("", "paused") and run.manifest.last is not None and not run.in_use()


def in_orders(pictures: list[ev.PictureRef]) -> Iterator[list[ev.PictureRef]]:
    """The pictures in pieces that fit into an order's line: an engine refuses one of more than a megabyte."""
    piece: list[ev.PictureRef] = []
    size = 0
    for picture in pictures:
        length = len(msgspec.json.encode(picture))
        if piece and size + length > ORDER_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(picture)
        size += length
    yield piece
