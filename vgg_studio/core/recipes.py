"""Settings that need no change: what to train, how fast, how long, for these pictures on this machine, and what comes next."""

from __future__ import annotations

import msgspec

from vgg_studio.core import network_rules, vgg
from vgg_studio.core.jobs import TrainJob

# From scratch / from pretrained weights. Plain networks of this depth diverge from scratch at the rates that batch
# normalisation allows; pretrained layers are moved gently; one layer alone cannot run away from the others. L-BFGS finds
# the length of its steps itself.
_RATES = {
    "sgd": {"scratch_bn": 0.02, "scratch": 0.01, "pretrained": 0.001, "head": 0.003, "light": 0.01},
    "adam": {"scratch_bn": 1e-3, "scratch": 2e-4, "pretrained": 1e-5, "head": 1e-4, "light": 1e-3},
    "adamw": {"scratch_bn": 5e-4, "scratch": 2e-4, "pretrained": 3e-5, "head": 3e-4, "light": 1e-3},
    "lbfgs": {"scratch_bn": 1.0, "scratch": 1.0, "pretrained": 1.0, "head": 1.0, "light": 1.0},
}
CPU_SCRATCH_SIZE = 64  # px: what a laptop's processor trains from scratch in minutes

# The next stage: rate of the head, and the share of it for each block further away (head first, then the blocks: Kumar et
# al., arXiv 2202.10054). Flowers, split 1, rounds to the end: test 0.855 with 3e-4, 0.900 with 1e-3. No early stopping: scores
# dip while the rate is high and come back when it falls.
_NEXT_RATE, _NEXT_SHARE = 1e-3, 0.1
_NEXT_ROUNDS, _NEXT_BATCH = 10, 32
# Features of 1,000 flowers, three splits: 0.882 with 0.001 to 0.01, 0.877 with 0.1; but a head that is not sure of everything
# leaves the blocks something to learn in the next stage (0.870 to 0.900 on split 1; with 0.01 it stayed at 0.855).
_LIGHT_DECAY = 0.1
_EMA_ROUNDS = 1.0  # the weights that are kept are a mean over about so many rounds


def train_from(job: TrainJob) -> str:
    """The stage from which a job trains."""
    return job.first_stage


def copies(job: TrainJob) -> int:
    """Numbers that a checkpoint holds beside each one that learns: the optimizer's, and the moving average."""
    optimizer = {"sgd": int(job.momentum > 0), "lbfgs": 0}.get(job.optimizer, 2)
    return optimizer + (1 if job.ema else 0)


def learning_rate(job: TrainJob) -> float:
    """The job's learning rate, or the one that suits its optimizer, network, weights and stage.

    Where blocks learn at a share of the head's rate (`layer_decay`) it is the head's.
    """
    if job.learning_rate is not None:
        return job.learning_rate
    if job.weights == "none" and not job.parent:
        case = "scratch_bn" if job.variant.endswith("_bn") else "scratch"
    elif train_from(job).startswith("fc") or job.layer_decay < 1:
        case = "light" if job.head == "light" else "head"
    else:
        case = "pretrained"
    return _RATES[job.optimizer][case]


def defaults(pictures: int, has_gpu: bool, weights: str = "none", has_classifier: bool | None = None) -> TrainJob:
    """Settings for a first run on `pictures` pictures.

    Weights without a classifier get one linear layer on pooled features, which is learned in seconds once the features are
    there; `has_classifier` None is what the official ones have. Without weights and without a graphics card a full network
    would take days, so it is a slim one on small pictures there; few pictures get smaller batches, because a round should
    have some twenty steps.
    """
    batch = max(4, min(64 if has_gpu else 32, pictures // 20 // 4 * 4))
    if weights != "none":
        classifier = weights != "official-features" if has_classifier is None else has_classifier
        job = TrainJob(variant="vgg16", weights=weights, train_from="fc6", epochs=10, batch_size=batch)
        return job if classifier else with_light_head(job)
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


def with_light_head(job: TrainJob) -> TrainJob:
    """The job with one linear layer on pooled features, which L-BFGS learns from all pictures at once."""
    return msgspec.structs.replace(
        job,
        head="light",
        train_from="fc8",
        optimizer="lbfgs",
        variation="none",
        learning_rate=None,
        layer_decay=1.0,
        weight_decay=_LIGHT_DECAY,
    )


def with_classic_head(job: TrainJob) -> TrainJob:
    """The job with three linear layers that learn in batches."""
    if job.optimizer == "lbfgs":
        job = msgspec.structs.replace(job, optimizer="sgd", variation="flip", weight_decay=TrainJob().weight_decay)
    stage = "fc6" if job.train_from == "fc8" else job.train_from
    return msgspec.structs.replace(job, head="classic", train_from=stage, learning_rate=None)


def with_weights(job: TrainJob, weights: str) -> TrainJob:
    """The job with other weights: what only a network from scratch can have (slim, few channels, small) goes back to normal."""
    if weights == "none":
        plain = with_classic_head(job) if job.optimizer == "lbfgs" else job
        return msgspec.structs.replace(plain, weights=weights, train_from="")
    if weights in network_rules.OFFICIAL:  # of which there are none for the others
        job = msgspec.structs.replace(job, variant=vgg.nearest(job.variant), blocks="", train_from="fc6")
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


def next_stage(job: TrainJob, parent: str, pictures: int = 0, run: str = "", stage: str = "") -> TrainJob | None:
    """Settings that make the run `parent` better, whose job this is: one block more learns, from the run's best network on.

    `pictures` is the size of its training part (0: not known), `run` the folder of the new run, `stage` another one to train
    from than the next. None where everything learns already.
    """
    earlier = stage or _earlier(job)
    if not earlier:
        return None
    has_blocks = not earlier.startswith("fc")
    batch = min(job.batch_size, _NEXT_BATCH)
    steps = max(1, pictures // batch)
    return msgspec.structs.replace(
        job,
        parent=parent,
        run=run,
        resume=False,
        train_from=earlier,
        epochs=_NEXT_ROUNDS,
        batch_size=batch,
        optimizer="adamw",
        learning_rate=_NEXT_RATE if has_blocks else None,
        layer_decay=_NEXT_SHARE if has_blocks else 1.0,
        schedule="cosine",
        warmup=1,
        patience=0,
        label_smoothing=0.1,
        ema=max(0.5, round(1 - 1 / (_EMA_ROUNDS * steps), 4)) if pictures else 0.95,
        mirror=True,
        variation="flip",
    )


def _earlier(job: TrainJob) -> str:
    """The stage before the one that learns first, all linear layers being one; nothing before the first."""
    stage, names = train_from(job), vgg.stages(job.shape(2))
    if stage.startswith("fc"):
        stage = "fc6"
    return names[names.index(stage) - 1] if stage != names[0] else ""
