"""Orders, in the imperative: what an engine can be asked to do. Validated on the way in, so an engine never meets nonsense."""

from __future__ import annotations

from typing import Literal, Union

import msgspec

from vgg_studio.core import vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.events import PictureRef

StopHow = Literal["pause", "finish", "discard", "cancel"]

OPTIMIZERS = ("sgd", "adam", "adamw", "lbfgs")  # lbfgs: the last layer alone, all pictures at once
SCHEDULES = ("none", "step", "cosine")
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu", "all")  # all: every graphics card of this machine
RESIZES = ("square", "crop")  # straight to the square; shorter side, then centre crop
NORMALISATIONS = ("half", "data", "imagenet")  # from scratch only; with weights it is theirs
DEFAULT_EPOCHS, NOT_CHOSEN = 20, -1
VARIATIONS = ("none", "flip", "flip_crop")
FEATURES = ("auto", "none", "fp16", "bf16", "fp32")  # how precisely features of the frozen part are kept; none: not
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
BACKENDS = ("auto", "torch", "ncnn")


class Job(msgspec.Struct, frozen=True, kw_only=True, tag_field="order"):
    """What every order has in common: nothing but its tag."""


class ScanJob(Job, tag="scan", frozen=True, kw_only=True):
    """List a folder, open every picture once, tell what can be used."""

    data: str
    seed: int = 0


class ThumbnailJob(Job, tag="thumbnails", frozen=True, kw_only=True):
    """Make small JPEGs of pictures (longer side `side` px) in the cache folder. `data` is the folder paths are relative to."""

    pictures: list[PictureRef]
    data: str = ""
    side: int = 256


class DrawSamplesJob(Job, tag="draw_samples", frozen=True, kw_only=True):
    """Draw the built-in sample pictures into a folder (done once; a complete one is left as it is)."""

    folder: str
    count: int = 480
    seed: int = 7


class TrainJob(Job, tag="train", frozen=True, kw_only=True):
    """Train a network on a folder. `learning_rate` None is chosen from optimizer and weights (core.recipes).

    With `resume` the settings are those of the run: a setting left at its default here means "as the run has it". So that
    a resumed run can be given exactly DEFAULT_EPOCHS rounds, `epochs` then stays NOT_CHOSEN where none are given.
    """

    data: str = ""
    run: str = ""
    resume: bool = False
    variant: str = "vgg16_bn"
    weights: str = "none"  # none, official, official-features, or the path of a file
    train_from: str = ""  # a stage; "" is everything without weights and fc6 with them
    image_size: int = 224
    epochs: int = NOT_CHOSEN  # DEFAULT_EPOCHS, or with `resume` what the run has
    batch_size: int = 32
    optimizer: str = "sgd"
    learning_rate: float | None = None
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    step_epochs: int = 10
    step_factor: float = 0.5
    warmup: int = 0
    patience: int = 0  # 0: no early stopping
    dropout: float = 0.5
    seed: int = 0
    device: str = "auto"
    width_divisor: int = 1
    slim_linear: bool = False  # divide the linear layers too
    channels: int = 3
    resize: str = "square"
    normalisation: str = "half"
    variation: str = "flip"
    checkpoint_minutes: float = 10.0
    head: str = "classic"  # classic or light: see core.vgg
    parent: str = ""  # a run whose best network, parts and preprocessing this one starts from
    features: str = "auto"
    precision: str = "auto"  # what is computed in; auto is what this machine does fastest without harm
    backend: str = "auto"  # what computes the frozen part
    views: int = 8  # flip_crop over a frozen part: so many fixed views of each picture
    layer_decay: float = 1.0  # each block further from the head learns at this share of the rate of the one behind it
    label_smoothing: float = 0.0
    ema: float = 0.0  # decay of the moving average of the weights, a step; 0: none
    mirror: bool = False  # an answer is the mean over the picture and its mirror image

    def __post_init__(self) -> None:
        if self.epochs == NOT_CHOSEN and not self.resume:
            msgspec.structs.force_setattr(self, "epochs", DEFAULT_EPOCHS)
        _one_of("variant", self.variant, vgg.VARIANTS)
        _one_of("train-from", self.train_from, ("", *vgg.STAGES))
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("device", self.device, DEVICES)
        _one_of("resize", self.resize, RESIZES)
        _one_of("normalisation", self.normalisation, NORMALISATIONS)
        _one_of("variation", self.variation, VARIATIONS)
        _one_of("width-divisor", self.width_divisor, (1, 2, 4, 8, 16))
        _one_of("head", self.head, vgg.HEADS)
        _one_of("features", self.features, FEATURES)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("backend", self.backend, BACKENDS)
        _between("image-size", self.image_size, 32, 1024)
        if self.epochs != NOT_CHOSEN:
            _between("epochs", self.epochs, 1, 10_000)
        _between("batch-size", self.batch_size, 1, 4096)
        _between("channels", self.channels, 1, 4)
        _between("warmup", self.warmup, 0, 10_000)
        _between("patience", self.patience, 0, 10_000)
        _between("dropout", self.dropout, 0.0, 0.95)
        _between("momentum", self.momentum, 0.0, 0.9999)
        _between("weight-decay", self.weight_decay, 0.0, 10.0)
        _between("step-epochs", self.step_epochs, 1, 10_000)
        _between("step-factor", self.step_factor, 1e-6, 1.0)
        _between("seed", self.seed, -(2**63), 2**63 - 1)
        _between("checkpoint-minutes", self.checkpoint_minutes, 0.0, 1e6)
        _between("views", self.views, 1, 64)
        _between("layer-decay", self.layer_decay, 1e-6, 1.0)
        _between("label-smoothing", self.label_smoothing, 0.0, 0.9)
        _between("ema", self.ema, 0.0, 0.99999)
        if self.learning_rate is not None:
            _between("lr", self.learning_rate, 1e-12, 1e3)
        if self.weights != "none" and (self.width_divisor > 1 or self.slim_linear or self.channels != 3):
            raise UsageError(name="weights", value=self.weights, allowed="no_weights")
        if self.optimizer == "lbfgs" and not self.resume and not self.trains_last_layer:
            raise UsageError(name="optimizer", value=self.optimizer, allowed="last_layer_only")

    def shape(self, classes: int) -> vgg.Shape:
        """The network that the settings describe."""
        return vgg.Shape(
            self.variant,
            classes,
            self.channels,
            self.width_divisor,
            self.slim_linear and self.head == "classic",
            self.head,
        )

    @property
    def first_stage(self) -> str:
        """The stage that learns first: the one chosen, else everything from scratch and the classifier of given weights."""
        chosen = self.train_from or ("block1" if self.weights == "none" and not self.parent else "fc6")
        return vgg.first_stage(self.head, chosen)

    @property
    def trains_last_layer(self) -> bool:
        """Whether one linear layer is all that learns."""
        return self.first_stage == "fc8"


