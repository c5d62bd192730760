from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app.settings import RecentFolder, Settings
from vgg_studio.app.state import Studio
from vgg_studio.app.thumbnails import BATCH
from vgg_studio.core import events as ev, language
from vgg_studio.core.jobs import (
    DrawSamplesJob,
    ExportJob,
    PredictJob,
    Request,
    ScanJob,
    ThumbnailJob,
    TrainJob,
    to_line,
)
from vgg_studio.core.run_folder import Checkpoint, Manifest, RunFolder


class Ear(QObject):
    """Counts a signal."""

    def __init__(self, *signals: object) -> None:
        super().__init__()
        self.heard = 0
        for signal in signals:
            signal.connect(self.hear)  # type: ignore[attr-defined]

    def hear(self, *values: object) -> None:
        self.heard += 1


def picture(name: str) -> ev.PictureRef:
    return ev.PictureRef(path=name)


def scanned(engines: FakeEngines, folder: str = "/flowers") -> None:
    """Play a whole scan of two classes, one file of which is left out."""
    _, order = engines.last(ScanJob)
    classes = [ev.ClassCount(name="daisy", train=3), ev.ClassCount(name="roses", train=2)]
    engines.send(
        order,
        ev.ClassesListed(folder=folder, layout="classes", classes=classes),
        ev.PicturesListed(class_name="daisy", pictures=[picture(f"daisy/{n}.jpg") for n in range(3)]),
        ev.PicturesListed(class_name="roses", pictures=[picture(f"roses/{n}.jpg") for n in range(2)]),
        ev.PhaseStarted(phase="reading", total=5),
        ev.PictureLeftOut(picture=picture("daisy/1.jpg"), reason="cut_off"),
        ev.PhaseProgress(phase="reading", done=5, total=5),
        ev.FolderScanned(
            folder=folder,
            layout="classes",
            classes=[ev.ClassCount(name="daisy", train=2), ev.ClassCount(name="roses", train=2)],
            split={"train": 2, "val": 1, "test": 1},
            left_out=[ev.LeftOut(picture=picture("daisy/1.jpg"), reason="cut_off")],
            left_out_count=1,
        ),
        ev.JobEnded(outcome="done"),
    )


def a_run(name: str, outcome: str = "", epoch: int = 2) -> RunFolder:
    last = Checkpoint(epoch=epoch) if epoch else None
    job = TrainJob(data="/flowers", epochs=5)
    manifest = Manifest(job=job, created=1.0, outcome=outcome, last=last, classes=["a", "b"])
    return RunFolder.create(paths.runs_folder() / name, manifest)


def test_that_opening_another_folder_cancels_the_first_scan(studio: Studio, engines: FakeEngines) -> None:
    studio.open_folder("/first")
    _, first = engines.last(ScanJob)
    studio.open_folder("/second")
    assert engines.stops == [(first, "cancel")]
    engines.send(first, ev.JobEnded(outcome="stopped"))
    assert studio.scan.running
    assert studio.scan.folder == "/second"


def test_that_a_scan_fills_the_classes_and_drops_what_is_left_out(studio: Studio, engines: FakeEngines) -> None:
    ear = Ear(studio.scan_changed)
    studio.open_folder("/flowers")
    scanned(engines)
    scan = studio.scan
    assert ear.heard == 2  # begun; and the whole delivery at once
    assert scan.usable
    assert not scan.running
    assert scan.count == 4
    assert [ref.path for ref in scan.pictures["daisy"]] == ["daisy/0.jpg", "daisy/2.jpg"]
    assert scan.left_out_count == 1
    assert scan.split == {"train": 2, "val": 1, "test": 1}


def test_that_a_folder_that_was_read_is_remembered_with_its_first_picture(studio: Studio, engines: FakeEngines) -> None:
    studio.open_folder("/flowers")
    scanned(engines)
    assert studio.settings.recent[0].thumbnail == ""
    studio.thumbnails._ask()
    _, order = engines.last(ThumbnailJob)
    engines.send(order, ev.ThumbnailMade(picture=picture("daisy/0.jpg"), file="/cache/x.jpg"))
    (kept,) = studio.settings.recent
    assert (kept.path, kept.pictures, kept.classes, kept.thumbnail) == ("/flowers", 4, 2, "/cache/x.jpg")


def test_that_the_sample_pictures_are_opened_when_they_are_drawn(studio: Studio, engines: FakeEngines) -> None:
    studio.open_samples()
    assert "samples" in studio.scan.folder
    _, order = engines.last(DrawSamplesJob)
    engines.send(order, ev.SamplesDrawn(folder="/samples", count=9), ev.JobEnded(outcome="done"))
    assert not studio.drawing_samples
    assert studio.folder == "/samples"
    assert studio.scan.running


def test_that_a_second_start_begins_nothing(studio: Studio, engines: FakeEngines) -> None:
    studio.folder = "/flowers"
    assert studio.start_training(TrainJob(epochs=3))
    assert not studio.start_training(TrainJob(epochs=3))
    assert len([job for _, job, _ in engines.asked if isinstance(job, TrainJob)]) == 1


