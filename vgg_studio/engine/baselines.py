"""What quick looks have found on this machine, so that a later run of the same kind stands beside the figure it has to beat."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from vgg_studio import paths
from vgg_studio.core import vgg
from vgg_studio.core.errors import StudioError
from vgg_studio.core.jobs import HELD_BACK, TrainJob
from vgg_studio.core.writing import write_json
from vgg_studio.engine.initial import named_weights
from vgg_studio.pictures.corrected import state

MOST = 200  # entries: the oldest make room


class Baseline(msgspec.Struct, frozen=True):
    """One quick look: what it depends on, and the share of right answers that it found."""

    data: str
    seed: int
    variant: str
    weights: str
    image_size: int
    resize: str
    accuracy: float
    corrections: str = ""  # a digest of what was put right by hand
    val_percent: int = HELD_BACK
    test_percent: int = HELD_BACK


def put_right(job: TrainJob) -> str:
    """What tells the corrections that a quick look heeds from later ones."""
    return state(os.path.abspath(job.data)) if job.corrections else ""


def remember(job: TrainJob, accuracy: float, heeded: str | None = None) -> None:
    """Keep the accuracy of a quick look with this job's pictures and network; where nothing can be written, nothing is kept.

    `heeded` is what `put_right` told when the look began; None: what it tells now. Two processes at the same moment: one of
    the two entries may be lost, never the file.
    """
    new = _of(job, accuracy, heeded)
    with contextlib.suppress(StudioError):
        others = [one for one in _read() if not _same(one, new)]
        write_json(_file(), [*others, new][-MOST:])


def known(job: TrainJob) -> float | None:
    """The accuracy that the last quick look with this job's pictures and network found; None where there was none."""
    wanted = _of(job, 0.0)
    return next((one.accuracy for one in _read() if _same(one, wanted)), None)


def _of(job: TrainJob, accuracy: float, heeded: str | None = None) -> Baseline:
    data, weights = os.path.abspath(job.data), named_weights(job.weights)
    heeded = put_right(job) if heeded is None else heeded
    variant, shares = vgg.own(job.variant, job.blocks), (job.val_percent, job.test_percent)
    return Baseline(data, job.seed, variant, weights, job.image_size, job.resize, accuracy, heeded, *shares)


def _same(one: Baseline, other: Baseline) -> bool:
    return msgspec.structs.replace(one, accuracy=other.accuracy) == other


def _file() -> Path:
    return paths.cache_folder() / "quick-looks.json"


def _read() -> list[Baseline]:
    """What is remembered; nothing where the file is missing or damaged."""
    try:
        return msgspec.json.decode(_file().read_bytes(), type=list[Baseline])
    except (OSError, StudioError, ValueError, msgspec.DecodeError):
        return []
