"""The learning rate as a pure function of where the training stands, so that nothing of it needs to be stored."""

from __future__ import annotations

import math

from vgg_studio.core.jobs import TrainJob


def rate(job: TrainJob, base: float, epoch: int, batch: int, batches: int) -> float:
    """The rate for batch `batch` (from 0) of `batches` in round `epoch` (from 1), starting from `base`.

    Warm-up climbs in a straight line, batch by batch, through the first `job.warmup` rounds. Then `step` multiplies by
    `step_factor` at the end of every `step_epochs` rounds, counted from the start; `cosine` falls batch by batch along half a
    cosine (Loshchilov and Hutter, arXiv 1608.03983, without restarts) to 0 at the end of the last round. A run that is given
    more rounds goes on along the longer curve: its rate rises to what that curve has where the run stands.
    """
    done = (epoch - 1) * batches + batch
    warm = job.warmup * batches
    if done < warm:
        return base * (done + 1) / warm
    if job.schedule == "step":
        return base * job.step_factor ** ((epoch - 1) // job.step_epochs)
    if job.schedule == "cosine":
        share = (done - warm) / max(1, job.epochs * batches - warm)
        return base * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return base
