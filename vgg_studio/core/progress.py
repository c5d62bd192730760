"""Folds events into what a person sees: round, curves, speed, time left, outcome. Live and afterwards, the same code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from vgg_studio.core import events as ev
from vgg_studio.core.run_folder import epoch_row

RATE_SECONDS = 30.0  # the speed shown is a mean over this long
CURVE_POINTS_A_ROUND = 200


class Point(NamedTuple):
    """The training curve at a moment: `x` in rounds, loss and accuracy as means over the round's pictures so far."""

    x: float
    loss: float | None
    accuracy: float | None


class _Mark(NamedTuple):
    time: float
    pictures: int  # since the run's start


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
    ended: ev.RunEnded | None = None
    ending: str = ""  # what the user asked for: pause, finish, discard
    seconds: float = 0.0  # of training, pauses left out
    _marks: deque[_Mark] = field(default_factory=deque)

    @property
    def outcome(self) -> str:
        """How the training ended, or nothing while it goes on."""
        return self.ended.outcome if self.ended else ""

    @property
    def batches_seen(self) -> bool:
        """Whether the first batch is done, so that numbers replace the named phases."""
        return bool(self.curve)

    @property
    def best(self) -> ev.EpochRow | None:
        """The best round so far."""
        return next((row for row in self.rows if row.epoch == self.best_epoch), None)

    @property
    def share_done(self) -> float:
        """Share of the whole run that is done, 0 to 1."""
        if not self.epochs:
            return 0.0
        within = self.pictures / self.pictures_total if self.pictures_total and self.epoch > len(self.rows) else 0.0
        return min(1.0, (len(self.rows) + within) / self.epochs)

    @property
    def images_per_second(self) -> float | None:
        """Pictures a second over the last RATE_SECONDS of training."""
        if len(self._marks) < 2:
            return self.rows[-1].images_per_second if self.rows else None
        first, last = self._marks[0], self._marks[-1]
        return (last.pictures - first.pictures) / (last.time - first.time) if last.time > first.time else None

    def round_seconds(self) -> float | None:
        """Mean seconds of a round, checking included."""
        timed = [row.seconds for row in self.rows if row.seconds > 0]
        return sum(timed) / len(timed) if timed else None

    def seconds_left(self) -> float | None:
        """Seconds until the last round ends, if it goes on as in the mean so far; None before there is a measure."""
        if self.ended or not self.epochs or not self.pictures_total:
            return None
        whole = self.round_seconds()
        if whole is None:
            rate = self.images_per_second
            whole = self.pictures_total / rate if rate else None
        return None if whole is None else max(0.0, (1.0 - self.share_done) * self.epochs * whole)

    def fold(self, event: ev.Event) -> None:
        """Take one event in; events that say nothing about a training are ignored."""
        match event:
            case ev.PhaseStarted(phase=phase, total=total):
                self.phase, self.phase_done, self.phase_total = phase, 0, total
            case ev.PhaseProgress(phase=phase, done=done, total=total):
                self.phase, self.phase_done, self.phase_total = phase, done, total
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
        self._marks.clear()

    def _batch_ended(self, event: ev.BatchEnded) -> None:
        self.phase = "training"
        self.epoch, self.pictures, self.pictures_total = event.epoch, event.pictures, event.pictures_total
        x = event.epoch - 1 + event.pictures / max(1, event.pictures_total)
        if not self.curve or x - self.curve[-1].x >= 1 / CURVE_POINTS_A_ROUND:
            self.curve.append(Point(x, event.loss, event.accuracy))
        self._marks.append(_Mark(event.time, (event.epoch - 1) * event.pictures_total + event.pictures))
        while self._marks[-1].time - self._marks[0].time > RATE_SECONDS:
            self._marks.popleft()

    def _epoch_ended(self, event: ev.EpochEnded) -> None:
        self.rows = [row for row in self.rows if row.epoch != event.epoch] + [epoch_row(event)]
        self.epoch, self.best_epoch = event.epoch, event.best_epoch or self.best_epoch
        self.seconds += event.seconds
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
