"""Moments of a session, played on fake engines: what the tests of the look walk over."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import msgspec

from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app import run_words, train_job
from vgg_studio.app.settings import RecentFolder
from vgg_studio.app.state import Studio
from vgg_studio.core import events as ev
from vgg_studio.core.data_events import FindingKind
from vgg_studio.core.jobs import PredictJob, QuickLookJob, ScanJob, TrainJob, TuneJob
from vgg_studio.core.metrics import class_scores, wilson
from vgg_studio.core.run_folder import Checkpoint, Manifest, RunFolder

CLASSES = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
DEVICE = ev.DeviceFact(kind="cpu", name="processor", cores=8, reason="no_gpu")
JOB = TrainJob(data="/Pictures/flowers", variant="vgg16", weights="official", train_from="block5", epochs=20)
CONFUSION = [[40, 1, 0, 0, 1], [2, 43, 0, 1, 0], [0, 0, 27, 0, 5], [1, 1, 0, 39, 0], [0, 0, 4, 1, 34]]
PRETRAINED = msgspec.structs.replace(JOB, train_from="fc6", epochs=10, run="")
WITH_CARDS = ev.DeviceFact(kind="cuda", name="NVIDIA H200 141GB HBM3e", cores=16, cards=4)

Scene = Callable[[Studio, FakeEngines], None]


def nothing(studio: Studio, engines: FakeEngines) -> None:
    """The first start: only the device is known."""
    engines.become_ready(device=DEVICE)


def recent(studio: Studio, engines: FakeEngines) -> None:
    """A start with folders that were open before."""
    nothing(studio, engines)
    for name, count in (("meadow 2025", 3412), ("flowers", 1000)):
        studio.settings.remember(RecentFolder(path=f"/Pictures/{name}", pictures=count, classes=5, opened=1e9))


def reading(studio: Studio, engines: FakeEngines) -> None:
    """A folder is being read."""
    nothing(studio, engines)
    studio.open_folder(JOB.data)
    _, order = engines.last(ScanJob)
    engines.send(order, *_listed(), ev.PhaseProgress(phase="reading", done=412, total=1204))


def read(studio: Studio, engines: FakeEngines, order: str = "") -> None:
    """A folder was read; three files are left out."""
    if not order:
        reading(studio, engines)
        _, order = engines.last(ScanJob)
    bad = (("tulips/IMG_0413.jpg", "cut_off"), ("roses/rose (2).png", "empty"), ("daisy/notes.jpg", "not_a_picture"))
    left_out = [ev.LeftOut(picture=ev.PictureRef(path=path), reason=reason) for path, reason in bad]
    engines.send(
        order,
        ev.FolderScanned(
            folder=JOB.data,
            layout="classes",
            classes=_counts(),
            split={"train": 640, "val": 160, "test": 200},
            left_out=left_out,
            left_out_count=3,
        ),
        ev.JobEnded(outcome="done"),
    )


def sick(studio: Studio, engines: FakeEngines) -> None:
    """A folder was read in which everything deserves a look that can; pictures were left out and moved by hand."""
    reading(studio, engines)
    _, order = engines.last(ScanJob)
    engines.send(order, ev.FindingsMade(findings=_findings()), ev.ClassLeftOut(name="orchids", count=1))
    read(studio, engines, order)
    studio.corrector.leave_out([ev.PictureRef(path="roses/7.jpg")])
    studio.corrector.move([ev.PictureRef(path="roses/8.jpg")], "tulips")


def measured(studio: Studio, engines: FakeEngines) -> None:
    """The machine is known, and settings with weights are chosen."""
    read(studio, engines)
    train_job.offer(studio, PRETRAINED, JOB.data)
    for _other in range(2):  # first that of the settings before
        job, order = engines.last(TuneJob)
        assert isinstance(job, TuneJob)
        profile = ev.MachineProfile(
            machine="drawn", variant=job.variant, extract=[ev.Candidate(way=ev.Way(), macs_per_second=150e9)],
            train_macs={"fp32": 1e11}, linear_bytes=8e9, decode_pixels=1e8,
        )  # fmt: skip
        engines.send(order, ev.MachineTuned(profile=profile), ev.JobEnded(outcome="done"))


def looking(studio: Studio, engines: FakeEngines) -> None:
    """A quick look goes on."""
    measured(studio, engines)
    studio.outlook.look(PRETRAINED)
    _, order = engines.last(QuickLookJob)
    engines.send(order, ev.PhaseProgress(phase="extracting", done=412, total=1000))


def looked(studio: Studio, engines: FakeEngines) -> None:
    """A quick look has told what a run has to beat."""
    looking(studio, engines)
    _, order = engines.last(QuickLookJob)
    engines.send(order, ev.QuickLook(accuracy=0.868, spread=0.021, folds=5, count=640), ev.JobEnded(outcome="done"))


def extracting(studio: Studio, engines: FakeEngines) -> None:
    """A training computes what its frozen part makes of the pictures."""
    looked(studio, engines)
    studio.start_training(PRETRAINED)
    _, order = engines.last(TrainJob)
    began = ev.PhaseStarted(phase="extracting", total=1000, time=1e9)
    told = [ev.PhaseProgress(phase="extracting", done=41 * n, total=1000, time=1e9 + 4 * n) for n in range(1, 11)]
    fact = ev.ForecastFact(
        seconds_low=700, seconds_high=900, memory_bytes=1_234_000_000, disk_bytes=340_000_000, extract_seconds=400
    )
    engines.send(order, msgspec.structs.replace(_started(), forecast=fact), began, *told)


def surprised(studio: Studio, engines: FakeEngines) -> None:
    """The same training later on: most features were known, and memory was short."""
    extracting(studio, engines)
    _, order = engines.last(TrainJob)
    ready = ev.FeaturesReady(found=800, computed=200, seconds=90.0, way=ev.Way())
    engines.send(order, ready, ev.BatchShrunk(batch_size=32, part=8), *_rounds(6), _batch(7, 412, 0.29, 0.928))


def continuing(studio: Studio, engines: FakeEngines) -> None:
    """A finished run is to be made better."""
    finished(studio, engines)
    job = run_words.next_job(next(run for run in studio.runs if run.manifest.outcome == "finished"))
    assert job is not None
    train_job.offer(studio, job, JOB.data)


def refused(studio: Studio, engines: FakeEngines) -> None:
    """A folder without class folders."""
    nothing(studio, engines)
    studio.open_folder(JOB.data)
    _, order = engines.last(ScanJob)
    failure = ev.Failure(code="FolderFlat", values={"path": JOB.data})
    engines.send(order, ev.JobEnded(outcome="failed", failure=failure))


def preparing(studio: Studio, engines: FakeEngines) -> None:
    """A training was started; the network is being loaded."""
    read(studio, engines)
    studio.start_training(JOB)
    _, order = engines.last(TrainJob)
    engines.send(order, ev.PhaseStarted(phase="loading_network"))


def training(studio: Studio, engines: FakeEngines) -> None:
    """Round 7 of 20."""
    preparing(studio, engines)
    _, order = engines.last(TrainJob)
    engines.send(order, _started(), *_rounds(6), _batch(7, 412, 0.29, 0.928))


def advised(studio: Studio, engines: FakeEngines) -> None:
    """A training that learns nothing, and what the coach says about it."""
    preparing(studio, engines)
    _, order = engines.last(TrainJob)
    engines.send(order, _started())
    for epoch in range(1, 4):
        engines.send(
            order,
            *(_batch(epoch, pictures, 1.61, 0.2) for pictures in (320, 640)),
            ev.EpochEnded(
                epoch=epoch, train_loss=1.61, train_accuracy=0.2, val_loss=1.61, val_accuracy=0.2, learning_rate=0.003,
                images_per_second=12.4, seconds=57, best_epoch=1,
            ),
        )  # fmt: skip


def pausing(studio: Studio, engines: FakeEngines) -> None:
    """Pause was pressed, the batch is not over yet."""
    training(studio, engines)
    studio.end_training("pause")


def paused(studio: Studio, engines: FakeEngines) -> None:
    """The run is paused."""
    training(studio, engines)
    job, order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    _keep(job, "paused", 6)
    engines.send(order, ev.RunEnded(outcome="paused", best_epoch=5, val_accuracy=0.881, run=job.run, epochs=6))


def failed(studio: Studio, engines: FakeEngines) -> None:
    """The disk was full in round 7."""
    training(studio, engines)
    job, order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    failure = ev.Failure(code="DiskFull", values={"path": job.run, "megabytes": 553})
    _keep(job, "failed", 6)
    engines.send(order, ev.RunEnded(outcome="failed", best_epoch=5, run=job.run, epochs=6, failure=failure))


def finished(studio: Studio, engines: FakeEngines) -> None:
    """The run is finished and scored; an older one is among the results."""
    training(studio, engines)
    job, order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    _keep(job, "finished", 20, _score(job.run))
    _keep(TrainJob(data=JOB.data, run=str(paths.runs_folder() / "flowers-0"), variant="vgg11"), "failed", 2)
    ended = ev.RunEnded(outcome="finished", best_epoch=5, val_accuracy=0.881, run=job.run, epochs=20, seconds=1140.0)
    engines.send(order, *_rounds(20)[18:], _score(job.run), ended)


def with_cards(studio: Studio, engines: FakeEngines) -> None:
    """Four graphics cards, one of which is told to train."""
    measured(studio, engines)
    engines.become_ready(device=WITH_CARDS)
    train_job.offer(studio, msgspec.structs.replace(PRETRAINED, device="all"), JOB.data)


def answered(studio: Studio, engines: FakeEngines) -> None:
    """Five pictures were named by the finished run; one answer needs a look, one file was none."""
    finished(studio, engines)
    run = str(studio.runs[0].path)
    names = [f"/Pictures/new/IMG_20{number}.jpg" for number in range(41, 47)]
    studio.predict(run, [ev.PictureRef(path=name) for name in names])
    _, order = engines.last(PredictJob)
    answers: list[ev.Event] = [
        ev.PicturePredicted(path=name, top=_top(place), unsure=place == 2, picture=ev.PictureRef(path=name))
        for place, name in enumerate(names[:5])
    ]
    refusal = ev.PredictionFailed(path=names[5], reason="is a web page, not a picture", code="web_page")
    opened = ev.ModelOpened(model=run, variant="vgg16", classes=CLASSES, threshold=0.6, device=DEVICE)
    engines.send(order, opened, *answers, refusal, ev.JobEnded(outcome="done"))


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        nothing,
        recent,
        reading,
        read,
        sick,
        measured,
        looking,
        looked,
        extracting,
        surprised,
        refused,
        preparing,
        training,
        advised,
        pausing,
        paused,
        failed,
        finished,
        continuing,
        with_cards,
        answered,
    )
}


def _counts() -> list[ev.ClassCount]:
    counts = (212, 231, 158, 204, 195)
    return [ev.ClassCount(name=name, train=count) for name, count in zip(CLASSES, counts, strict=True)]


def _listed() -> list[ev.Event]:
    found: list[ev.Event] = [ev.ClassesListed(folder=JOB.data, layout="classes", classes=_counts())]
    for row in _counts():
        refs = [ev.PictureRef(path=f"{row.name}/{number}.jpg") for number in range(row.train)]
        found.append(ev.PicturesListed(class_name=row.name, pictures=refs))
    return [*found, ev.PhaseStarted(phase="reading", total=1204)]


def _findings() -> list[ev.Finding]:
    """One of each kind."""
    kinds: tuple[FindingKind, ...] = get_args(FindingKind)
    found = []
    for at, kind in enumerate(kinds):
        names = ["tulips", "roses"] if kind in ("two_classes", "imbalance", "same_name") else ["roses", "roses"]
        of_classes = kind in ("imbalance", "same_name", "tiny_class")
        refs = [ev.PictureRef(path=f"{name}/{10 * at + place}.jpg") for place, name in enumerate(names)]
        values: dict[str, str | int | float] = {
            "named": "tulips",
            "probability": 0.9,
            "factor": 1.5,
            "count": 12,
            "frames": 4,
        }
        if kind == "same_name":
            values["why"] = "unicode"
        one = ev.Finding(
            kind=kind, pictures=[] if of_classes else refs, classes=names, parts=["train", "test"], values=values
        )
        found.append(one)
    return found


def _started() -> ev.RunStarted:
    return ev.RunStarted(
        run=str(paths.runs_folder() / "flowers-1"),
        data=JOB.data,
        classes=CLASSES,
        parts={"train": 640, "val": 160, "test": 200},
        variant="vgg16",
        weights="official",
        train_from="block5",
        parameters=134_281_029,
        trained_parameters=126_645_765,
        epochs=20,
        batch_size=32,
        device=DEVICE,
        precision="bf16",
    )


def _batch(epoch: int, pictures: int, loss: float, accuracy: float) -> ev.BatchEnded:
    seconds = 57.0 * (epoch - 1 + pictures / 640)
    return ev.BatchEnded(
        epoch=epoch, batch=pictures // 32, batches=20, pictures=pictures, pictures_total=640, loss=loss,
        accuracy=accuracy, images_per_second=12.4, time=1e9 + seconds,
    )  # fmt: skip


def _row(epoch: int) -> ev.EpochRow:
    share = 1 - 0.6**epoch
    return ev.EpochRow(
        epoch=epoch, train_loss=1.9 - 1.6 * share, train_accuracy=0.25 + 0.7 * share, val_loss=1.4 - share,
        val_accuracy=0.881 if epoch == 5 else 0.5 + 0.375 * share, learning_rate=0.001, images_per_second=12.4, seconds=57,
    )  # fmt: skip


def _rounds(count: int) -> list[ev.Event]:
    found: list[ev.Event] = []
    for epoch in range(1, count + 1):
        row = _row(epoch)
        found += [_batch(epoch, 320, 2 / epoch, 0.5), _batch(epoch, 640, row.train_loss or 0, row.train_accuracy or 0)]
        values = {name: getattr(row, name) for name in row.__struct_fields__}
        found.append(ev.EpochEnded(best_epoch=min(epoch, 5), **values))
    return found


def _score(run: str) -> ev.Evaluation:
    correct, count = sum(row[place] for place, row in enumerate(CONFUSION)), sum(map(sum, CONFUSION))
    wrong = [
        ev.WrongPicture(
            picture=ev.PictureRef(path=f"roses/{number}.jpg"), true="roses", named="tulips", probability=0.9
        )
        for number in range(count - correct)
    ]
    return ev.Evaluation(
        split="test", accuracy=correct / count, loss=0.3, classes=CLASSES, confusion=CONFUSION, count=count,
        correct=correct, interval=wilson(correct, count), by_class=class_scores(CLASSES, CONFUSION), wrong=wrong, run=run,
    )  # fmt: skip


def _keep(job: TrainJob, outcome: str, rounds: int, score: ev.Evaluation | None = None) -> RunFolder:
    manifest = Manifest(
        job=job, created=1e9, outcome=outcome, classes=CLASSES, epochs=[_row(epoch) for epoch in range(1, rounds + 1)],
        best_epoch=5, last=Checkpoint(epoch=rounds), best=Checkpoint(epoch=5), evaluation=score, elapsed=1140.0, device=DEVICE,
        parts={"train": 640, "val": 160, "test": 200}, quick_look=0.868,
        forecast=ev.ForecastFact(seconds_low=1020, seconds_high=1260),
        failure=ev.Failure(code="DiskFull", values={"path": "/", "megabytes": 5}) if outcome == "failed" else None,
    )  # fmt: skip
    run = RunFolder.create(paths.runs_folder() / job.run.rpartition("/")[2], manifest)
    for event in _rounds(rounds):
        run.append(event)
    return run


def _top(first: int) -> list[ev.Guess]:
    order = [CLASSES[(first + place) % 5] for place in range(5)]
    shares = (0.523, 0.441, 0.02, 0.01, 0.006) if first == 2 else (0.974, 0.019, 0.005, 0.001, 0.001)
    return [ev.Guess(label=label, probability=share) for label, share in zip(order, shares, strict=True)]
