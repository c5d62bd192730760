"""Plain groups of facts, as they stand inside events and in a run's manifest."""

from __future__ import annotations

import base64

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A plain group of facts inside an event."""


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
    """What the engine computes on. `reason` tells why a graphics card that is there is not used (see engine/device.py)."""

    kind: str = "cpu"  # cpu, cuda, mps, xpu
    name: str = ""
    cores: int = 0
    memory_bytes: int = 0
    reason: str = ""  # "", no_gpu, torch_without_cuda, driver_too_old, asked
    command: str = ""  # what mends the reason, ready to be copied


class WeightsReport(Record, frozen=True):
    """What a file of weights gave the network."""

    source: str  # none, official, official-features, file
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
