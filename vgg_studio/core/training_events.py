"""Facts of one training, from its start to its end: `core.events` hands them on (`events.BatchEnded`) and has their codec."""

from __future__ import annotations

from typing import Literal

from vgg_studio.core.facts import (
    BaseEvent,
    ClassScore,
    DeviceFact,
    Failure,
    ForecastFact,
    Way,
    WeightsReport,
    WrongPicture,
)

Outcome = Literal["finished", "finished_early", "paused", "discarded", "failed"]


class RunStarted(BaseEvent, tag="run_started", frozen=True, kw_only=True):
    """Everything is known: the run's folder, its parts, network, device."""

    run: str
    data: str
    classes: list[str]
    parts: dict[str, int]
    variant: str
    weights: str
    train_from: str
    parameters: int
    trained_parameters: int
    epochs: int
    batch_size: int
    device: DeviceFact
    precision: str
    threads: int = 0
    versions: dict[str, str] = {}
    forecast: ForecastFact | None = None
    way: Way | None = None  # null where nothing is frozen
    processes: int = 1
    counts: list[int] = []  # pictures to learn from, of each class


class RunResumed(BaseEvent, tag="run_resumed", frozen=True, kw_only=True):
    """The run goes on behind `batch` batches of round `epoch`; what was reported of that round before no longer counts."""

    run: str
    epoch: int
    batch: int = 0
    epochs: int


class WeightsLoaded(BaseEvent, tag="weights_loaded", frozen=True, kw_only=True):
    """What was and what was not loaded from the weights."""

    report: WeightsReport


class FeaturesReady(BaseEvent, tag="features_ready", frozen=True, kw_only=True):
    """What the frozen part gives is there for all pictures of a round: `found` views were known, `computed` are new."""

    found: int
    computed: int
    seconds: float = 0.0
    kept: bool = True  # false: the disk takes no more, so a later run computes them anew
    way: Way
    precision: str = "fp16"


class BatchShrunk(BaseEvent, tag="batch_shrunk", frozen=True, kw_only=True):
    """Memory ran out: each step of `batch_size` pictures is now taken in parts of `part` pictures, with the same gradient.

    Batch normalisation that learns measures each part by itself, so there it differs a little.
    """

    batch_size: int
    part: int


class BatchEnded(BaseEvent, tag="batch_ended", frozen=True, kw_only=True):
    """Progress within a round: means over the round's pictures so far; the rate is of the last seconds."""

    epoch: int
    batch: int
    batches: int
    pictures: int
    pictures_total: int
    loss: float | None = None
    accuracy: float | None = None
    images_per_second: float = 0.0


class EpochEnded(BaseEvent, tag="epoch_ended", frozen=True, kw_only=True):
    """One round is over: means over pictures. `val_*` are null without a validation part."""

    epoch: int
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    images_per_second: float
    seconds: float = 0.0
    diverged: bool = False
    best_epoch: int = 0


class CheckpointSaved(BaseEvent, tag="checkpoint_saved", frozen=True, kw_only=True):
    """A stop from here on loses nothing up to this batch (0: the round's end)."""

    epoch: int
    batch: int = 0


class Evaluation(BaseEvent, tag="evaluation", frozen=True, kw_only=True):
    """The score on one part. Rows of `confusion` are the true classes. `interval` is Wilson's, 95 %.

    `leaked` pictures of it took part in the training too, the same or nearly the same: it learned from them, or they chose the
    best round.
    """

    split: str
    accuracy: float
    loss: float | None
    classes: list[str]
    confusion: list[list[int]]
    count: int
    correct: int
    interval: tuple[float, float]
    by_class: list[ClassScore] = []
    wrong: list[WrongPicture] = []  # surest first, at most 1,000
    run: str = ""
    leaked: int = 0
    leaked_correct: int = 0  # of those that leaked

    @property
    def unleaked_accuracy(self) -> float | None:
        """The share of right answers among the pictures that did not leak; None where all did."""
        rest = self.count - self.leaked
        return (self.correct - self.leaked_correct) / rest if rest else None


class Calibrated(BaseEvent, tag="calibrated", frozen=True, kw_only=True):
    """Temperature and threshold fitted on the validation part (see engine/calibrate.py)."""

    temperature: float
    threshold: float


class RunEnded(BaseEvent, tag="run_ended", frozen=True, kw_only=True):
    """The one last event of a training."""

    outcome: Outcome
    best_epoch: int | None = None
    val_accuracy: float | None = None
    run: str = ""
    epochs: int = 0  # rounds done
    seconds: float = 0.0
    failure: Failure | None = None
    forecast: ForecastFact | None = None  # what was said before; null where the run was stopped or went on after a stop
