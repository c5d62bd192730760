"""What mends what the coach has seen, as settings of another run wherever it is about settings."""

from __future__ import annotations

from typing import Literal

import msgspec

from vgg_studio.core import recipes
from vgg_studio.core.jobs import TrainJob

Remedy = Literal[
    "lower_rate",  # a tenth of the learning rate
    "usual_rate",  # the rate that suits optimizer, network and weights
    "batch_norm",  # the same network with batch normalisation
    "weights",  # start from the official weights
    "vary",  # crops and mirror images: another view of each picture in each round
    "soften",  # label smoothing: answers need not be sure of everything
    "finish",  # end the run and keep its best round
    "better",  # train the next stage from the best round
    "show_class",  # look at a class's pictures
]

LOWER = 0.1
FAR = 1.5  # a rate this many times the usual one, or less than its inverse, is another one
SOFTNESS = 0.1  # Szegedy et al., arXiv 1512.00567, section 7
DROPPED = 0.5  # the paper's own share: arXiv 1409.1556, section 3.1


def rate(job: TrainJob) -> float:
    """The learning rate that a job runs with."""
    return recipes.learning_rate(job)


def for_guessing(job: TrainJob) -> Remedy:
    """What helps a network that learns nothing: batch normalisation if it has none, a usual rate, or a better start.

    Plain networks of this depth start with gradients too small or too large to get anywhere at most rates (Ioffe and Szegedy,
    arXiv 1502.03167).
    """
    is_scratch = job.weights == "none" and not job.parent
    if is_scratch and not job.variant.endswith("_bn"):
        return "batch_norm"
    usual = _usual(job)
    if not usual / FAR <= rate(job) <= usual * FAR:
        return "usual_rate"
    return "weights" if is_scratch and job.channels == 3 else "lower_rate"


def for_too_high(job: TrainJob) -> Remedy:
    """A tenth of the rate; the usual one where even a tenth is more than that."""
    return "usual_rate" if LOWER * rate(job) > _usual(job) else "lower_rate"


def _usual(job: TrainJob) -> float:
    return recipes.learning_rate(msgspec.structs.replace(job, learning_rate=None))


def for_memorising(job: TrainJob) -> Remedy | None:
    """What keeps pictures from being learned by heart: more of them, made from those that are there; else less sureness.

    None where the settings do all of that already.
    """
    if job.variation in ("none", "flip"):
        return "vary"
    return None if _softened(job) == job else "soften"


def _softened(job: TrainJob) -> TrainJob:
    smoothing, dropout = max(SOFTNESS, job.label_smoothing), max(DROPPED, job.dropout)
    return msgspec.structs.replace(job, label_smoothing=smoothing, dropout=dropout)


def can_get_better(job: TrainJob) -> bool:
    """Whether there is a stage that does not learn yet."""
    return recipes.next_stage(job, "run") is not None


def remedied(job: TrainJob, remedy: Remedy) -> TrainJob | None:
    """The settings of a new run that tries the remedy; None for what is no matter of settings."""
    changed = _changed(job, remedy)
    if changed is None:
        return None
    return msgspec.structs.replace(changed, run="", resume=False, recipe="")


def _changed(job: TrainJob, remedy: Remedy) -> TrainJob | None:
    replace = msgspec.structs.replace
    match remedy:
        case "lower_rate":
            return replace(job, learning_rate=float(f"{LOWER * rate(job):.3g}"))
        case "usual_rate":
            return replace(job, learning_rate=None)
        case "batch_norm":
            plain = job.variant.removesuffix("_lrn").removesuffix("_c")
            return replace(job, variant=f"{plain}_bn", learning_rate=None, initial="auto")
        case "weights":
            variant = job.variant.removesuffix("_lrn").removesuffix("_c")
            return recipes.with_weights(replace(job, variant=variant, blocks="", initial="auto"), "official")
        case "vary":
            return replace(job, variation="flip_crop")
        case "soften":
            return _softened(job)
        case _:
            return None
