"""What a training will take on this machine and what it has to beat, known before it starts: measured once, looked at quickly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal

from vgg_studio.core import events as ev, forecast, recipes
from vgg_studio.core.jobs import QuickLookJob, TrainJob, TuneJob

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines
    from vgg_studio.app.scan_state import ScanState
    from vgg_studio.core.run_folder import RunFolder

Machine = tuple[str, str]  # the network's variant and the device that is asked for


@dataclass
class Looking:
    """A quick look that goes on, or the last one that failed."""

    subject: TrainJob | None = None
    order: str = ""
    phase: ev.Phase | None = None
    done: int = 0
    total: int = 0
    failure: ev.Failure | None = None
    outdated: bool = False  # the pictures became others while it looked


class Outlook(QObject):
    """Asks the engines in the background and remembers their answers. What a person starts goes first: see `rest`."""

    changed = Signal()

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._engines = engines
        self._profiles: dict[Machine, ev.MachineProfile] = {}
        self._unmeasured: set[Machine] = set()
        self._measured: Machine | None = None  # what the order is about
        self._next: Machine | None = None  # what to measure when it has ended
        self._order = ""
        self._looks: dict[TrainJob, ev.QuickLook] = {}
        self._kept: set[TrainJob] = set()
        self.looking = Looking()
        self._touched = False
        engines.happened.connect(self._take)
        engines.events.connect(self._announce)

    # --- the machine

    def measure(self, job: TrainJob) -> None:
        """See to it that the forecast for a job can be made; what is known already is not asked for again."""
        machine = (job.variant, job.device)
        if machine in self._profiles or machine in self._unmeasured or self.looking.order:
            return
        if self._order:
            self._next = machine if machine != self._measured else None
            if self._next:
                self._engines.stop(self._order, "cancel")
            return
        self._measured = machine
        # Not the engine that trains: whoever presses Start meanwhile would have to wait until it has heard the stop.
        self._order = self._engines.ask("predict", TuneJob(variant=job.variant, device=job.device))
        self.changed.emit()

    def measuring(self, job: TrainJob) -> bool:
        """Whether the answer is still to come."""
        return (job.variant, job.device) not in self._profiles and (job.variant, job.device) not in self._unmeasured

    def rest(self) -> None:
        """The machine is wanted for something else."""
        self._next = None
        for order in (self._order, self.looking.order):
            if order:
                self._engines.stop(order, "cancel")

    def forecast(self, job: TrainJob, scan: ScanState) -> ev.ForecastFact | None:
        """What a training on the scanned folder takes; None where the machine is not known or nothing can be trained on."""
        profile = self._profiles.get((job.variant, job.device))
        if profile is None or not scan.usable:
            return None
        found = self._found(msgspec.structs.replace(job, data=scan.folder), scan.split)
        return forecast.forecast(job, scan.split, len(scan.classes), profile, found_share=found)

    def _found(self, job: TrainJob, split: dict[str, int]) -> float:
        """Share of the features that are there already, as far as can be told without looking into the cache."""
        if _features(job) in self._kept:
            return 1.0
        # A quick look has computed those of the last layer for the pictures to learn from.
        looked = job.head == "light" and job.trains_last_layer and job.variation == "none" and self.looked(job)
        return split.get("train", 0) / max(1, sum(split.values())) if looked else 0.0

    def remember(self, runs: Iterable[RunFolder]) -> None:
        """These runs left the features of their frozen parts behind, unless they were told not to."""
        left = [run.manifest for run in runs if run.manifest.epochs and run.manifest.job.features != "none"]
        self._kept |= {_features(manifest.job) for manifest in left}

    # --- the quick look

    def look(self, job: TrainJob) -> None:
        """Ask what one new layer on the frozen network reaches on the job's folder."""
        if self.looking.order:
            return
        if self._order:
            self._engines.stop(self._order, "cancel")
        self.looking = Looking(subject_of(job))
        self.looking.order = self._engines.ask("train", QuickLookJob(job=msgspec.structs.replace(job, run="")))
        self.changed.emit()

    def stop_looking(self) -> None:
        """End the quick look; what it has seen of the pictures is kept for the training."""
        if self.looking.order:
            self._engines.stop(self.looking.order, "cancel")

    def looked(self, job: TrainJob) -> ev.QuickLook | None:
        """What a quick look has found for such a training in this session."""
        return self._looks.get(subject_of(job))

    def forget(self, data: str) -> None:
        """The pictures of a folder are others now: what quick looks have found there no longer holds."""
        now = self.looking
        now.outdated = now.outdated or (now.subject is not None and now.subject.data == data)
        self._looks = {job: found for job, found in self._looks.items() if job.data != data}
        self.changed.emit()

    # --- what the engines say

    def learned(self, job: TrainJob, event: ev.Event) -> None:
        """A training of this session has said something: features that it kept need not be computed by the next one."""
        if isinstance(event, ev.FeaturesReady):
            (self._kept.add if event.kept else self._kept.discard)(_features(job))

    def _take(self, order: str, event: ev.Event) -> None:
        if not order:
            return
        if order == self._order:
            self._take_measured(event)
        elif order == self.looking.order:
            self._take_look(event)

    def _take_measured(self, event: ev.Event) -> None:
        machine = self._measured
        if machine is None:
            return
        if isinstance(event, ev.MachineTuned):
            self._profiles[machine] = event.profile
        elif isinstance(event, ev.JobEnded):
            if event.outcome == "failed":
                self._unmeasured.add(machine)
            self._order, self._measured = "", None
        self._touched = True

    def _take_look(self, event: ev.Event) -> None:
        now = self.looking
        match event:
            case ev.PhaseStarted():
                now.phase, now.done, now.total = event.phase, 0, event.total
            case ev.PhaseProgress():
                now.phase, now.done, now.total = event.phase, event.done, event.total
            case ev.QuickLook() if now.subject is not None and not now.outdated:
                self._looks[now.subject] = event
            case ev.JobEnded():
                now.order, now.phase, now.failure = "", None, event.failure
        self._touched = True

    def _announce(self) -> None:
        if self._next and not self._order:
            variant, device = self._next
            self._next = None
            self.measure(TrainJob(variant=variant, device=device))
        if self._touched:
            self._touched = False
            self.changed.emit()


def subject_of(job: TrainJob) -> TrainJob:
    """Everything that a quick look's answer depends on, and nothing else."""
    return TrainJob(
        data=job.data,
        variant=job.variant,
        blocks=job.blocks,
        weights=job.weights,
        parent=job.parent,
        image_size=job.image_size,
        resize=job.resize,
        seed=job.seed,
    )


def _features(job: TrainJob) -> TrainJob:
    """Everything that the features of the frozen part depend on."""
    return msgspec.structs.replace(
        subject_of(job),
        train_from=recipes.train_from(job),
        head=job.head,
        variation=job.variation,
        views=job.views,
        features=job.features,
        backend=job.backend,
        device=job.device,
    )
