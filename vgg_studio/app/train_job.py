"""The settings of a training as the form shows them: which are offered for a folder, and what changing one does to the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from vgg_studio import paths
from vgg_studio.core import recipes, vgg
from vgg_studio.core.demo_job import demo_job
from vgg_studio.core.jobs import TrainJob

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


FOLDER_CHOICE = "job-folder"  # the folder for which the kept settings were chosen
FEATURES_VARIANT = "vgg16"  # the only network whose convolutions are published alone
_VARIANT_IN_NAME = re.compile(r"vgg-?(11|13|16|19)([-_]?bn)?", re.IGNORECASE)


class Proposal:
    """A new folder starts from its own settings: what suits ten thousand photos does not suit sixty drawings."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def job(self) -> TrainJob:
        """The settings to show for the open folder."""
        studio = self._studio
        kept = studio.settings.job
        if kept is not None and studio.folder and studio.settings.choice(FOLDER_CHOICE) == studio.folder:
            return kept
        if studio.folder == str(paths.samples_folder()):
            return demo_job("")
        device = studio.device
        return recipes.defaults(studio.scan.count, device is not None and device.kind != "cpu")

    def keep(self, job: TrainJob) -> None:
        """These settings were chosen for the open folder."""
        self._studio.settings.job = msgspec.structs.replace(job, data="", run="", resume=False)
        self._studio.settings.choose(FOLDER_CHOICE, self._studio.folder)

    def forget(self) -> None:
        """Offer what suits the folder again."""
        self._studio.settings.choose(FOLDER_CHOICE, "")


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