def test_that_a_training_gets_the_open_folder_and_a_run_folder_of_its_own(studio: Studio, engines: FakeEngines) -> None:
    studio.folder = "/data/flowers"
    studio.start_training(TrainJob(epochs=3))
    job, _ = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.data == "/data/flowers"
    assert Path(job.run) == paths.runs_folder() / "flowers-1"
    assert studio.settings.job == TrainJob(epochs=3)


def test_that_a_training_that_ends_is_announced_once_and_listed(studio: Studio, engines: FakeEngines) -> None:
    studio.folder = "/flowers"
    studio.start_training(TrainJob(epochs=1))
    _, order = engines.last(TrainJob)
    a_run("flowers-1", outcome="finished")
    training, runs = Ear(studio.training_changed), Ear(studio.runs_changed)
    engines.send(order, ev.RunEnded(outcome="finished", run=str(paths.runs_folder() / "flowers-1")))
    assert not studio.training
    assert (training.heard, runs.heard) == (1, 1)
    assert [run.path.name for run in studio.runs] == ["flowers-1"]
    assert studio.run_at(str(paths.runs_folder() / "flowers-1")) is studio.runs[0]


def test_that_asking_twice_for_the_same_end_asks_the_engine_once(studio: Studio, engines: FakeEngines) -> None:
    studio.folder = "/flowers"
    studio.start_training(TrainJob(epochs=1))
    _, order = engines.last(TrainJob)
    for how in ("pause", "pause", "discard"):
        studio.end_training(how)
    assert engines.stops == [(order, "pause"), (order, "discard")]
    assert studio.progress.ending == "discard"


def test_that_continuing_takes_the_run_s_own_settings(studio: Studio, engines: FakeEngines) -> None:
    run = a_run("flowers-1", outcome="paused")
    run.append(ev.EpochEnded(
        epoch=1, train_loss=1.0, train_accuracy=0.5, val_loss=1.0, val_accuracy=0.5,
        learning_rate=0.1, images_per_second=1.0, best_epoch=1,
    ))  # fmt: skip
    run.append(ev.RunEnded(outcome="paused"))
    assert studio.continue_training(run, epochs=9)
    job, _ = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert (job.resume, job.epochs, job.run) == (True, 9, str(run.path))
    assert studio.progress.outcome == ""
    assert [row.epoch for row in studio.progress.rows] == [1]


@pytest.mark.parametrize(
    ("outcome", "epoch", "offered"),
    [("", 2, True), ("paused", 2, True), ("finished", 2, False), ("failed", 2, False), ("", 0, False)],
)
def test_that_only_a_run_that_can_go_on_is_offered(studio: Studio, outcome: str, epoch: int, offered: bool) -> None:
    a_run("flowers-1", outcome, epoch)
    studio.refresh_runs()
    studio.find_unfinished()
    assert (studio.unfinished_run is not None) == offered
    studio.put_aside_unfinished()
    assert studio.unfinished_run is None


def test_that_a_run_that_is_being_written_is_not_offered(studio: Studio) -> None:
    with a_run("flowers-1").lock():
        studio.refresh_runs()
        studio.find_unfinished()
    assert studio.unfinished_run is None


def test_that_answers_of_one_model_add_up_and_another_model_starts_anew(studio: Studio, engines: FakeEngines) -> None:
    studio.predict("run-a", [picture("/x.jpg")])
    _, first = engines.last(PredictJob)
    studio.predict("run-a", [picture("/y.jpg")])
    engines.send(first, ev.PicturePredicted(path="/x.jpg", top=[]), ev.JobEnded(outcome="done"))
    assert studio.prediction.running
    assert len(studio.prediction.rows) == 1
    studio.predict("run-b", [picture("/x.jpg")])
    assert studio.prediction.rows == []
    assert len(studio.prediction.asked) == 1
    assert [how for _, how in engines.stops] == ["cancel"]


def test_that_many_pictures_are_asked_about_in_lines_that_an_engine_takes(studio: Studio, engines: FakeEngines) -> None:
    many = [picture(f"/{'ü' * 100}/{number}.jpg") for number in range(10_000)]
    studio.predict("run-a", many)
    jobs = [job for _, job, _ in engines.asked if isinstance(job, PredictJob)]
    assert [ref for job in jobs for ref in job.pictures] == many
    assert max(len(to_line(Request(id="x", job=job))) for job in jobs) < 1 << 20
    assert len(studio.prediction.orders) == len(jobs) > 1


def test_that_predicting_nothing_asks_nothing(studio: Studio, engines: FakeEngines) -> None:
    studio.predict("run-a", [])
    assert engines.asked == []


def test_that_an_export_tells_its_files_or_its_failure(studio: Studio, engines: FakeEngines) -> None:
    studio.export("/run", "/out.pth")
    _, order = engines.last(ExportJob)
    engines.send(order, ev.Exported(files=["/out.pth"]), ev.JobEnded(outcome="done"))
    assert studio.exporting.files == ["/out.pth"]
    assert not studio.exporting.running


