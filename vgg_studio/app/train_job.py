"""The settings of a training as the form shows them: which are offered for a folder, and what changing one does to the others."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from vgg_studio import paths
from vgg_studio.core import recipes, vgg, wording
from vgg_studio.core.demo_job import demo_job
from vgg_studio.core.events import DeviceFact
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


FOLDER_CHOICE = "job-folder"  # the folder for which the kept settings were chosen
FEATURES_VARIANT = "vgg16"  # the only network whose convolutions are published alone
MOST_CONVOLUTIONS = 200_000_000  # bytes: the convolutions of VGG-19 are 80 MB, with their classifier it is 575
_VARIANT_IN_NAME = re.compile(r"vgg-?(11|13|16|19)([-_]?bn)?", re.IGNORECASE)


class Proposal:
    """A new folder starts from its own settings: what suits ten thousand photos does not suit sixty drawings."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def job(self) -> TrainJob:
        """The settings to show for the open folder."""
        studio = self._studio
        kept = studio.settings.job
        same = bool(studio.folder) and studio.settings.choice(FOLDER_CHOICE) == studio.folder
        if kept is not None and same and (not kept.parent or os.path.isdir(kept.parent)):
            return within_reach(kept, studio.device)
        if studio.folder == str(paths.samples_folder()):
            return demo_job("")
        device = studio.device
        return recipes.defaults(studio.scan.count, device is not None and device.kind != "cpu")

    def usual(self, job: TrainJob) -> TrainJob:
        """What is proposed for the open folder with a job's weights."""
        studio = self._studio
        if studio.folder == str(paths.samples_folder()) and job.weights == "none":
            return demo_job("")
        has_gpu = studio.device is not None and studio.device.kind != "cpu"
        found = recipes.defaults(studio.scan.count, has_gpu, job.weights, has_classifier(job.weights))
        return msgspec.structs.replace(found, variant=variant_for(job.weights) or found.variant)

    def keep(self, job: TrainJob) -> None:
        """These settings were chosen for the open folder."""
        self.hand_on(job, self._studio.folder)

    def hand_on(self, job: TrainJob, folder: str) -> None:
        """These settings are meant for a folder that may not be open yet."""
        self._studio.settings.job = msgspec.structs.replace(job, data="", run="", resume=False)
        self._studio.settings.choose(FOLDER_CHOICE, folder)

    def forget(self) -> None:
        """Offer what suits the folder again."""
        self._studio.settings.choose(FOLDER_CHOICE, "")


def offer(studio: Studio, job: TrainJob, folder: str) -> None:
    """Show these settings on the Train page, for a folder that is opened where it is not open."""
    Proposal(studio).hand_on(job, folder)
    if folder != studio.folder:
        studio.open_folder(folder)
    studio.put_aside_unfinished()
    studio.job_offered.emit()
    studio.page_wanted.emit("train")


def variants(job: TrainJob) -> list[str]:
    """The networks that can be chosen: the ones with weights where it starts from weights; own blocks where it has them."""
    found = vgg.VARIANTS if job.weights == "none" or job.parent else vgg.TORCHVISIONS
    own = [vgg.own(job.variant, job.blocks)] if job.blocks else []
    given = [] if own or job.variant in found else [job.variant]
    return [*own, *given, *found]


def with_network(job: TrainJob, variant: str) -> TrainJob:
    """Another network; the learning rate is chosen anew, and weights that do not exist for it become the nearest ones."""
    if ":" in variant:  # own blocks, which are chosen already
        return job
    weights = "official" if job.weights == "official-features" and variant != FEATURES_VARIANT else job.weights
    stage = job.train_from if job.train_from in vgg.STAGES else ""
    return msgspec.structs.replace(
        job, variant=variant, blocks="", train_from=stage, weights=weights, learning_rate=None
    )


def with_blocks(job: TrainJob, blocks: str) -> TrainJob:
    """Own blocks, or none; the network's title and the learning rate follow. Raises UsageError."""
    variant = vgg.nearest(job.variant) if blocks else job.variant
    return msgspec.structs.replace(job, variant=variant, blocks=blocks, train_from="", learning_rate=None)


def with_weights(job: TrainJob, weights: str, pictures: int, has_gpu: bool) -> TrainJob:
    """Another start. Settings that are still the proposed ones, or go on from a run, become those for the new start."""
    if job.weights == weights and not job.parent:
        return job
    usual = recipes.defaults(pictures, has_gpu, weights, has_classifier(weights))
    if job.parent or job == recipes.defaults(pictures, has_gpu, job.weights, has_classifier(job.weights)):
        changed = usual
    elif weights == "none" and not job.blocks:
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
    """Train more or less of the network; the learning rate is chosen anew, and L-BFGS goes with the last layer alone."""
    if job.head == "light" and train_from.startswith("fc") and not job.parent:
        return recipes.with_light_head(job)
    if (
        job.optimizer == "lbfgs"
        and not msgspec.structs.replace(job, optimizer="sgd", train_from=train_from).trains_last_layer
    ):
        job = msgspec.structs.replace(job, optimizer="sgd", variation="flip")
    return msgspec.structs.replace(job, train_from=train_from, learning_rate=None)


def with_head(job: TrainJob, head: str) -> TrainJob:
    """Three linear layers or one. Where convolutions learn too, they go on doing so."""
    if not recipes.train_from(job).startswith("fc"):
        return msgspec.structs.replace(job, head=head, learning_rate=None)
    return recipes.with_light_head(job) if head == "light" else recipes.with_classic_head(job)


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


def has_classifier(weights: str) -> bool | None:
    """Whether weights bring their classifier along, judged by a file's size; None for what is no file."""
    if not is_file(weights):
        return None
    try:
        return os.path.getsize(weights) > MOST_CONVOLUTIONS
    except OSError:
        return True


PRECISIONS = ("auto", "fp32", "bf16")  # that the window offers; an order knows more


def within_reach(job: TrainJob, device: DeviceFact | None) -> TrainJob:
    """The job on what this machine has: a card, or a processor that computes bf16, may have been there last time."""
    if device is None:
        return job
    if job.device not in ("auto", *(name for _words, name in devices(device))):
        job = msgspec.structs.replace(job, device="auto")
    if job.precision in PRECISIONS and job.precision not in precisions(device, job.device):
        job = msgspec.structs.replace(job, precision="auto")
    return job


def precisions(fact: DeviceFact | None, asked: str) -> list[str]:
    """What a training on the device that is asked for can be told to compute in; all where nothing is known of that one."""
    unknown = fact is None or asked not in ("auto", "all", fact.kind)
    return list(PRECISIONS) if unknown or (fact and fact.bf16) else ["auto", "fp32"]


def devices(fact: DeviceFact | None) -> list[tuple[str, str]]:
    """What a training can be told to run on, in words and as its job says it; nothing where there is no choice."""
    if fact is None or fact.kind == "cpu":
        return []
    found = [(_("Automatic"), "auto"), (_("Processor"), "cpu"), (wording.device_title(fact), fact.kind)]
    return [*found, (_("All {count} graphics cards").format(count=fact.cards), "all")] if fact.cards > 1 else found


def is_file(weights: str) -> bool:
    """Whether the weights are a file of one's own."""
    return weights not in ("none", "official", "official-features")


def shape(job: TrainJob, classes: int = 1000) -> vgg.Shape:
    """The network that a job trains."""
    return job.shape(max(1, classes))


def file_megabytes(job: TrainJob, classes: int) -> int:
    """The size of the trained network on the disk, in fp32."""
    return round(4 * vgg.parameters(shape(job, classes)) / 1e6)
