"""Orders, in the imperative: what an engine can be asked to do. Validated on the way in, so an engine never meets nonsense."""

from __future__ import annotations

from typing import Literal, Union

import msgspec

from vgg_studio.core import network_rules, vgg
from vgg_studio.core.data_jobs import (
    CROPPING as CROPPING,
    HELD_BACK as HELD_BACK,
    RESIZES as RESIZES,
    VARIATIONS as VARIATIONS,
    DrawSamplesJob as DrawSamplesJob,
    FetchDataJob as FetchDataJob,
    PreviewJob as PreviewJob,
    ScanJob as ScanJob,
    ThumbnailJob as ThumbnailJob,
    WriteSplitJob as WriteSplitJob,
    held_back as held_back,
)
from vgg_studio.core.errors import UsageError
from vgg_studio.core.facts import PictureRef
from vgg_studio.core.job_rules import Job as Job, between, one_of

StopHow = Literal["pause", "finish", "discard", "cancel"]

OPTIMIZERS = ("sgd", "adam", "adamw", "lbfgs")  # lbfgs: the last layer alone, all pictures at once
SCHEDULES = ("none", "step", "cosine")
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu", "all")  # all: every graphics card of this machine
NORMALISATIONS = ("half", "data", "imagenet")  # from scratch only; with weights it is theirs
DEFAULT_EPOCHS, NOT_CHOSEN = 20, -1
FEATURES = ("auto", "none", "fp16", "bf16", "fp32")  # how precisely features of the frozen part are kept; none: not
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
BACKENDS = ("auto", "torch", "ncnn")
PLOT_KINDS = ("png", "jpg")
INITIALS = ("auto", "xavier", "kaiming", "paper")  # how fresh weights are drawn


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
    views: int = 8  # crops over a frozen part: so many fixed views of each picture
    layer_decay: float = 1.0  # each block further from the head learns at this share of the rate of the one behind it
    label_smoothing: float = 0.0
    ema: float = 0.0  # decay of the moving average of the weights, a step; 0: none
    mirror: bool = False  # an answer is the mean over the picture and its mirror image
    class_weights: bool = False  # each class counts the same in the loss, however many pictures it has
    blocks: str = ""  # own blocks instead of the variant's: "1x64,1x128,2x256" are convolutions x channels
    initial: str = "auto"
    recipe: str = ""  # the recipe that the settings began with: told, not obeyed
    val_percent: int = HELD_BACK  # of each class, where the folder gives no such part
    test_percent: int = HELD_BACK
    corrections: bool = True  # heed what was left out or put into another class by hand

    def __post_init__(self) -> None:
        if self.epochs == NOT_CHOSEN and not self.resume:
            msgspec.structs.force_setattr(self, "epochs", DEFAULT_EPOCHS)
        kept = network_rules.network(self.variant, self.blocks, self.width_divisor, self.image_size)
        for name, value in zip(("variant", "blocks"), kept, strict=True):
            msgspec.structs.force_setattr(self, name, value)
        network_rules.start(self.variant, self.blocks, self.weights)
        one_of("train-from", self.train_from, ("", *vgg.stages(self.shape(2))))
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("device", self.device, DEVICES)
        one_of("resize", self.resize, RESIZES)
        one_of("normalisation", self.normalisation, NORMALISATIONS)
        one_of("variation", self.variation, VARIATIONS)
        one_of("width-divisor", self.width_divisor, (1, 2, 4, 8, 16))
        one_of("head", self.head, vgg.HEADS)
        one_of("features", self.features, FEATURES)
        one_of("precision", self.precision, PRECISIONS)
        one_of("backend", self.backend, BACKENDS)
        one_of("initial", self.initial, INITIALS)
        held_back(self.val_percent, self.test_percent)
        between("image-size", self.image_size, 32, 1024)
        if self.epochs != NOT_CHOSEN:
            between("epochs", self.epochs, 1, 10_000)
        between("batch-size", self.batch_size, 1, 4096)
        between("channels", self.channels, 1, 4)
        between("warmup", self.warmup, 0, 10_000)
        between("patience", self.patience, 0, 10_000)
        between("dropout", self.dropout, 0.0, 0.95)
        between("momentum", self.momentum, 0.0, 0.9999)
        between("weight-decay", self.weight_decay, 0.0, 10.0)
        between("step-epochs", self.step_epochs, 1, 10_000)
        between("step-factor", self.step_factor, 1e-6, 1.0)
        between("seed", self.seed, -(2**63), 2**63 - 1)
        between("checkpoint-minutes", self.checkpoint_minutes, 0.0, 1e6)
        between("views", self.views, 1, 64)
        between("layer-decay", self.layer_decay, 1e-6, 1.0)
        between("label-smoothing", self.label_smoothing, 0.0, 0.9)
        between("ema", self.ema, 0.0, 0.99999)
        if self.learning_rate is not None:
            between("lr", self.learning_rate, 1e-12, 1e3)
        if self.weights != "none" and (self.width_divisor > 1 or self.slim_linear or self.channels != 3):
            raise UsageError(name="weights", value=self.weights, allowed="no_weights")
        if self.optimizer == "lbfgs" and not self.resume and not self.trains_last_layer:
            raise UsageError(name="optimizer", value=self.optimizer, allowed="last_layer_only")

    def shape(self, classes: int) -> vgg.Shape:
        """The network that the settings describe."""
        return vgg.Shape(
            vgg.own(self.variant, self.blocks),
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
    corrections: bool = True  # with `data`: heed what was put right there by hand

    def __post_init__(self) -> None:
        one_of("split", self.split, ("", "val", "test"))
        one_of("device", self.device, DEVICES)


class QuickLookJob(Job, tag="quick_look", frozen=True, kw_only=True):
    """What a linear layer on the frozen network reaches on a folder, by cross-validation over its training part.

    `job` names data, variant, weights, picture size and seed; a training of the same pictures finds the features again.
    """

    job: TrainJob
    folds: int = 5

    def __post_init__(self) -> None:
        between("folds", self.folds, 2, 20)


class TuneJob(Job, tag="tune", frozen=True, kw_only=True):
    """Measure which way of computing is the fastest on this machine, once; what is remembered is only told again."""

    variant: str = "vgg16"
    device: str = "auto"
    again: bool = False

    def __post_init__(self) -> None:
        one_of("variant", self.variant, vgg.VARIANTS)
        one_of("device", self.device, DEVICES)


class PredictJob(Job, tag="predict", frozen=True, kw_only=True):
    """Name pictures and folders of pictures. `model` is a run folder, a file of weights, or `official:<variant>`."""

    model: str
    pictures: list[PictureRef]
    top: int = 5
    device: str = "auto"
    threshold: float | None = None  # None: the model's own

    def __post_init__(self) -> None:
        one_of("device", self.device, DEVICES)
        between("top", self.top, 1, 1000)
        if self.threshold is not None:
            between("threshold", self.threshold, 0.0, 1.0)


class InspectJob(Job, tag="inspect", frozen=True, kw_only=True):
    """Look inside a network: a variant's name, a file of weights or a run folder. `save` writes a slice of it to a file.

    `first` and `last` are torchvision keys such as features.0 and features.9; "" is the beginning and the end.
    """

    source: str
    image_size: int = 0  # 0: the run's own, else 224
    channels: int = 3
    classes: int = 1000
    width_divisor: int = 1
    slim_linear: bool = False
    blocks: str = ""
    head: str = "classic"
    save: str = ""
    first: str = ""
    last: str = ""

    def __post_init__(self) -> None:
        if self.image_size:
            between("image-size", self.image_size, 32, 1024)
        between("channels", self.channels, 1, 4)
        between("classes", self.classes, 1, 100_000)
        one_of("width-divisor", self.width_divisor, (1, 2, 4, 8, 16))
        one_of("head", self.head, vgg.HEADS)
        if (self.first or self.last) and not self.save:
            raise UsageError(name="from" if self.first else "to", value=self.first or self.last, allowed="with_save")
        if self.blocks:
            side = self.image_size or 224
            variant, blocks = network_rules.network(self.source, self.blocks, self.width_divisor, side)
            msgspec.structs.force_setattr(self, "source", variant)
            msgspec.structs.force_setattr(self, "blocks", blocks)


class SaveCodeJob(Job, tag="save_code", frozen=True, kw_only=True):
    """Write the run (or, without one, the order) as a short torch script, with the initial weights it starts from beside it."""

    run: str
    file: str


class SavePlotsJob(Job, tag="save_plots", frozen=True, kw_only=True):
    """Write a run's curves as loss and acc pictures, and a grid of its test pictures with true and predicted names."""

    run: str
    folder: str
    columns: int = 5
    rows: int = 4
    kind: str = "png"

    def __post_init__(self) -> None:
        between("columns", self.columns, 1, 20)
        between("rows", self.rows, 1, 100)
        one_of("kind", self.kind, PLOT_KINDS)


class ExportJob(Job, tag="export", frozen=True, kw_only=True):
    """Save a run's best network as a plain torchvision file with its two JSON files beside it."""

    run: str
    file: str


AnyJob = Union[  # noqa: UP007 - read by msgspec at run time
    ScanJob,
    ThumbnailJob,
    DrawSamplesJob,
    PreviewJob,
    WriteSplitJob,
    FetchDataJob,
    TrainJob,
    EvaluateJob,
    QuickLookJob,
    TuneJob,
    PredictJob,
    InspectJob,
    SaveCodeJob,
    SavePlotsJob,
    ExportJob,
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
