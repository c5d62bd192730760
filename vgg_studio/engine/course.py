"""A training under way: its pictures, its learner, where it stands, and what is written down at each point."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from vgg_studio.core import recipes
from vgg_studio.core.errors import TooFewPictures
from vgg_studio.core.events import (
    BatchEnded,
    BatchShrunk,
    CheckpointSaved,
    EpochRow,
    Event,
    LeftOut,
    Part,
    PictureLeftOut,
    PictureRef,
    finite,
)
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.run_folder import BEST, Manifest, RunFolder, epoch_event
from vgg_studio.core.split import Item, Split
from vgg_studio.engine import calibrate, checkpoint, draws, frozen, schedule
from vgg_studio.engine.batches import Batch, missing, plan
from vgg_studio.engine.data import PictureStore, Refusal, left_out
from vgg_studio.engine.ending import Diary, Steps
from vgg_studio.engine.feeding import Feeding
from vgg_studio.engine.learner import Figures, Learner
from vgg_studio.engine.meeting import Meeting
from vgg_studio.engine.scoring import Answerer, Answers
from vgg_studio.engine.several import here
from vgg_studio.engine.source import Source

_RATE_SECONDS = 3.0  # the reported speed is a mean over this long
MOST_LEFT_OUT = 1000  # pictures that the manifest names


@dataclass
class Course:
    """Everything that a training needs between two batches. `batch` batches of round `epoch` are done."""

    job: TrainJob
    run: RunFolder
    split: Split
    feeding: Feeding
    learner: Learner
    answerer: Answerer
    diary: Diary
    unusable: set[PictureRef] = field(default_factory=set)
    epoch: int = 1
    batch: int = 0
    seconds: float = 0.0  # of this round before this session
    numbers: list[npt.NDArray[np.intp]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._saved = time.monotonic()
        self._began = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque()
        self._base = recipes.learning_rate(self.job)
        self._meeting = Meeting()
        self._lost = 0  # pictures that could not be read any more in this round

    @property
    def manifest(self) -> Manifest:
        """The run's manifest as it stands on the disk."""
        return self.run.manifest

    @property
    def inputs(self) -> PictureStore | Source:
        """Where answers get their inputs from."""
        return self.feeding.inputs

    @property
    def train(self) -> list[Item]:
        """The part that is learned from."""
        return self.split.train

    def readable(self, part: Part) -> list[Item]:
        """A part, less what cannot be read."""
        return [item for item in self.split.part(part) if item.picture not in self.unusable]

    @property
    def pictures(self) -> int:
        """Pictures in this round."""
        return sum(len(some) for some in self.numbers) - self._lost

    def goes_on(self) -> bool:
        """Whether there is another round to learn: not after the last, nor without a better one for `patience` rounds."""
        return self.epoch <= self.job.epochs and not self.gave_up()

    def gave_up(self) -> bool:
        """Whether early stopping ends the run here."""
        since = max(self.manifest.best_epoch, self.manifest.extended_at)
        return bool(self.job.patience) and not self.batch and self.epoch - 1 - since >= self.job.patience

    def start_round(self) -> None:
        """Fix the round's order and start its clock; of a round that is continued, only what is left."""
        order = draws.order(self.job.seed, self.epoch, len(self.train))
        usable = ~missing(self.train, self.unusable)
        self.numbers = plan(order[usable[order]], self.job.batch_size)
        if self.feeding.at_once:
            self.numbers = [np.concatenate(self.numbers)]
        self._lost = 0
        if not self.batch:
            self.learner.start_round()
        self.start_clock()

    def start_clock(self) -> None:
        """Count the round's time, and measure its speed, from now on."""
        self._began = time.monotonic()
        self._marks.clear()

    def fill(self, stop: Stop, part: Part, with_round: bool = False) -> Steps[None]:
        """Have the frozen part computed for a part's answers, and for what is left of this round, where it is not known.

        Raises Asked.
        """
        source, feeding = self.feeding.source, self.feeding
        if source is None:
            return
        wanted = feeding.views_of_round(self.numbers[self.batch :], self.epoch) if with_round else []
        refused = yield from source.fill(wanted + feeding.views_of_answers(self.readable(part)), stop)
        yield from self.leave_out(refused)
        if refused and with_round:
            gone = missing(self.train, self.unusable)
            self.numbers = [some[~gone[some]] for some in self.numbers]
        if self.manifest.way != source.extractor.way:
            self.run.manifest = frozen.with_way(self.manifest, source.extractor)
        self.start_clock()

    def batches(self) -> Generator[Batch, None, None]:
        """What is left of the round, read ahead. Close it to end its threads."""
        return self.feeding.batches([here().numbers(some) for some in self.numbers[self.batch :]], self.epoch)

    def learn(self, batch: Batch, stop: Stop) -> list[Event]:
        """One step; tells if it had to be taken in smaller parts, and what could not be read."""
        part = self.learner.part
        number = (self.epoch - 1) * len(self.numbers) + self.batch
        whole, refused = self._meeting.hold(stop, batch, self._is_old())
        if (chunks := self.feeding.chunks(here().numbers(self.numbers[self.batch]))) is not None:
            self.learner.improve(chunks)
        else:
            rate = schedule.rate(self.job, self._base, self.epoch, self.batch, len(self.numbers))
            self.learner.step(batch, rate, draws.step_seed(self.job.seed, self.epoch, self.batch), number, whole)
        self.batch += 1
        self._lost += len(refused)
        told: list[Event] = [*self.leave_out(refused)]
        if self.learner.part != part:
            told.append(BatchShrunk(batch_size=self.job.batch_size, part=self.learner.part))
        return told

    def leave_out(self, refused: list[Refusal]) -> list[PictureLeftOut]:
        """Note pictures that could not be read any more, for the rest of the run and for its manifest."""
        events = [left_out(picture, refusal) for picture, refusal in refused]
        self.unusable.update(event.picture for event in events)
        facts = [LeftOut(picture=event.picture, reason=event.reason, values=event.values) for event in events]
        known = (self.manifest.left_out + facts)[:MOST_LEFT_OUT]
        self.run.manifest = msgspec.structs.replace(self.manifest, left_out=known)  # the next checkpoint writes it
        return events

    def batch_ended(self) -> BatchEnded:
        """How far the round is."""
        figures = self.learner.figures()
        self._marks.append((time.monotonic(), figures.pictures))
        while self._marks[-1][0] - self._marks[0][0] > _RATE_SECONDS and len(self._marks) > 2:
            self._marks.popleft()
        first, last = self._marks[0], self._marks[-1]
        return BatchEnded(
            epoch=self.epoch,
            batch=self.batch,
            batches=len(self.numbers),
            pictures=figures.pictures,
            pictures_total=self.pictures,
            loss=finite(figures.loss),
            accuracy=finite(figures.accuracy),
            images_per_second=(last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0,
        )

    def learning_seconds(self) -> float:
        """Seconds of this round so far."""
        return self.seconds + time.monotonic() - self._began  # the frozen part's own time is told apart

    def report_due(self) -> bool:
        """Whether it is time to tell how far the round is."""
        return self._meeting.report_due()

    def checkpoint_due(self) -> bool:
        """Whether the last checkpoint is older than the job allows."""
        return self._meeting.save_due(self._is_old())

    def _is_old(self) -> bool:
        return time.monotonic() - self._saved >= self.job.checkpoint_minutes * 60

    def take_best(self) -> None:
        """Give the network the weights of the run's best round. Raises RunDamaged."""
        if here().leads:
            checkpoint.load_weights(self.learner.network, checkpoint.best_state(self.run))
        here().spread(self.learner.network.state_dict().values())

    def save(self) -> CheckpointSaved:
        """A checkpoint within the round, after its batch. Raises StorageError; the old one then still counts."""
        state = checkpoint.State(epoch=self.epoch, batch=self.batch, seconds=self.learning_seconds())
        self._save(state, self.manifest, best=False)
        return CheckpointSaved(epoch=self.epoch, batch=self.batch)

    def row(self, figures: Figures, learned_in: float, answers: Answers | None) -> EpochRow:
        """The round's numbers: means over pictures, null where they are none. Raises TooFewPictures where none was left."""
        if not figures.pictures:
            raise TooFewPictures(path=self.job.data)
        checked = answers is not None and len(answers.items) > 0
        val_loss = answers.loss if answers is not None and checked else None
        sound = math.isfinite(figures.loss) and (val_loss is None or math.isfinite(val_loss))
        last = max(0, len(self.numbers) - 1)
        return EpochRow(
            epoch=self.epoch,
            train_loss=finite(figures.loss),
            train_accuracy=finite(figures.accuracy),
            val_loss=None if val_loss is None else finite(val_loss),
            val_accuracy=finite(answers.accuracy) if answers is not None and checked and sound else None,
            learning_rate=schedule.rate(self.job, self._base, self.epoch, last, len(self.numbers)),
            images_per_second=figures.pictures / learned_in if learned_in > 0 else 0.0,
            seconds=self.learning_seconds(),
            diverged=not sound,
        )

    def close_round(self, row: EpochRow, answers: Answers | None) -> list[Event]:
        """Write the round's checkpoint and manifest, then tell; a round that diverged is told and not kept."""
        manifest = self.manifest
        rows = [*manifest.epochs, row]
        if row.diverged:
            self.run.save(msgspec.structs.replace(manifest, epochs=rows))
            return [epoch_event(row, manifest.best_epoch)]
        best = is_better(row, self._best_row())
        changed = msgspec.structs.replace(manifest, epochs=rows, best_epoch=row.epoch if best else manifest.best_epoch)
        if best:  # what was scored before is no longer the best
            changed = msgspec.structs.replace(changed, evaluation=None, files=_without(changed.files, BEST))
            changed = msgspec.structs.replace(changed, **_calibrated(answers))
        self._save(checkpoint.State(epoch=self.epoch, batch=0), changed, best)
        told: list[Event] = [epoch_event(row, changed.best_epoch), CheckpointSaved(epoch=self.epoch)]
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0
        return told

    def gentler_rate(self) -> str:
        """A learning rate to try after this one went out of control."""
        return f"{self._base / 10:.1g}"

    def _best_row(self) -> EpochRow | None:
        return next((row for row in self.manifest.epochs if row.epoch == self.manifest.best_epoch), None)

    def _save(self, state: checkpoint.State, manifest: Manifest, best: bool) -> None:
        try:
            made, files = checkpoint.save(self.run, self.learner, state)
            changed = msgspec.structs.replace(
                manifest,
                last=made,
                best=made if best else manifest.best,
                files=manifest.files | files,
                elapsed=self.diary.elapsed(),
            )
            self.run.save(msgspec.structs.replace(changed, files=checkpoint.named_files(changed)))
        finally:  # after a failure it is the new files that nobody names
            checkpoint.prune(self.run)
        self._saved = time.monotonic()


def _calibrated(answers: Answers | None) -> dict[str, float]:
    """Temperature and threshold for the manifest."""
    if answers is None or not answers.items:
        return {"temperature": 1.0, "threshold": calibrate.UNCALIBRATED_THRESHOLD}
    temperature = calibrate.temperature(answers.scores, answers.labels)
    chances = calibrate.probabilities(answers.scores, temperature)
    return {"temperature": temperature, "threshold": calibrate.threshold(chances, answers.labels)}


def _without(files: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in files.items() if key != name}


def is_better(row: EpochRow, best: EpochRow | None) -> bool:
    """Whether a round beats the best so far: higher validation accuracy, then lower validation loss, then the earlier one.

    Without a validation part the lower training loss decides.
    """
    return best is None or _merit(row) > _merit(best)


def _merit(row: EpochRow) -> tuple[float, float]:
    if row.val_accuracy is None:
        return 0.0, -(math.inf if row.train_loss is None else row.train_loss)
    return row.val_accuracy, -(math.inf if row.val_loss is None else row.val_loss)
