"""What a run does with its frozen part: how it is computed, how precisely its features are kept, and where."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from vgg_studio import paths
from vgg_studio.core import recipes, vgg
from vgg_studio.core.errors import StorageError
from vgg_studio.core.events import MachineProfile, Way
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.run_folder import Manifest
from vgg_studio.core.split import Item
from vgg_studio.core.writing import standing
from vgg_studio.engine import tuning, ways
from vgg_studio.engine.data import PictureStore
from vgg_studio.engine.device import Device
from vgg_studio.engine.ending import Steps
from vgg_studio.engine.extract import Extractor
from vgg_studio.engine.feature_files import FeatureFiles, folders, make_room, size
from vgg_studio.engine.network import VGG
from vgg_studio.engine.scoring import Answerer
from vgg_studio.engine.source import Source
from vgg_studio.pictures import views
from vgg_studio.pictures.known import Known, in_cache

MEASURE_FROM = (
    6e12  # multiply-accumulates of a job (a minute of a laptop) from which it pays to measure the machine first
)
_LEARNING = 3  # passes of a learning step, in forward passes
MOST_BYTES, SHARE_OF_DISK = 20 << 30, 0.3  # for features of all runs together, of what is free or already theirs
_CAP = "VGG_STUDIO_CACHE_GB"


def measured(
    job: TrainJob, shape: vgg.Shape, pictures: int, device: Device, stop: Stop
) -> Steps[MachineProfile | None]:
    """What is known of this machine; measured first where the job is long enough and nothing is known. Raises Asked."""
    profile = tuning.remembered(job.variant, device)
    if profile is None and _work(job, shape, pictures) >= MEASURE_FROM and not ways.is_small(shape, job.image_size):
        profile = yield from tuning.measure(job.variant, device, stop)
    return profile


def precision(profile: MachineProfile | None, job: TrainJob, shape: vgg.Shape, device: Device) -> str:
    """What learning computes in. Linear layers alone gain nothing from less than fp32 on a processor. Raises UsageError."""
    linear_alone = device.torch.type == "cpu" and recipes.train_from(job).startswith("fc")
    exact = job.precision == "auto" and (linear_alone or ways.is_small(shape, job.image_size))
    return "fp32" if exact and device.torch.type == "cpu" else ways.train_precision(profile, device, job.precision)


def way(profile: MachineProfile | None, job: TrainJob, shape: vgg.Shape, device: Device) -> Way | None:
    """How the frozen part is computed; None where nothing is frozen. Raises UsageError, BackendMissing."""
    if recipes.train_from(job) == vgg.STAGES[0]:
        return None
    return ways.way_for(profile, device, job.backend, job.precision, shape, job.image_size)


def kept(job: TrainJob, chosen: Way | None) -> str:
    """How precisely features are kept: as asked, else in the half precision that loses least."""
    if job.features in ("fp32", "fp16", "bf16"):
        return job.features
    if job.features == "none" or chosen is None:
        return "fp32"
    return "bf16" if chosen.precision == "bf16" else "fp16"


def extractor_of(network: VGG, manifest: Manifest, prep: Preprocessing, device: Device) -> Extractor | None:
    """A run's frozen part, computed as the run does if this device can; None: it has none or is older than the cache."""
    if manifest.way is None:
        return None
    chosen = manifest.way
    if device.fact.kind != manifest.device.kind or not ways.can(device, chosen):  # the run may come from elsewhere
        profile = tuning.remembered(manifest.job.variant, device)
        chosen = ways.way_for(profile, device, "auto", "auto", network.shape, prep.image_size)
    return Extractor(network, recipes.train_from(manifest.job), prep, device, chosen, manifest.kept)


def source_of(store: PictureStore, extractor: Extractor, job: TrainJob, known: Known, pictures: int) -> Source:
    """The features of a run's pictures; on the disk unless that is turned off or cannot be written."""
    files = None
    if job.features != "none":
        folder = cache_root() / extractor.key()
        expected = pictures * len(views.every(job.variation, job.views)) * extractor.row_bytes
        cap = most_bytes(cache_root())
        make_room(cache_root(), max(0, cap - max(0, expected - size(folder))), keep=folder)
        try:
            files = FeatureFiles(folder, extractor.row_bytes, cap)
        except OSError:
            files = None
    return Source(store, extractor, known, files)


def left_by_runs(
    store: PictureStore, answerer: Answerer, manifest: Manifest, items: Sequence[Item], held: contextlib.ExitStack
) -> PictureStore | Source:
    """The features that earlier runs have left of items' pictures, and a way to compute the others; else the pictures."""
    extractor = answerer.extractor
    if extractor is None or manifest.job.features == "none" or not (cache_root() / extractor.key()).is_dir():
        return store
    source = source_of(store, extractor, manifest.job, held.enter_context(in_cache()), 0)
    held.callback(source.close)
    source.found_share([(item.picture, views.PLAIN) for item in items])  # by which pictures are recognised
    return source


def cache_root() -> Path:
    """Where features lie: one folder for everything that they depend on beside the picture."""
    try:
        return paths.cache_folder() / "features"
    except StorageError:
        return Path(os.devnull)  # nothing can be kept there


def most_bytes(root: Path) -> int:
    """The size that all features together may have: VGG_STUDIO_CACHE_GB, else by the room there is."""
    asked = os.environ.get(_CAP, "")
    if asked.replace(".", "", 1).isdigit():
        return int(float(asked) * 1e9)
    free = shutil.disk_usage(standing(root)).free
    taken = sum(size(folder) for folder in folders(root))
    return int(min(MOST_BYTES, SHARE_OF_DISK * (free + taken)))


def _work(job: TrainJob, shape: vgg.Shape, pictures: int) -> float:
    learning = vgg.trained_stages(recipes.train_from(job))
    layers = vgg.layers(shape, job.image_size)
    learned = sum(layer.macs for layer in layers if layer.stage in learning)
    return pictures * (vgg.macs(shape, job.image_size) + _LEARNING * job.epochs * learned)


def with_way(manifest: Manifest, extractor: Extractor) -> Manifest:
    """The manifest with what was found out about the way while computing, on the run's own kind of device."""
    if extractor.device.fact.kind != manifest.device.kind:
        return manifest
    return msgspec.structs.replace(manifest, way=extractor.way)