class EvaluateJob(Job, tag="evaluate", frozen=True, kw_only=True):
    """Score a run: on a part of its own pictures, or (with `data`) on all pictures of another folder."""

    run: str
    data: str = ""
    split: str = ""  # val or test; "" is test, else val
    device: str = "auto"
    batch_size: int = 0  # 0: chosen by the engine

    def __post_init__(self) -> None:
        _one_of("split", self.split, ("", "val", "test"))
        _one_of("device", self.device, DEVICES)


class QuickLookJob(Job, tag="quick_look", frozen=True, kw_only=True):
    """What a linear layer on the frozen network reaches on a folder, by cross-validation over its training part.

    `job` names data, variant, weights, picture size and seed; a training of the same pictures finds the features again.
    """

    job: TrainJob
    folds: int = 5

    def __post_init__(self) -> None:
        _between("folds", self.folds, 2, 20)


class TuneJob(Job, tag="tune", frozen=True, kw_only=True):
    """Measure which way of computing is the fastest on this machine, once; what is remembered is only told again."""

    variant: str = "vgg16"
    device: str = "auto"
    again: bool = False

    def __post_init__(self) -> None:
        _one_of("variant", self.variant, vgg.VARIANTS)
        _one_of("device", self.device, DEVICES)


class PredictJob(Job, tag="predict", frozen=True, kw_only=True):
    """Name pictures and folders of pictures. `model` is a run folder, a file of weights, or `official:<variant>`."""

    model: str
    pictures: list[PictureRef]
    top: int = 5
    device: str = "auto"
    threshold: float | None = None  # None: the model's own

    def __post_init__(self) -> None:
        _one_of("device", self.device, DEVICES)
        _between("top", self.top, 1, 1000)
        if self.threshold is not None:
            _between("threshold", self.threshold, 0.0, 1.0)


class ExportJob(Job, tag="export", frozen=True, kw_only=True):
    """Save a run's best network as a plain torchvision file with its two JSON files beside it."""

    run: str
    file: str


AnyJob = Union[  # noqa: UP007 - read by msgspec at run time
    ScanJob, ThumbnailJob, DrawSamplesJob, TrainJob, EvaluateJob, QuickLookJob, TuneJob, PredictJob, ExportJob
]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One line to an engine: start an order under an id, or ask the order with that id to stop."""

    id: str
    job: AnyJob | None = None
    stop: StopHow | None = None


class Stop:
    """How a running order is asked to end. The asker sets `how`; the generator looks at it between two steps."""

    def __init__(self) -> None:
        self.how: StopHow | None = None

    def ask(self, how: StopHow) -> None:
        """Ask; a stronger wish replaces a weaker one: whoever discards a run does not want it paused after all."""
        if self.how is None or STRENGTH[how] >= STRENGTH[self.how]:
            self.how = how


STRENGTH: dict[StopHow, int] = {"pause": 0, "cancel": 0, "finish": 1, "discard": 2}


_decoder = msgspec.json.Decoder(Request)


def to_line(request: Request) -> bytes:
    """The request as one line of JSON, with its newline."""
    return msgspec.json.encode(request) + b"\n"


def from_line(line: bytes) -> Request:
    """The request in a line. Raises msgspec.DecodeError or UsageError."""
    return _decoder.decode(line)


def _one_of(name: str, value: str | int, allowed: tuple[str | int, ...]) -> None:
    if value not in allowed:
        raise UsageError(name=name, value=str(value), allowed=", ".join(str(item) for item in allowed if item != ""))


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses what is not a number
        raise UsageError(name=name, value=str(value), allowed=f"{low}..{high}")
