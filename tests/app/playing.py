"""Plays an engine for the pages: a folder that was read, a training round by round, runs on the disk."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app.state import Studio
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import ScanJob, TrainJob, TuneJob
from vgg_studio.core.metrics import class_scores, wilson
from vgg_studio.core.run_folder import Checkpoint, Manifest, RunFolder, epoch_event

FLOWERS = {"daisy": 212, "dandelion": 231, "roses": 158, "sunflowers": 204, "tulips": 195}
SPLIT = {"train": 640, "val": 160, "test": 200}
PROCESSOR = ev.DeviceFact(kind="cpu", cores=8, reason="no_gpu")
CONFUSION = [[40, 1, 0, 0, 1], [2, 43, 0, 1, 0], [0, 0, 27, 0, 5], [1, 1, 0, 39, 0], [0, 0, 4, 1, 34]]
VAL_LOSS, VAL_ACCURACY = (0.92, 0.61, 0.48, 0.42, 0.39, 0.40), (0.71, 0.80, 0.85, 0.87, 0.881, 0.875)


def open_flowers(studio: Studio, engines: FakeEngines, folder: str = "/pictures/flowers") -> None:
    """A folder of five classes was opened and read to its end."""
    studio.open_folder(folder)
    _job, order = engines.last(ScanJob)
    classes = [ev.ClassCount(name=name, train=count) for name, count in FLOWERS.items()]
    engines.send(
        order,
        ev.ClassesListed(folder=folder, layout="classes", classes=classes),
        ev.FolderScanned(folder=folder, layout="classes", classes=classes, split=SPLIT),
        ev.JobEnded(outcome="done"),
    )


def tuned(engines: FakeEngines) -> ev.MachineProfile:
    """This machine was measured."""
    job, order = engines.last(TuneJob)
    assert isinstance(job, TuneJob)
    way = ev.Candidate(way=ev.Way(), macs_per_second=150e9)
    profile = ev.MachineProfile(
        machine="drawn",
        variant=job.variant,
        extract=[way],
        train_macs={"fp32": 100e9},
        linear_bytes=8e9,
        decode_pixels=1e8,
    )
    engines.send(order, ev.MachineTuned(profile=profile), ev.JobEnded(outcome="done"))
    return profile


def row(epoch: int) -> ev.EpochRow:
    """A round as in the drawn pictures: the fifth is the best."""
    at = min(epoch, 6) - 1
    return ev.EpochRow(
        epoch=epoch,
        train_loss=2 / (epoch + 1),
        train_accuracy=1 - 0.7 / (epoch + 1),
        val_loss=VAL_LOSS[at],
        val_accuracy=VAL_ACCURACY[at],
        learning_rate=0.001,
        images_per_second=12.4,
        seconds=57.0,
    )


class Training:
    """A training on fake engines, told event by event."""

    def __init__(self, studio: Studio, engines: FakeEngines) -> None:
        self.engines = engines
        job, self.order = engines.last(TrainJob)
        assert isinstance(job, TrainJob)
        self.job = job
        self.time = time.time() - 3600
        self.random = random.Random(1)

    def begin(self, forecast: ev.ForecastFact | None = None) -> Training:
        """Everything is prepared."""
        self.send(
            ev.RunStarted(
                run=self.job.run, data=self.job.data, classes=list(FLOWERS), parts=SPLIT, variant=self.job.variant,
                weights=self.job.weights, train_from="block1", parameters=1, trained_parameters=1,
                epochs=self.job.epochs, batch_size=32, device=PROCESSOR, precision="fp32", forecast=forecast,
            )
        )  # fmt: skip
        return self

    def rounds(self, first: int, last: int) -> Training:
        """Whole rounds, checked and saved."""
        for epoch in range(first, last + 1):
            self.batches(epoch, 20)
            self.send(epoch_event(row(epoch), min(epoch, 5)), ev.CheckpointSaved(epoch=epoch))
        return self

    def batches(self, epoch: int, count: int) -> Training:
        """Batches 1 to `count` of the twenty of a round."""
        for batch in range(1, count + 1):
            self.time += 2.58
            x = epoch - 1 + batch / 20
            self.send(
                ev.BatchEnded(
                    time=self.time, epoch=epoch, batch=batch, batches=20, pictures=32 * batch, pictures_total=640,
                    loss=0.25 + 1.7 / (1 + x) + self.random.random() / 50, accuracy=0.93 - 0.6 / (1 + x),
                )
            )  # fmt: skip
        return self

    def end(self, outcome: ev.Outcome, failure: ev.Failure | None = None) -> None:
        """The last event."""
        self.send(ev.RunEnded(outcome=outcome, best_epoch=5, run=self.job.run, epochs=6, failure=failure))

    def send(self, *events: ev.Event) -> None:
        self.engines.send(self.order, *events)


def evaluation(
    classes: list[str] | None = None, confusion: list[list[int]] | None = None, split: str = "test"
) -> ev.Evaluation:
    """The score of the drawn picture, or of another square of counts; every mistake has its picture."""
    names, counts = classes or list(FLOWERS), confusion or CONFUSION
    total, right = sum(map(sum, counts)), sum(counts[at][at] for at in range(len(counts)))
    mistakes = [(i, j, k) for i in range(len(names)) for j in range(len(names)) if i != j for k in range(counts[i][j])]
    wrong = [
        ev.WrongPicture(
            picture=ev.PictureRef(path=f"{names[i]}/{i}-{j}-{k}.jpg"), true=names[i], named=names[j], probability=0.98
        )
        for i, j, k in mistakes
    ]
    return ev.Evaluation(
        split=split, accuracy=right / max(1, total), loss=0.3, classes=names, confusion=counts, count=total,
        correct=right, interval=wilson(right, total), by_class=class_scores(names, counts), wrong=wrong,
    )  # fmt: skip


def make_run(
    name: str, outcome: str = "finished", epochs: int = 6, scored: ev.Evaluation | None = None, ago: float = 60.0,
    data: str = "/pictures/flowers", failure: ev.Failure | None = None, rounds: int = 20,
) -> RunFolder:  # fmt: skip
    """A run on the disk with its log, among the user's runs."""
    job = TrainJob(data=data, variant="vgg16", weights="official", train_from="block5", epochs=rounds)
    rows = [row(epoch) for epoch in range(1, epochs + 1)]
    manifest = Manifest(
        job=job, created=time.time() - ago, classes=list(FLOWERS), parts=SPLIT, epochs=rows, best_epoch=min(5, epochs),
        outcome=outcome, evaluation=scored, elapsed=57.0 * epochs, device=PROCESSOR, failure=failure,
        last=Checkpoint(epoch=epochs) if epochs else None, best=Checkpoint(epoch=min(5, epochs)) if epochs else None,
    )  # fmt: skip
    run = RunFolder.create(Path(paths.runs_folder()) / name, manifest)
    for line in rows:
        for batch in (5, 10, 15, 20):
            run.append(
                ev.BatchEnded(
                    time=manifest.created + 57 * line.epoch + 3 * batch, epoch=line.epoch, batch=batch, batches=20,
                    pictures=32 * batch, pictures_total=640, loss=line.train_loss, accuracy=line.train_accuracy,
                )
            )  # fmt: skip
        run.append(epoch_event(line, min(5, line.epoch)))
    return run
