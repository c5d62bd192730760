"""What changing one training setting does to the others: the form shows a job, every edit makes another job of it. No Qt."""

from __future__ import annotations

import re

import msgspec

from vgg_studio.core import recipes, vgg
from vgg_studio.core.jobs import TrainJob

FEATURES_VARIANT = "vgg16"  # the only network whose convolutions are published alone
_VARIANT_IN_NAME = re.compile(r"vgg-?(11|13|16|19)([-_]?bn)?", re.IGNORECASE)


def with_network(job: TrainJob, variant: str) -> TrainJob:
    """Another network; the learning rate is chosen anew, and weights that do not exist for it become the nearest ones."""
    weights = "official" if job.weights == "official-features" and variant != FEATURES_VARIANT else job.weights
    return msgspec.structs.replace(job, variant=variant, weights=weights, learning_rate=None)


def with_weights(job: TrainJob, weights: str, pictures: int, has_gpu: bool) -> TrainJob:
    """Another start. Settings that are still the proposed ones become those proposed for the new start."""
    if job.weights == weights:
        return job
    usual = recipes.defaults(pictures, has_gpu, weights)
    if job == recipes.defaults(pictures, has_gpu, job.weights):
        changed = usual
    elif weights == "none":
        changed = msgspec.structs.replace(
            recipes.with_weights(job, weights),
            width_divisor=usual.width_divisor,
            slim_linear=usual.slim_linear,
            image_size=usual.image_size,
            learning_rate=None,
        )
    else:
        changed = recipes.with_weights(job, weights)
    return msgspec.structs.replace(changed, variant=variant_for(weights) or changed.variant)


def with_stage(job: TrainJob, train_from: str) -> TrainJob:
    """Train more or less of the network; the learning rate is chosen anew."""
    return msgspec.structs.replace(job, train_from=train_from, learning_rate=None)


def with_rounds(job: TrainJob, rounds: int) -> TrainJob:
    """More or fewer rounds."""
    return msgspec.structs.replace(job, epochs=rounds)


def with_optimizer(job: TrainJob, optimizer: str) -> TrainJob:
    """Another optimizer, with its own learning rate."""
    return msgspec.structs.replace(job, optimizer=optimizer, learning_rate=None)


def with_rate(job: TrainJob, rate: float) -> TrainJob:
    """A learning rate of one's own; the proposed one stays "proposed", so that it follows later edits."""
    proposed = recipes.learning_rate(msgspec.structs.replace(job, learning_rate=None))
    return msgspec.structs.replace(job, learning_rate=None if rate == proposed else rate)


def with_width(job: TrainJob, divisor: int) -> TrainJob:
    """A slimmer network; a full one has a full classifier too."""
    return msgspec.structs.replace(job, width_divisor=divisor, slim_linear=job.slim_linear if divisor > 1 else False)


def variant_for(weights: str) -> str:
    """The network that weights are for, as far as their name says it ("" otherwise)."""
    if weights == "official-features":
        return FEATURES_VARIANT
    found = _VARIANT_IN_NAME.search(re.split(r"[\\/]", weights)[-1]) if is_file(weights) else None
    return f"vgg{found[1]}{'_bn' if found[2] else ''}" if found else ""


def is_file(weights: str) -> bool:
    """Whether the weights are a file of one's own."""
    return weights not in ("none", "official", "official-features")


def shape(job: TrainJob, classes: int = 1000) -> vgg.Shape:
    """The network that a job trains."""
    return vgg.Shape(job.variant, max(1, classes), job.channels, job.width_divisor, job.slim_linear)
