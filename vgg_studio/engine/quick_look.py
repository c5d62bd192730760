"""What a linear layer on the frozen network reaches, before anybody waits for more: the score that a long run has to beat."""

from __future__ import annotations

import contextlib
import time
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vgg_studio.core import recipes
from vgg_studio.core.errors import TooFewPictures
from vgg_studio.core.events import PhaseProgress, PhaseStarted, PictureRef, QuickLook, Way
from vgg_studio.core.jobs import QuickLookJob, Stop, TrainJob
from vgg_studio.core.split import Item
from vgg_studio.engine import baselines, device, draws, frozen, initial, prepare, threads, views
from vgg_studio.engine.data import left_out
from vgg_studio.engine.ending import Steps, check, one_job_ended
from vgg_studio.engine.extract import Extractor
from vgg_studio.engine.last_layer import improve
from vgg_studio.pictures.known import Known, in_cache

_ROUNDS = 4  # of L-BFGS for each fold
_CPU = torch.device("cpu")


@one_job_ended
def quick_look(order: QuickLookJob, stop: Stop) -> Steps[None]:
    """Cross-validate a linear layer over the training part of the order's folder; one `quick_look` with mean and spread.

    The features are those of a training with a light head, which finds them again. Validation and test pictures take no
    part. Raises StudioError, Asked.
    """
    began = time.monotonic()
    job = msgspec.structs.replace(recipes.with_light_head(order.job), features="auto")
    with contextlib.ExitStack() as held:
        known = held.enter_context(in_cache())
        features, labels = yield from _features(job, known, held, stop)
    folds = _folds(labels, order.folds, job.seed)
    yield PhaseStarted(phase="training", total=order.folds)
    shares: list[float] = []
    for fold in range(order.folds):
        check(stop)
        if not (held_out := folds == fold).any() or held_out.all():
            continue
        shares.append(_share_right(features, labels, held_out, job.weight_decay))
        yield PhaseProgress(phase="training", done=fold + 1, total=order.folds)
    if not shares:  # the pictures have gone in the meantime
        raise TooFewPictures(path=job.data)
    accuracy = float(np.mean(shares))
    baselines.remember(job, accuracy)
    yield QuickLook(
        accuracy=accuracy,
        spread=float(np.std(shares)),
        folds=len(shares),
        count=len(labels),
        accuracies=shares,
        seconds=time.monotonic() - began,
    )


def _features(
    job: TrainJob, known: Known, held: contextlib.ExitStack, stop: Stop
) -> Steps[tuple[Tensor, npt.NDArray[np.intp]]]:
    """Features (N, width) and classes (N) of the training part."""
    chosen = device.choose(job.device)
    store, parts, _ = yield from prepare.pictures(job, chosen, known, stop)
    network, _, norm = yield from initial.network(job, len(parts.classes), stop)
    mean, std = norm or (store.prep.mean, store.prep.std)
    store.prep = msgspec.structs.replace(store.prep, mean=mean, std=std)
    profile = yield from frozen.measured(job, network.shape, len(parts.train), chosen, stop)
    way = frozen.way(profile, job, network.shape, chosen) or Way()  # a light head leaves the blocks frozen
    network = network.to(chosen.torch).to(memory_format=torch.channels_last)
    threads.use(chosen, threads.for_answers(network.shape, job.image_size, way.batch))
    extractor = Extractor(network, recipes.train_from(job), store.prep, chosen, way, frozen.kept(job, way))
    source = frozen.source_of(store, extractor, job, known, len(parts.train))
    held.callback(source.close)
    refused = yield from source.fill([(item.picture, views.PLAIN) for item in parts.train], stop)
    for picture, refusal in refused:
        yield left_out(picture, refusal)
    found, lost = source.features([(item.picture, views.PLAIN) for item in parts.train])
    return found.float(), _classes(parts.train, {picture for picture, _ in lost})


def _classes(items: list[Item], lost: set[PictureRef]) -> npt.NDArray[np.intp]:
    return np.array([item.label for item in items if item.picture not in lost], np.intp)


def _folds(labels: npt.NDArray[np.intp], folds: int, seed: int) -> npt.NDArray[np.intp]:
    """The fold of each picture: the classes spread evenly, the same for the same seed."""
    order = draws.order(seed, 0, len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    found = np.empty(len(labels), np.intp)
    found[by_class] = np.arange(len(labels)) % folds
    return found


def _share_right(
    features: Tensor, labels: npt.NDArray[np.intp], held_out: npt.NDArray[np.bool_], weight_decay: float
) -> float:
    """The share of right answers for the pictures that are held out, learned from the others."""
    classes = int(labels.max()) + 1
    linear = nn.Linear(features.shape[1], classes)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    inside, outside = torch.from_numpy(~held_out), torch.from_numpy(held_out)
    answers = torch.from_numpy(labels)
    learned = [(features[inside], answers[inside])]
    for _ in range(_ROUNDS):
        improve(linear, partial(iter, learned), weight_decay, _CPU)
    with torch.no_grad():
        right = linear(features[outside]).argmax(1) == answers[outside]
    return float(right.double().mean())
