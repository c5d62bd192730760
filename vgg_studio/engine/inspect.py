"""Looking inside a network: its layers, the tensors of its file, which networks those fit, and a part of it as a file."""

from __future__ import annotations

from pathlib import Path

from vgg_studio.core import vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.events import Exported, PhaseStarted
from vgg_studio.core.jobs import InspectJob, Stop
from vgg_studio.core.layer_facts import inspected
from vgg_studio.engine.ending import Steps, check, one_job_ended

SIDE = 224  # px, where nobody says otherwise
SUFFIXES = (".pth", ".pt", ".safetensors")


@one_job_ended
def inspect(job: InspectJob, stop: Stop) -> Steps[None]:
    """Tell what a variant, a file, a run or `official:<variant>` is made of, and save a part where that is asked for.

    A file that holds no VGG network is told by its tensors alone. Raises UsageError, WeightsError, RunError, PathMissing,
    StorageError.
    """
    _check_file(job.save)
    if job.source in vgg.VARIANTS:
        if job.save:
            raise UsageError(name="save", value=job.save, allowed="not_fresh")
        yield inspected(shape_of(job), job.image_size or SIDE)
        return
    from vgg_studio.engine import weight_facts  # torch: a variant alone needs none of it

    yield PhaseStarted(phase="loading_network")
    opened = yield from weight_facts.opened(job.source, stop)
    check(stop)
    yield weight_facts.event(opened, job.image_size or opened.image_size or SIDE)
    if job.save:
        yield PhaseStarted(phase="saving")
        weight_facts.save(opened, job.first, job.last, Path(job.save))
        yield Exported(files=[job.save])


def shape_of(job: InspectJob) -> vgg.Shape:
    """The network that an order about a variant describes."""
    slim = job.slim_linear and job.head == "classic"
    return vgg.Shape(vgg.own(job.source, job.blocks), job.classes, job.channels, job.width_divisor, slim, job.head)


def _check_file(file: str) -> None:
    """Raise UsageError for a name that says no format, before anything is read."""
    if file and Path(file).suffix.lower() not in SUFFIXES:
        raise UsageError(name="save", value=Path(file).name, allowed=", ".join(f"*{suffix}" for suffix in SUFFIXES))
