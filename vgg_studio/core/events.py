"""Facts, in the past tense: every event that an engine sends, and the codec that makes each a line of JSON.

The same structs travel on the engine's pipe, stand in a run's `events.jsonl` and are what `--json` prints.
Numbers that are not finite are null (with `diverged` where that matters). Accuracies are fractions of 1, times Unix seconds.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Union

import msgspec

from vgg_studio.core.data_events import (
    DataFetched as DataFetched,
    Finding as Finding,
    FindingsMade as FindingsMade,
    PreviewMade as PreviewMade,
    Seen as Seen,
    SplitWritten as SplitWritten,
)
from vgg_studio.core.facts import (  # the groups of facts belong to the vocabulary of events: `events.Guess`
    BaseEvent as BaseEvent,
    Candidate as Candidate,
    ClassCount as ClassCount,
    ClassScore as ClassScore,
    DeviceFact as DeviceFact,
    EpochRow as EpochRow,
    Failure as Failure,
    ForecastFact as ForecastFact,
    ForecastRow as ForecastRow,
    Guess as Guess,
    LeftOut as LeftOut,
    MachineProfile as MachineProfile,
    PictureRef as PictureRef,
    Record as Record,
    Way as Way,
    WeightsReport as WeightsReport,
    WrongPicture as WrongPicture,
)
from vgg_studio.core.inspect_events import (
    FitFact as FitFact,
    LayerFact as LayerFact,
    NetworkInspected as NetworkInspected,
    TensorFact as TensorFact,
)
from vgg_studio.core.training_events import (
    BatchEnded as BatchEnded,
    BatchShrunk as BatchShrunk,
    Calibrated as Calibrated,
    CheckpointSaved as CheckpointSaved,
    EpochEnded as EpochEnded,
    Evaluation as Evaluation,
    FeaturesReady as FeaturesReady,
    Outcome as Outcome,
    RunEnded as RunEnded,
    RunResumed as RunResumed,
    RunStarted as RunStarted,
    WeightsLoaded as WeightsLoaded,
)

Phase = Literal[
    "listing",
    "reading",
    "loading_network",
    "downloading",
    "unpacking",
    "measuring",
    "comparing",
    "preparing",
    "extracting",
    "training",
    "validating",
    "testing",
    "saving",
]
Part = Literal["train", "val", "test"]


class EngineReady(BaseEvent, tag="engine_ready", frozen=True, kw_only=True):
    """An engine process has imported what its role needs. `device` is null in the pictures role."""

    role: str
    versions: dict[str, str] = {}
    device: DeviceFact | None = None


class PhaseStarted(BaseEvent, tag="phase_started", frozen=True, kw_only=True):
    """A named piece of work began; `total` 0 means that its length is not known."""

    phase: Phase
    total: int = 0


class PhaseProgress(BaseEvent, tag="phase_progress", frozen=True, kw_only=True):
    """How far the phase is: pictures, or bytes while downloading and unpacking."""

    phase: Phase
    done: int
    total: int = 0


class ClassesListed(BaseEvent, tag="classes_listed", frozen=True, kw_only=True):
    """The folder's layout and classes by name alone, before any picture was opened."""

    folder: str
    layout: str  # classes, train_val_test, train_test, train_val
    classes: list[ClassCount]
    ignored: int = 0  # system files and hidden folders
    suggestion: str = ""  # a folder above or below that fits better


class PicturesListed(BaseEvent, tag="pictures_listed", frozen=True, kw_only=True):
    """Some pictures of one class (at most 500 an event)."""

    class_name: str
    part: Part = "train"
    pictures: list[PictureRef]


class PictureLeftOut(BaseEvent, tag="picture_left_out", frozen=True, kw_only=True):
    """A file is not used; everything else goes on."""

    picture: PictureRef
    reason: str
    values: dict[str, str | int | float] = {}


class ClassLeftOut(BaseEvent, tag="class_left_out", frozen=True, kw_only=True):
    """A class has too few pictures that can be used (0 or 1) and is not learned."""

    name: str
    count: int


class FolderScanned(BaseEvent, tag="folder_scanned", frozen=True, kw_only=True):
    """The end of a scan: what can be used, and how the pictures will be split."""

    folder: str
    layout: str
    classes: list[ClassCount]  # pictures that can be used, by the parts they were found in
    split: dict[str, int]  # train, val, test: pictures in each part of the split to come
    left_out: list[LeftOut] = []  # the first 1,000
    left_out_count: int = 0
    ignored: int = 0


