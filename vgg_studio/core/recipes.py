"""Settings that need no change: what to train, how fast, how long, for these pictures on this machine."""

from __future__ import annotations

import msgspec

from vgg_studio.core.jobs import TrainJob

# From scratch / from pretrained weights. Plain networks of this depth diverge from scratch at the rates that batch
# normalisation allows; pretrained layers are moved gently.
_RATES = {
    "sgd": {"scratch_bn": 0.02, "scratch": 0.01, "pretrained": 0.001, "head": 0.003},
    "adam": {"scratch_bn": 1e-3, "scratch": 2e-4, "pretrained": 1e-5, "head": 1e-4},
    "adamw": {"scratch_bn": 5e-4, "scratch": 2e-4, "pretrained": 3e-5, "head": 3e-4},
}
CPU_SCRATCH_SIZE = 64  # px: what a laptop's processor trains from scratch in minutes


def train_from(job: TrainJob) -> str:
    """The stage from which a job trains: its own choice, else everything from scratch and the classifier of given weights."""
    return job.train_from or ("block1" if job.weights == "none" else "fc6")


def learning_rate(job: TrainJob) -> float:
    """The job's learning rate, or the one that suits its optimizer, network, weights and stage."""
    if job.learning_rate is not None:
        return job.learning_rate
    if job.weights == "none":
        case = "scratch_bn" if job.variant.endswith("_bn") else "scratch"
    else:
        case = "head" if train_from(job).startswith("fc") else "pretrained"
    return _RATES[job.optimizer][case]


def defaults(pictures: int, has_gpu: bool, weights: str = "none") -> TrainJob:
    """Settings for a first run on `pictures` pictures.

    Without a graphics card a full network from scratch would take days, so it is a slim one on small pictures there; few
    pictures get smaller batches, because a round should have some twenty steps.
    """
    batch = max(4, min(64 if has_gpu else 32, pictures // 20 // 4 * 4))
    if weights != "none":
        return TrainJob(variant="vgg16", weights=weights, train_from="fc6", epochs=10, batch_size=batch)
    if has_gpu:
        return TrainJob(variant="vgg16_bn", epochs=30, batch_size=batch, optimizer="adamw")
    return TrainJob(
        variant="vgg11_bn",
        width_divisor=4,
        slim_linear=True,
        image_size=CPU_SCRATCH_SIZE,
        epochs=30,
        batch_size=batch,
        optimizer="adamw",  # with small batches SGD at any fixed rate is either slow or runs away
    )


def with_weights(job: TrainJob, weights: str) -> TrainJob:
    """The job with other weights: what only a network from scratch can have (slim, few channels, small) goes back to normal."""
    if weights == "none":
        return msgspec.structs.replace(job, weights=weights, train_from="")
    return msgspec.structs.replace(
        job,
        weights=weights,
        width_divisor=1,
        slim_linear=False,
        channels=3,
        image_size=max(job.image_size, 224),
        train_from="fc6",
        learning_rate=None,
    )
