"""Plain groups of facts, as they stand inside events and in a run's manifest, and what every event has in common."""

from __future__ import annotations

import base64
import time as clock

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A plain group of facts inside an event."""


class BaseEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Every event has a time; on the pipe also the order it belongs to and its place in the stream."""

    time: float = msgspec.field(default_factory=clock.time)
    job: str | msgspec.UnsetType = msgspec.UNSET
    seq: int | msgspec.UnsetType = msgspec.UNSET


class Failure(Record, frozen=True):
    """Why something failed: the code of an error (`core.errors`) and the values for its sentence."""

    code: str
    values: dict[str, str | int | float] = {}


class PictureRef(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One picture. `path` is text to show and, without `raw` and `row`, also the way to the file.

    From a scan it is relative to the data folder with `/` between parts; from a prediction it is the path as given.
    `raw` is base64 of the file system's own bytes where they are no Unicode text; `row` counts within a data set without files.
    """

    path: str = ""
    raw: str = ""
    row: int = -1


def picture_ref(name: bytes) -> PictureRef:
    r"""The reference to a file by the file system's own bytes; those that are no text are shown as `\xff`."""
    try:
        return PictureRef(path=name.decode("utf-8"))
    except UnicodeDecodeError:
        return PictureRef(path=name.decode("utf-8", "backslashreplace"), raw=base64.b64encode(name).decode("ascii"))


class ClassCount(Record, frozen=True):
    """A class and how many pictures of it each part holds (`train` counts all where the folder gives no parts)."""

    name: str
    train: int = 0
    val: int = 0
    test: int = 0


class LeftOut(Record, frozen=True):
    """A file that is not used, and why (a key of `core.errors.REASONS`)."""

    picture: PictureRef
    reason: str
    values: dict[str, str | int | float] = {}


class DeviceFact(Record, frozen=True):
    """What the engine computes on. `reason` tells why a graphics card that is there is not used (see engine/device.py).

    `bf16` tells whether the device computes bf16 in hardware; a processor that does need not be faster with it.
    """

    kind: str = "cpu"  # cpu, cuda, mps, xpu
    name: str = ""
    cores: int = 0
    memory_bytes: int = 0
    bf16: bool = False
    cards: int = 0  # graphics cards that a training can use together; 0 and 1: there is no such choice
    reason: str = ""  # "", no_gpu, torch_without_cuda, driver_too_old, asked
    command: str = ""  # what mends the reason, ready to be copied


class WeightsReport(Record, frozen=True):
    """What a file of weights gave the network."""

    source: str  # none, official, official-features, file, run
    name: str = ""
    sha256: str = ""
    loaded: list[str] = []
    missing: list[str] = []  # in the network, not in the file: stays random
    unused: list[str] = []  # in the file, not in the network
    advice: str = ""  # "", or fc6_is_the_right_stage


class ClassScore(Record, frozen=True):
    """One class of an evaluation: `found` is recall, `reliable` is precision (null where nothing was named so)."""

    name: str
    count: int
    correct: int
    found: float | None = None
    reliable: float | None = None


class WrongPicture(Record, frozen=True):
    """A picture that was named wrong: true class, named class, the probability it was named with."""

    picture: PictureRef
    true: str
    named: str
    probability: float


class Guess(Record, frozen=True):
    """One of the top answers for a picture."""

    label: str
    probability: float


class Way(Record, frozen=True, kw_only=True):
    """How the frozen part is computed: the same way gives the same features to the bit."""

    backend: str = "torch"  # torch, ncnn
    precision: str = "fp32"
    layout: str = "channels_last"  # or contiguous
    convolution: str = "direct"  # or winograd, of torch; ncnn's are of its own choice
    batch: int = 16  # pictures, always filled up to this number
    workers: int = 1  # networks side by side, which share the threads
    smallest: int = 0  # pictures that may be computed alone with the same bits as among `batch` (0: `batch` itself)


class Candidate(Record, frozen=True, kw_only=True):
    """One way that was measured, in multiply-accumulates a second."""

    way: Way
    macs_per_second: float
    error: float = 0.0  # relative, against fp32 of torch


class MachineProfile(Record, frozen=True, kw_only=True):
    """What this machine does, measured once: the ways to compute, fastest first, and what a forecast needs.

    Rates are multiply-accumulates (MACs) or bytes a second; `train_macs` counts forward and backward passes.
    """

    machine: str  # processor or card, cores, versions: another one is measured anew
    variant: str
    extract: list[Candidate] = []
    train_precision: str = "fp32"
    train_macs: dict[str, float] = {}  # by precision
    linear_bytes: float = 0.0  # weights of linear layers through one learning step
    decode_pixels: float = 0.0  # of JPEG, all threads together
    measured_seconds: float = 0.0


class ForecastFact(Record, frozen=True, kw_only=True):
    """What a training will take on this machine: a range of seconds, and bytes of memory and disk."""

    seconds_low: float
    seconds_high: float
    memory_bytes: int = 0
    disk_bytes: int = 0
    extract_seconds: float = 0.0  # once, for the frozen part; the rest is learning
    found_share: float = 0.0  # of the features that are there already


class ForecastRow(Record, frozen=True, kw_only=True):
    """What training one network from one stage would take."""

    variant: str
    train_from: str
    trained_parameters: int
    forecast: ForecastFact


class EpochRow(Record, frozen=True):
    """One round as a run's manifest keeps it: the same numbers as its `epoch_ended` event."""

    epoch: int
    train_loss: float | None = None
    train_accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    learning_rate: float = 0.0
    images_per_second: float = 0.0
    seconds: float = 0.0
    diverged: bool = False
