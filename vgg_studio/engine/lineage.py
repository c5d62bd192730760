"""A run that goes on from another: the same pictures in the same parts, seen the same way, and the best network so far.

Only so is its test part still made of pictures that no network of the line has learned from.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from vgg_studio import paths
from vgg_studio.core import corrections, split
from vgg_studio.core.errors import FolderMissing, RunDamaged, TooFewPictures
from vgg_studio.core.events import LeftOut, WeightsReport
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing, from_json
from vgg_studio.core.run_folder import PREPROCESSING, SPLIT, RunFolder
from vgg_studio.core.split import PARTS, Split
from vgg_studio.engine import optimizers, weights
from vgg_studio.engine.card_store import store_of
from vgg_studio.engine.checkpoint import best_state
from vgg_studio.engine.data import PictureStore, read_all
from vgg_studio.engine.device import Device
from vgg_studio.engine.ending import Steps
from vgg_studio.engine.network import VGG
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.located import folder_of

# What a network is made of and how it sees pictures belongs to the whole line of runs.
_INHERITED = (
    "variant",
    "blocks",
    "weights",
    "width_divisor",
    "slim_linear",
    "channels",
    "image_size",
    "resize",
    "normalisation",
)


def pictures(
    job: TrainJob, chosen: Device, known: Known, stop: Stop
) -> Steps[tuple[TrainJob, PictureStore, Split, list[LeftOut]]]:
    """The job as a continuation of its parent, and the parent's pictures, less those that are gone. Raises StudioError."""
    parent = RunFolder.open(Path(job.parent))
    old = parent.manifest.job
    parts, prep = parts_and_preprocessing(parent)
    job = msgspec.structs.replace(
        job,
        data=os.path.abspath(folder_of(job.data or old.data)),
        parent=os.path.abspath(job.parent),
        **{name: getattr(old, name) for name in _INHERITED},
    )
    if not os.path.isdir(job.data):
        raise FolderMissing(path=job.data)
    everything = [item.picture for part in PARTS for item in parts.part(part)]
    if job.corrections:
        parts = corrections.apply_to_split(parts, corrections.load(job.data, paths.corrections_folder()))
    found = [item.picture for part in PARTS for item in parts.part(part)]
    prep = msgspec.structs.replace(prep, mirror=job.mirror)
    store = store_of(job, job.data, found, prep, chosen)
    with optimizers.warming():
        refused = yield from read_all(store, found, stop, known)
    usable = {part: [item for item in parts.part(part) if item.picture not in refused] for part in PARTS}
    left = msgspec.structs.replace(parts, **usable)
    if not left.train:
        raise TooFewPictures(path=job.data)
    gone = [LeftOut(picture=picture, reason=refusal.reason) for picture, refusal in refused.items()]
    kept = set(found)
    gone += [LeftOut(picture=picture, reason=corrections.BY_HAND) for picture in everything if picture not in kept]
    return job, store, left, gone


def parts_and_preprocessing(run: RunFolder) -> tuple[Split, Preprocessing]:
    """A run's own parts and preprocessing. Raises RunDamaged."""
    name = SPLIT
    try:
        parts = split.from_csv(run.file(SPLIT).read_bytes())
        name = PREPROCESSING
        return parts, from_json(run.file(PREPROCESSING).read_bytes())
    except (OSError, msgspec.DecodeError, RunDamaged) as error:
        raise RunDamaged(path=str(run.path), detail=name) from error


def weights_into(network: VGG, job: TrainJob) -> tuple[WeightsReport, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Give the network the best weights of the job's parent; what was loaded, and the parent's normalisation.

    A head of another kind stays fresh. Raises RunError, WeightsError.
    """
    parent = RunFolder.open(Path(job.parent))
    _, prep = parts_and_preprocessing(parent)
    best = parent.manifest.best
    sha = parent.manifest.files.get(best.weights, "") if best else ""
    report = weights.load(network, best_state(parent), network.shape, "run", str(parent.path), sha, job.train_from)
    return report, (prep.mean, prep.std)