def test_that_the_language_changes_at_once_and_is_kept(studio: Studio) -> None:
    ear = Ear(studio.language_changed)
    studio.set_language("zh_CN")
    assert language.current() == "zh_CN"
    assert ear.heard == 1
    assert Settings().language == "zh_CN"


def test_that_the_scheme_changes_at_once_and_is_kept(studio: Studio) -> None:
    ear = Ear(studio.theme_changed)
    studio.set_scheme("dark")
    assert ear.heard == 1
    assert Settings().scheme == "dark"


# --- settings


def test_that_settings_come_back_as_they_were(settings: Settings) -> None:
    settings.job = TrainJob(variant="vgg11", learning_rate=0.25)
    settings.remember(RecentFolder(path="/a, b=c", pictures=3))
    settings.choose("model", "百合;#\n")
    settings.last_folder = "/päth"
    settings.save()
    again = Settings()
    assert again.job == TrainJob(variant="vgg11", learning_rate=0.25)
    assert again.recent == [RecentFolder(path="/a, b=c", pictures=3)]
    assert again.choice("model") == "百合;#\n"
    assert again.last_folder == "/päth"


def test_that_recent_folders_are_few_newest_first_each_once(settings: Settings) -> None:
    for number in (*range(20), 15):
        settings.remember(RecentFolder(path=f"/{number}"))
    assert [folder.path for folder in settings.recent][:3] == ["/15", "/19", "/18"]
    assert len(settings.recent) == 8
    settings.forget("/15")
    assert settings.recent[0].path == "/19"


@pytest.mark.parametrize("content", [b"\x00\x01\xff garbage", b"[General\nno sense at all\n", b"\xff\xfe" * 50])
def test_that_damaged_settings_are_put_aside_and_the_usual_ones_hold(content: bytes) -> None:
    paths.settings_file().write_bytes(content)
    settings = Settings()
    assert (settings.language, settings.scheme, settings.recent, settings.job) == ("", "system", [], None)
    kept = [file for file in paths.settings_file().parent.iterdir() if ".damaged-" in file.name]
    assert [file.read_bytes() for file in kept] == [content]


def test_that_a_wrong_value_among_good_ones_counts_as_absent(settings: Settings) -> None:
    settings._store.setValue("job", '{"order":"train","epochs":-5}')
    settings._store.setValue("recent", "[17]")
    settings._store.setValue("scheme", "mauve")
    settings._store.setValue("geometry", "not packed")
    settings.language = "zh_CN"
    assert (settings.job, settings.recent, settings.scheme) == (None, [], "system")
    assert settings.geometry.isEmpty()
    assert settings.language == "zh_CN"


# --- thumbnails


def test_that_thumbnails_are_asked_for_in_small_batches_newest_first(studio: Studio, engines: FakeEngines) -> None:
    for number in range(3 * BATCH):
        assert studio.thumbnails.pixmap(picture(f"{number}.jpg"), "/data") is None
    studio.thumbnails._ask()
    jobs = [job for _, job, _ in engines.asked if isinstance(job, ThumbnailJob)]
    assert [len(job.pictures) for job in jobs] == [BATCH, BATCH]
    assert jobs[0].pictures[0] == picture(f"{3 * BATCH - 1}.jpg")


def test_that_a_thumbnail_that_arrived_is_shown_and_not_asked_for_again(
    studio: Studio, engines: FakeEngines, tmp_path: Path
) -> None:
    file = tmp_path / "small.jpg"
    image = QImage(512, 340, QImage.Format.Format_RGB32)
    image.fill(0xFF336699)
    assert image.save(str(file))
    ear = Ear(studio.thumbnails.arrived)
    studio.thumbnails.pixmap(picture("a.jpg"), "/data")
    studio.thumbnails._ask()
    _, order = engines.last(ThumbnailJob)
    engines.send(order, ev.ThumbnailMade(picture=picture("a.jpg"), file=str(file)), ev.JobEnded(outcome="done"))
    shown = studio.thumbnails.pixmap(picture("a.jpg"), "/data")
    assert shown is not None
    assert (shown.width(), shown.height()) == (256, 170)
    assert ear.heard == 1
    studio.thumbnails._ask()
    assert len(engines.asked) == 1


def test_that_one_picture_that_ends_the_engine_hides_no_other(studio: Studio, engines: FakeEngines) -> None:
    for name in ("good.jpg", "evil.jpg"):
        studio.thumbnails.pixmap(picture(name), "/data")
    studio.thumbnails._ask()
    _, order = engines.last(ThumbnailJob)
    engines.send(order, ev.JobEnded(outcome="failed"))
    for _, job, single in list(engines.asked[1:]):
        assert isinstance(job, ThumbnailJob)
        (one,) = job.pictures
        if one.path == "evil.jpg":
            engines.send(single, ev.JobEnded(outcome="failed"))
        else:
            engines.send(single, ev.ThumbnailMade(picture=one, file="/x.jpg"), ev.JobEnded(outcome="done"))
    assert len(engines.asked) == 3
    assert studio.thumbnails.reason(picture("evil.jpg"), "/data") == "damaged"
    assert studio.thumbnails.file(picture("good.jpg"), "/data") == "/x.jpg"