class ThumbnailMade(BaseEvent, tag="thumbnail_made", frozen=True, kw_only=True):
    """A small JPEG of a picture lies in the cache folder."""

    picture: PictureRef
    file: str


class ThumbnailFailed(BaseEvent, tag="thumbnail_failed", frozen=True, kw_only=True):
    """A picture that cannot be shown, and why."""

    picture: PictureRef
    reason: str


class QuickLook(BaseEvent, tag="quick_look", frozen=True, kw_only=True):
    """What a linear layer on the frozen network reaches: mean and standard deviation over the folds."""

    accuracy: float
    spread: float
    folds: int
    count: int
    accuracies: list[float] = []
    seconds: float = 0.0


class MachineTuned(BaseEvent, tag="machine_tuned", frozen=True, kw_only=True):
    """Which way of computing is the fastest here. `measured` is false where it was remembered."""

    profile: MachineProfile
    measured: bool = True


class ForecastMade(BaseEvent, tag="forecast_made", frozen=True, kw_only=True):
    """What a training would take on this machine; `rows` are the same with other networks and other stages."""

    variant: str
    train_from: str
    classes: int
    parts: dict[str, int]
    forecast: ForecastFact
    rows: list[ForecastRow] = []


class ModelOpened(BaseEvent, tag="model_opened", frozen=True, kw_only=True):
    """A prediction knows its network: classes it can name and the threshold below which it calls itself unsure."""

    model: str
    variant: str
    classes: list[str]
    threshold: float
    temperature: float = 1.0
    device: DeviceFact


class PicturePredicted(BaseEvent, tag="prediction", frozen=True, kw_only=True):
    """A picture was named: top answers, surest first, with calibrated probabilities."""

    path: str
    top: list[Guess]
    unsure: bool = False
    picture: PictureRef | None = None


class PredictionFailed(BaseEvent, tag="prediction_failed", frozen=True, kw_only=True):
    """A picture could not be named: `reason` in words, `code` a key of REASONS."""

    path: str
    reason: str
    code: str = ""
    picture: PictureRef | None = None


class Exported(BaseEvent, tag="exported", frozen=True, kw_only=True):
    """Files were written outside the run."""

    files: list[str]


class SamplesDrawn(BaseEvent, tag="samples_drawn", frozen=True, kw_only=True):
    """The sample pictures lie in this folder."""

    folder: str
    count: int


class JobEnded(BaseEvent, tag="job_ended", frozen=True, kw_only=True):
    """The one last event of every order but a training. If an engine dies, the reader makes it."""

    outcome: Literal["done", "stopped", "failed"]
    failure: Failure | None = None


Event = Union[  # noqa: UP007 - msgspec reads the union at run time; one line a member keeps the list readable
    EngineReady,
    PhaseStarted,
    PhaseProgress,
    ClassesListed,
    PicturesListed,
    PictureLeftOut,
    ClassLeftOut,
    FolderScanned,
    FindingsMade,
    PreviewMade,
    SplitWritten,
    DataFetched,
    NetworkInspected,
    ThumbnailMade,
    ThumbnailFailed,
    RunStarted,
    RunResumed,
    WeightsLoaded,
    FeaturesReady,
    BatchShrunk,
    QuickLook,
    MachineTuned,
    ForecastMade,
    BatchEnded,
    EpochEnded,
    CheckpointSaved,
    Evaluation,
    Calibrated,
    RunEnded,
    ModelOpened,
    PicturePredicted,
    PredictionFailed,
    Exported,
    SamplesDrawn,
    JobEnded,
]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def to_line(event: BaseEvent) -> bytes:
    """The event as one line of JSON, with its newline. NaN and infinities become null (msgspec's rule)."""
    return _encoder.encode(event) + b"\n"


def from_line(line: bytes) -> Event:
    """The event in a line; unknown fields are ignored. Raises msgspec.DecodeError for anything else."""
    event: Event = _decoder.decode(line)
    return event


def stamped(event: Event, job: str, seq: int) -> Event:
    """The event with the order it belongs to and its place in the stream, as the pipe carries it."""
    stamped_event: Event = msgspec.structs.replace(event, job=job, seq=seq)
    return stamped_event


def finite(value: float) -> float | None:
    """The value, or None where it is not a number that JSON knows."""
    return value if math.isfinite(value) else None


def plain(event: BaseEvent) -> dict[str, Any]:
    """The event as plain Python values, for tests and printing."""
    built: dict[str, Any] = msgspec.to_builtins(event)
    return built
