"""Mean and deviation of each channel for networks that start from scratch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from vgg_studio.core.split import Item
from vgg_studio.engine.data import PictureStore

_SAMPLE = 2000  # pictures that are measured where they do not all fit into memory


def normalisation(
    job: TrainJob, store: PictureStore, train: Sequence[Item]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation for each channel of a network from scratch, in fractions of 1."""
    if job.normalisation == "imagenet":
        rest = job.channels - 3
        grey_mean, grey_std = sum(IMAGENET_MEAN) / 3, sum(IMAGENET_STD) / 3
        if rest < 0:
            return (grey_mean,) * job.channels, (grey_std,) * job.channels
        return IMAGENET_MEAN + (grey_mean,) * rest, IMAGENET_STD + (grey_std,) * rest
    if job.normalisation == "half":
        return (0.5,) * job.channels, (0.5,) * job.channels
    some = train if store.keeps else train[:: max(1, len(train) // _SAMPLE)]
    sums = np.zeros((2, job.channels))
    for item in some:
        values = store.read(item.picture).reshape(-1, job.channels) / 255.0
        sums += np.stack([values.mean(axis=0), (values**2).mean(axis=0)])
    mean, square = sums / len(some)
    deviation = np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), 1 / 255)
    return tuple(mean.tolist()), tuple(deviation.tolist())
