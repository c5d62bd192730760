"""The network that a training starts from: built for the classes, given weights, told what of them it took."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vgg_studio import paths
from vgg_studio.core import recipes
from vgg_studio.core.events import Event, PhaseStarted, WeightsLoaded, WeightsReport
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.preprocessing import IMAGENET_MEAN, IMAGENET_STD, from_json
from vgg_studio.core.run_folder import PREPROCESSING
from vgg_studio.engine import lineage
from vgg_studio.engine.ending import Steps, check
from vgg_studio.engine.network import VGG, build

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of each channel


def named_weights(weights: str) -> str:
    """What a job says of its weights so that it means the same from everywhere: a file by its whole path."""
    return weights if weights in ("none", "official", "official-features") else os.path.abspath(weights)


def empty(job: TrainJob, classes: int) -> VGG:
    """The job's network with fresh weights."""
    return build(job.shape(classes), job.dropout, job.seed, job.initial)


def network(job: TrainJob, classes: int, stop: Stop) -> Steps[tuple[VGG, WeightsReport, Normalisation | None]]:
    """The network with the job's weights, what was loaded, and the weights' own normalisation (None from scratch).

    Raises WeightsError, UsageError, Asked.
    """
    yield PhaseStarted(phase="loading_network")
    built = empty(job, classes)
    if job.parent:
        report, norm = lineage.weights_into(built, job)
        yield WeightsLoaded(report=report)
        return built, report, norm
    if job.weights == "none":
        return built, WeightsReport(source="none"), None
    report, norm = yield from _with_weights(built, job, stop)
    yield WeightsLoaded(report=report)
    return built, report, norm


def _with_weights(built: VGG, job: TrainJob, stop: Stop) -> Steps[tuple[WeightsReport, Normalisation]]:
    from vgg_studio.engine import weights

    source, file, norm = "file", Path(job.weights), None
    if job.weights in ("official", "official-features"):
        source = job.weights
        file, norm = yield from official_file(job.variant, job.weights, stop)
    tensors = weights.read_file(file)
    report = weights.load(
        built, tensors, built.shape, source, str(file), weights.sha256_of(file), recipes.train_from(job)
    )
    return report, norm or _beside(file)


def official_file(variant: str, kind: str, stop: Stop) -> Steps[tuple[Path, Normalisation]]:
    """The file of official weights, fetched if it is not there yet, and its normalisation."""
    from vgg_studio.engine.download import fetch, place
    from vgg_studio.engine.official import official

    entry = official(variant, kind)
    fetching: Iterator[Event] = fetch(entry, paths.weights_folder(), stop)
    yield from fetching
    check(stop)
    return place(entry, paths.weights_folder()), (entry.mean, entry.std)


def _beside(file: Path) -> Normalisation:
    """The normalisation that a file of weights was made with: told beside it, else ImageNet's."""
    import msgspec

    try:
        prep = from_json((file.parent / PREPROCESSING).read_bytes())
    except (OSError, msgspec.DecodeError):
        return IMAGENET_MEAN, IMAGENET_STD
    return prep.mean, prep.std
