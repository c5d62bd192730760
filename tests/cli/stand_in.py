"""An engine of a few lines for the command line's tests; run as a program it is the command line with that engine.

How it behaves stands in the environment: STAND_IN is one of the keys of ENGINES.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from vgg_studio.cli.main import run
from vgg_studio.cli.words import sort_out
from vgg_studio.core import events as ev
from vgg_studio.core.errors import DiskFull
from vgg_studio.core.jobs import (
    AnyJob,
    DrawSamplesJob,
    EvaluateJob,
    ExportJob,
    PredictJob,
    QuickLookJob,
    Stop,
    TrainJob,
    TuneJob,
)
from vgg_studio.core.metrics import class_scores, wilson
from vgg_studio.core.run_folder import SPLIT
from vgg_studio.core.split import Item, Split, to_csv

CLASSES = ["[red]", "<img src=x>", "R&D", "\x1b[2Jevil", "玫瑰"]
BATCHES = 5


def score(split: str = "test") -> ev.Evaluation:
    """Nine of ten right in each class, one of them named like the first class."""
    confusion = [[9 * (row == column) + (column == 0) for column in range(len(CLASSES))] for row in range(len(CLASSES))]
    count = sum(map(sum, confusion))
    correct = sum(confusion[place][place] for place in range(len(CLASSES)))
    return ev.Evaluation(
        split=split,
        accuracy=correct / count,
        loss=0.3,
        classes=CLASSES,
        confusion=confusion,
        count=count,
        correct=correct,
        interval=wilson(correct, count),
        by_class=class_scores(CLASSES, confusion),
    )


def begun(job: TrainJob) -> ev.RunStarted:
    """The first thing that is known of a training."""
    return ev.RunStarted(
        run=job.run,
        data=job.data,
        classes=CLASSES,
        parts={"train": 70, "val": 15, "test": 15},
        variant=job.variant,
        weights=job.weights,
        train_from="block1",
        parameters=134_281_029,
        trained_parameters=134_281_029,
        epochs=job.epochs,
        batch_size=job.batch_size,
        device=ev.DeviceFact(kind="cpu", cores=2, reason="no_gpu"),
        precision="fp32",
    )


def training(job: TrainJob, stop: Stop, seconds_a_batch: float = 0.0) -> Iterator[ev.Event]:
    """A training that stops between two batches when it is asked to."""
    yield ev.PhaseStarted(phase="reading", total=3)
    for number in range(3):
        yield ev.PictureLeftOut(picture=ev.PictureRef(path=f"\x1b[31m/{number}.jpg"), reason="web_page")
    yield ev.ClassLeftOut(name="lonely\x1b[0m", count=1)
    yield begun(job)
    for epoch in range(1, job.epochs + 1):
        for batch in range(1, BATCHES + 1):
            time.sleep(seconds_a_batch)
            yield ev.BatchEnded(epoch=epoch, batch=batch, batches=BATCHES, pictures=batch, pictures_total=BATCHES)
            if stop.how is not None:
                yield ev.RunEnded(outcome="paused", run=job.run, epochs=epoch - 1)
                return
        yield ev.EpochEnded(
            epoch=epoch,
            train_loss=0.5,
            train_accuracy=0.8,
            val_loss=0.4,
            val_accuracy=0.9,
            learning_rate=0.1,
            images_per_second=12.0,
            best_epoch=1,
        )
    yield score()
    yield ev.RunEnded(outcome="finished", run=job.run, best_epoch=1, val_accuracy=0.9, epochs=job.epochs)


def naming(job: PredictJob) -> Iterator[ev.Event]:
    """Everything is a [red], but what has `bad` in its name cannot be read and what has `odd` in it is unsure."""
    for picture in job.pictures:
        if "bad" in picture.path:
            yield ev.PredictionFailed(path=picture.path, reason="is a web page, not a picture", code="web_page")
        else:
            top = [ev.Guess(label=CLASSES[0], probability=0.75), ev.Guess(label="=cmd", probability=0.25)]
            yield ev.PicturePredicted(path=picture.path, top=top[: job.top], unsure="odd" in picture.path)
    yield ev.JobEnded(outcome="done")


WINOGRAD = ev.Way(backend="ncnn", layout="contiguous", workers=2)


def tuned(variant: str) -> ev.MachineTuned:
    """A machine of two threads on which ncnn computes ten pictures a second, and PyTorch five."""
    ways = [(WINOGRAD, 10, 2e-6), (ev.Way(), 5, 0.0)]
    return ev.MachineTuned(
        profile=ev.MachineProfile(
            machine="cpu EPYC",
            variant=variant,
            extract=[
                ev.Candidate(way=way, macs_per_second=rate * 15_346_630_656.0, error=error) for way, rate, error in ways
            ],
            train_macs={"fp32": 1e11},
            linear_bytes=2e9,
            decode_pixels=1e8,
        )
    )


def quick(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """Does every order at once."""
    match job:
        case TrainJob():
            yield from training(job, stop)
        case PredictJob():
            yield from naming(job)
        case EvaluateJob():
            yield score(job.split or "test")
            yield ev.JobEnded(outcome="done")
        case TuneJob():
            yield tuned(job.variant)
            yield ev.JobEnded(outcome="done")
        case QuickLookJob():
            yield ev.FeaturesReady(found=300, computed=400, seconds=40, way=WINOGRAD)
            yield ev.QuickLook(accuracy=0.865, spread=0.012, folds=job.folds, count=700)
            yield ev.JobEnded(outcome="done")
        case ExportJob():
            yield ev.Exported(files=[job.file])
            yield ev.JobEnded(outcome="done")
        case _:
            raise TypeError(job)


def sampling(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """The orders of a demonstration: pictures that are there by their names alone, and a run that knows its parts."""
    items = [Item(picture=ev.PictureRef(path=f"{kind}/{number}.png"), label=label)
             for label, kind in enumerate(("car", "fish")) for number in range(3)]  # fmt: skip
    if isinstance(job, DrawSamplesJob):
        yield ev.PhaseStarted(phase="preparing", total=len(items))
        for item in items:
            file = Path(job.folder) / item.picture.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        yield ev.JobEnded(outcome="done")
        return
    if isinstance(job, TrainJob):
        Path(job.run).mkdir(parents=True)
        (Path(job.run) / SPLIT).write_bytes(to_csv(Split(classes=["car", "fish"], test=items)))
    yield from quick(job, stop)


def slow(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """A training that takes for ever, but ends when asked."""
    assert isinstance(job, TrainJob)
    yield from training(job, stop, seconds_a_batch=0.05)


def deaf(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """Begins and then hears nothing any more."""
    assert isinstance(job, TrainJob)
    yield begun(job)
    yield ev.BatchEnded(epoch=1, batch=1, batches=2, pictures=1, pictures_total=2)
    while True:
        time.sleep(0.01)


def chatty(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """Prints and warns beside its events, as libraries do."""
    sys.stdout.write("printed by a library\n")
    os.write(1, b"written by a library\n")
    warnings.warn("advice of a library", UserWarning, stacklevel=1)
    yield from quick(job, stop)


def fast(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """A training off the cache: the first round computes what an earlier run has not left, the second one nothing."""
    assert isinstance(job, TrainJob)
    said = ev.ForecastFact(seconds_low=100, seconds_high=110, memory_bytes=1_200_000_000, disk_bytes=340_000_000)
    yield msgspec.structs.replace(begun(job), train_from="fc8", threads=2, way=WINOGRAD, forecast=said)
    for epoch, computed in ((1, 200), (2, 0)):
        yield ev.PhaseStarted(phase="extracting", total=computed)
        yield ev.PhaseProgress(phase="extracting", done=computed, total=computed)
        yield ev.FeaturesReady(
            found=1000 - computed, computed=computed, seconds=computed / 10, kept=False, way=WINOGRAD
        )
        yield ev.PhaseStarted(phase="training", total=700)
        if epoch == 1:
            yield ev.BatchShrunk(batch_size=32, part=16)
        yield ev.EpochEnded(
            epoch=epoch,
            train_loss=0.5,
            train_accuracy=0.8,
            val_loss=0.4,
            val_accuracy=0.9,
            learning_rate=0.1,
            images_per_second=12.0,
            best_epoch=1,
        )
    yield ev.RunEnded(outcome="finished", run=job.run, best_epoch=1, epochs=2, seconds=104, forecast=said)


def full_disk(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """Raises an error that has its sentence."""
    yield ev.PhaseStarted(phase="saving")
    raise DiskFull(path="run", megabytes=12)


def broken(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """Raises what nobody foresaw."""
    yield ev.PhaseStarted(phase="saving")
    raise ZeroDivisionError("division\nby zero")


def interrupted(job: AnyJob, stop: Stop) -> Iterator[ev.Event]:
    """Ctrl+C where nothing of ours listens for it."""
    yield ev.PhaseStarted(phase="saving")
    raise KeyboardInterrupt


ENGINES: dict[str, Callable[[AnyJob, Stop], Iterator[ev.Event]]] = {
    engine.__name__: engine for engine in (quick, sampling, slow, fast, deaf, chatty, full_disk, broken, interrupted)
}

if __name__ == "__main__":
    sys.exit(run(sort_out(sys.argv[1:]), ENGINES[os.environ.get("STAND_IN", "quick")]))
