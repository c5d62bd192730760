"""Folds events into what a person sees: round, curves, speed, time left, outcome. Live and afterwards, the same code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from vgg_studio.core import events as ev
from vgg_studio.core.extracting import Extracting, Mark, mark, speed
from vgg_studio.core.forecast import middle
from vgg_studio.core.run_folder import epoch_row

CURVE_POINTS_A_ROUND = 200


class Point(NamedTuple):
    """The training curve at a moment: `x` in rounds, loss and accuracy as means over the round's pictures so far."""

    x: float
    loss: float | None
    accuracy: float | None


@dataclass
class Progress:
    """The state of one training as its events tell it. Times are Unix seconds of the events, never of the reader."""

    run: str = ""
    started: ev.RunStarted | None = None
    weights: ev.WeightsReport | None = None
    phase: ev.Phase | None = None
    phase_done: int = 0
    phase_total: int = 0
    epoch: int = 0
    epochs: int = 0
    pictures: int = 0
    pictures_total: int = 0
    rows: list[ev.EpochRow] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)
    best_epoch: int = 0
    left_out: list[ev.PictureLeftOut] = field(default_factory=list)
    classes_left_out: list[ev.ClassLeftOut] = field(default_factory=list)
    evaluation: ev.Evaluation | None = None
    checkpoint: ev.CheckpointSaved | None = None
    shrunk: ev.BatchShrunk | None = None
    quick_look: ev.QuickLook | None = None
    ended: ev.RunEnded | None = None
    ending: str = ""  # what the user asked for: pause, finish, discard
    extracting: Extracting = field(default_factory=Extracting)
    _marks: deque[Mark] = field(default_factory=deque)  # pictures since the run's start
    _learned: dict[int, float] = field(default_factory=dict)  # seconds of whole rounds, without the frozen part
    _rounds_took: float = 0.0  # seconds of all rounds, their frozen part included
    _broken: bool = False  # part of this round was learned in another session

    @property
    def outcome(self) -> str:
        """How the training ended, or nothing while it goes on."""
        return self.ended.outcome if self.ended else ""

    @property
    def seconds(self) -> float:
        """How long the training took, pauses left out: as its end tells it, before that the sum of its rounds."""
        return (self.ended.seconds if self.ended else 0.0) or self._rounds_took

    @property
    def batches_seen(self) -> bool:
        """Whether the first batch is done, so that numbers replace the named phases."""
        return bool(self.curve)

    @property
    def best(self) -> ev.EpochRow | None:
        """The best round so far."""
        return next((row for row in self.rows if row.epoch == self.best_epoch), None)

    @property
    def forecast(self) -> ev.ForecastFact | None:
        """What the training was said to take."""
        return self.started.forecast if self.started else None

    @property
    def rounds_done(self) -> float:
        """Rounds that are done, the one under way by the share of its pictures."""
        within = self.pictures / self.pictures_total if self.pictures_total and self.epoch > len(self.rows) else 0.0
        return min(float(self.epochs), len(self.rows) + within)

    @property
    def share_done(self) -> float:
        """Share of the whole run that is done, 0 to 1: of its rounds, or of its time where a frozen part comes before them."""
        if not self.epochs:
            return 0.0
        within = self.extracting.now() if self.phase == "extracting" else 0.0
        spent = self.extracting.seconds + within
        left = self.seconds_left() if spent else None
        if left is None:
            return self.rounds_done / self.epochs
        spent += self.rounds_done * (self._learning_seconds() or 0.0)
        return spent / (spent + left) if spent + left else 0.0

    @property
    def features(self) -> ev.FeaturesReady | None:
        """What earlier runs had left of the frozen part's features, and what was computed before the first batch."""
        return self.extracting.features

    @property
    def images_per_second(self) -> float | None:
        """Pictures a second over the last RATE_SECONDS of training, or of extracting while that goes on."""
        if self.phase == "extracting":
            return speed(self.extracting.marks)
        if len(self._marks) < 2:
            return self.rows[-1].images_per_second if self.rows else None
        return speed(self._marks)

    def round_seconds(self) -> float | None:
        """Mean seconds of a round, checking included; computing features of the frozen part is not."""
        timed = [seconds for seconds in self._learned.values() if seconds > 0]
        return sum(timed) / len(timed) if timed else None

    def seconds_left(self) -> float | None:
        """Seconds until the last round ends, if it goes on as in the mean so far; None before there is a measure."""
        if self.ended or not self.epochs:
            return None
        whole = self._learning_seconds()
        extracting = self._extracting_left()
        if whole is None or extracting is None:
            return None
        return max(0.0, (self.epochs - self.rounds_done) * whole) + extracting

    def _learning_seconds(self) -> float | None:
        """Seconds of one round's learning and checking: as measured, else at the speed so far, else as forecast."""
        whole = self.round_seconds()
        if whole is None and self.pictures_total and self.phase != "extracting":
            rate = self.images_per_second
            whole = self.pictures_total / rate if rate else None
        if whole is None and self.forecast is not None and self._counts_features:
            whole = max(0.0, middle(self.forecast) - self.forecast.extract_seconds) / self.epochs
        return whole

    @property
    def _counts_features(self) -> bool:
        return self.phase == "extracting" or self.features is not None

    def _extracting_left(self) -> float | None:
        """Seconds of work for the frozen part that are still to come; None where its speed is not known yet."""
        said = self.forecast.extract_seconds if self.forecast else 0.0
        if self.phase == "extracting":
            return self.extracting.left(max(0, self.phase_total - self.phase_done), said)
        comes = self.features is not None and self.extracting.more
        return max(0.0, said - self.extracting.seconds) if comes else 0.0

    def fold(self, event: ev.Event) -> None:
        """Take one event in; events that say nothing about a training are ignored."""
        match event:
            case ev.PhaseStarted(phase=phase, total=total):
                self.phase, self.phase_done, self.phase_total = phase, 0, total
                self.extracting.phase_started(event)
            case ev.PhaseProgress(phase=phase, done=done, total=total):
                self.phase, self.phase_done, self.phase_total = phase, done, total
                mark(self.extracting.marks, event.time, done)
            case ev.RunStarted(run=run, epochs=epochs):
                self.started, self.run, self.epochs = event, run, epochs
            case ev.BatchEnded():
                self._batch_ended(event)
            case ev.EpochEnded():
                self._epoch_ended(event)
            case ev.RunResumed():
                self._run_resumed(event)
            case ev.RunEnded():
                self._run_ended(event)
            case _:
                self._noted(event)

    def _noted(self, event: ev.Event) -> None:
        match event:
            case ev.WeightsLoaded(report=report):
                self.weights = report
            case ev.Evaluation():
                self.evaluation = event
            case ev.CheckpointSaved():
                self.checkpoint = event
            case ev.FeaturesReady():
                self._features_ready(event)
            case ev.BatchShrunk():
                self.shrunk = event
            case ev.QuickLook():
                self.quick_look = event
            case ev.PictureLeftOut():
                self.left_out.append(event)
            case ev.ClassLeftOut():
                self.classes_left_out.append(event)

    def _run_resumed(self, event: ev.RunResumed) -> None:
        # What was told of rounds behind the checkpoint no longer counts: it will be told again.
        complete = event.epoch - 1 if event.batch else event.epoch
        self.run, self.epochs, self.ended, self.ending = event.run, event.epochs, None, ""
        self.rows = [row for row in self.rows if row.epoch <= complete]
        self.curve = [point for point in self.curve if point.x <= complete]
        self.epoch, self.pictures, self.phase, self.evaluation = complete, 0, None, None
        self.extracting.resumed()
        self._broken = event.batch > 0
        self._learned = {epoch: seconds for epoch, seconds in self._learned.items() if epoch <= complete}
        self._marks.clear()

    def _features_ready(self, event: ev.FeaturesReady) -> None:
        self.extracting.ready(event)
        if self.phase == "extracting":
            self.phase = "training"

    def _batch_ended(self, event: ev.BatchEnded) -> None:
        self.phase = "training"
        self.epoch, self.pictures, self.pictures_total = event.epoch, event.pictures, event.pictures_total
        x = event.epoch - 1 + event.pictures / max(1, event.pictures_total)
        if not self.curve or x - self.curve[-1].x >= 1 / CURVE_POINTS_A_ROUND:
            self.curve.append(Point(x, event.loss, event.accuracy))
        mark(self._marks, event.time, (event.epoch - 1) * event.pictures_total + event.pictures)

    def _epoch_ended(self, event: ev.EpochEnded) -> None:
        self.rows = [row for row in self.rows if row.epoch != event.epoch] + [epoch_row(event)]
        self.epoch, self.best_epoch = event.epoch, event.best_epoch or self.best_epoch
        learned, extracted = self.extracting.round_ended(event)
        if not self._broken:
            self._learned[event.epoch] = learned
        self._rounds_took += learned + extracted
        self._broken = False
        self._marks.clear()  # checking took time in which nothing was learned

    def _run_ended(self, event: ev.RunEnded) -> None:
        self.ended, self.ending, self.phase = event, "", None
        self.best_epoch = event.best_epoch or self.best_epoch
        self.run = event.run or self.run


def folded(events: Iterable[ev.Event]) -> Progress:
    """The progress after a whole stream, such as a run's log."""
    progress = Progress()
    for event in events:
        progress.fold(event)
    return progress
