"""The README's screenshots are made here: the real window on the sample pictures, with a training that is made up.

Each picture carries the words that stood in the window when it was made. The tests compare them with what the window says
today, so that a screenshot which has fallen behind fails. To make them anew:

    WRITE_SCREENSHOTS=1 .venv/bin/uv run --group test pytest tests/app/test_docs_screenshots.py
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PySide6.QtCore import QBuffer, QIODevice, QSize, QTimer
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QWidget

from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app import theme
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.settings import Settings
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import DrawSamplesJob, Job, ScanJob, Stop, ThumbnailJob, TrainJob
from vgg_studio.core.metrics import class_scores, wilson
from vgg_studio.core.run_folder import Manifest, RunFolder
from vgg_studio.pictures.demo import draw_samples
from vgg_studio.pictures.scan import scan
from vgg_studio.pictures.thumbnails import make_thumbnails

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "screenshots"
SIZE = QSize(1280, 800)
MOST_BYTES = 200_000
WRITE = bool(os.environ.get("WRITE_SCREENSHOTS"))
CLASSES = ["car", "fish", "flower", "house"]
DEVICE = ev.DeviceFact(kind="cpu", name="Eight cores", cores=8, reason="no_gpu")
JOB = TrainJob(variant="vgg11_bn", epochs=20, image_size=64, width_divisor=4)
T0 = 1_790_000_000.0

Process = Callable[..., None]


class NearEngines(FakeEngines):
    """Does the orders of the pictures engine in this process; a test plays the other two."""

    def ask(self, role: str, job: Job) -> str:
        order = super().ask(role, job)
        if role == "pictures":
            QTimer.singleShot(0, lambda: self.send(order, *_done(job)))
        return order


def _done(job: Job) -> Iterator[ev.Event]:
    if isinstance(job, DrawSamplesJob):
        return draw_samples(job, Stop())
    if isinstance(job, ScanJob):
        return scan(job, Stop())
    assert isinstance(job, ThumbnailJob)
    return make_thumbnails(job, Stop())


def _rows(rounds: int) -> list[ev.EpochRow]:
    """A training that goes well: the accuracies of a saturating curve, with a small wave in it."""
    rows = []
    for number in range(1, rounds + 1):
        share, wave = 1 - 0.72**number, 0.02 * (number % 3 - 1)
        rows.append(
            ev.EpochRow(
                epoch=number,
                train_loss=1.4 - 1.2 * share,
                train_accuracy=0.25 + 0.7 * share,
                val_loss=1.35 - 1.0 * share + wave,
                val_accuracy=0.27 + 0.66 * share - wave,
                learning_rate=0.01,
                images_per_second=212.0,
                seconds=6.0,
            )
        )
    return rows


def _training(rounds: int, folder: str) -> Iterator[ev.Event]:
    """The events of a training up to the middle of the round after `rounds`."""
    yield ev.RunStarted(
        time=T0,
        run=str(paths.runs_folder() / "samples-1"),
        data=folder,
        classes=CLASSES,
        parts={"train": 224, "val": 48, "test": 48},
        variant=JOB.variant,
        weights="none",
        train_from="block1",
        parameters=2_600_000,
        trained_parameters=2_600_000,
        epochs=JOB.epochs,
        batch_size=JOB.batch_size,
        device=DEVICE,
        precision="fp32",
        forecast=ev.ForecastFact(seconds_low=105, seconds_high=140, memory_bytes=870_000_000, disk_bytes=31_000_000),
    )
    for row in _rows(rounds):
        yield from _batches(row.epoch, 7)
        best = max(_rows(row.epoch), key=lambda one: one.val_accuracy or 0.0).epoch
        values = {name: getattr(row, name) for name in row.__struct_fields__}
        yield ev.EpochEnded(time=T0 + 6 * row.epoch, best_epoch=best, **values)
    yield from _batches(rounds + 1, 4)


def _batches(epoch: int, until: int) -> Iterator[ev.Event]:
    row = _rows(epoch)[-1]
    for batch in range(1, until + 1):
        yield ev.BatchEnded(
            time=T0 + 6 * (epoch - 1) + 0.8 * batch,
            epoch=epoch,
            batch=batch,
            batches=7,
            pictures=32 * batch,
            pictures_total=224,
            loss=(row.train_loss or 0) + 0.1 / batch,
            accuracy=row.train_accuracy,
            images_per_second=212.0,
        )


def _finished_run(studio: Studio) -> RunFolder:
    """A run among the user's own, as an engine would have left it: scored, with three pictures named wrong."""
    confusion = [[12, 0, 0, 0], [1, 11, 0, 0], [0, 0, 11, 1], [0, 1, 0, 11]]
    pictures = studio.scan.pictures
    wrong = [
        ev.WrongPicture(picture=pictures[true][place], true=true, named=named, probability=chance)
        for true, named, place, chance in (
            ("fish", "car", 3, 0.81),
            ("flower", "house", 5, 0.74),
            ("house", "fish", 9, 0.52),
        )
    ]
    score = ev.Evaluation(
        split="test",
        accuracy=45 / 48,
        loss=0.21,
        classes=CLASSES,
        confusion=confusion,
        count=48,
        correct=45,
        interval=wilson(45, 48),
        by_class=class_scores(CLASSES, confusion),
        wrong=wrong,
    )
    rows = _rows(JOB.epochs)
    manifest = Manifest(
        job=TrainJob(data=studio.folder, variant=JOB.variant, epochs=JOB.epochs, image_size=64, width_divisor=4),
        created=T0,
        device=DEVICE,
        classes=CLASSES,
        parts={"train": 224, "val": 48, "test": 48},
        epochs=rows,
        best_epoch=max(rows, key=lambda one: one.val_accuracy or 0.0).epoch,
        outcome="finished",
        elapsed=131.0,
        threshold=0.55,
        evaluation=score,
    )
    run = RunFolder.create(paths.runs_folder() / "samples-1", manifest)
    for event in _training(JOB.epochs - 1, studio.folder):
        run.append(event)
    studio.refresh_runs()
    return run


def _answers(studio: Studio, run: RunFolder) -> Iterator[ev.Event]:
    yield ev.ModelOpened(model=str(run.path), variant=JOB.variant, classes=CLASSES, threshold=0.55, device=DEVICE)
    for place, (name, chance) in enumerate(
        zip(CLASSES * 2, (0.98, 0.93, 0.9, 0.5, 0.88, 0.97, 0.52, 0.91), strict=True)
    ):
        path = str(Path(studio.folder) / studio.scan.pictures[name][place].path)
        others = [other for other in CLASSES if other != name]
        rest = [(1 - chance) * share for share in (0.7, 0.2, 0.1)]
        top = [ev.Guess(label=name, probability=chance)]
        top += [ev.Guess(label=other, probability=share) for other, share in zip(others, rest, strict=True)]
        yield ev.PicturePredicted(path=path, top=top, unsure=chance < 0.55, picture=ev.PictureRef(path=path))
    yield ev.JobEnded(time=studio.prediction.began + 2, outcome="done")


@pytest.fixture
def window(application: QWidget, process: Process) -> Iterator[Window]:
    """The real window with the sample pictures open."""
    importlib.import_module("pyqtgraph")  # else the plots come when they come
    engines = NearEngines()
    studio = Studio(engines, Settings())  # type: ignore[arg-type]  # the same face, no processes
    made = Window(studio)
    for key in FACTORIES:
        made.make_page(key)
    made.resize(SIZE)
    made.show()
    engines.become_ready(device=DEVICE)
    folder = Path.home() / "Pictures" / "samples"
    assert [event for event in _done(DrawSamplesJob(folder=str(folder))) if isinstance(event, ev.SamplesDrawn)]
    studio.open_folder(str(folder))
    process(until=lambda: studio.scan.finished and not studio.scan.running)
    yield made
    if studio.training:
        engines.send(engines.last(TrainJob)[1], ev.RunEnded(outcome="paused"))  # else the window asks before it closes
    made.close()


def _show(name: str, window: Window) -> None:
    """Bring the window into the state that the picture shows."""
    studio = window.studio
    engines = cast(NearEngines, studio.engines)
    theme.choose("dark" if name == "train" else "light")
    window.show_page(name)
    if name == "train":
        studio.start_training(JOB)
        engines.send(engines.last(TrainJob)[1], *_training(7, studio.folder))
    if name in ("results", "predict"):
        run = _finished_run(studio)
    if name == "predict":
        studio.predict(str(run.path), [ev.PictureRef(path=studio.folder)])
        engines.send(studio.prediction.orders[0], *_answers(studio, run))


def _words(window: Window) -> str:
    """Everything that can be read in the window, without numbers (dates and times among them) and without blanks."""
    found = [window.page().title(), window.page().status()]
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and isinstance(widget, QLabel | QAbstractButton):
            found.append(widget.text())
        elif widget.isVisible() and isinstance(widget, QComboBox):
            found.append(widget.currentText())
    return "\n".join(sorted({re.sub(r"[\d\s]+", " ", text).strip() for text in found if text}))


def _png(window: Window, words: str) -> bytes:
    """The window as a PNG of 256 colours with its words inside: small enough for a repository."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().save(buffer, "PNG")
    grabbed = Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")
    facts = PngInfo()
    facts.add_itxt("words", words)
    made = io.BytesIO()
    grabbed.quantize(256, dither=Image.Dither.NONE).save(made, "PNG", optimize=True, pnginfo=facts)
    return made.getvalue()


@pytest.mark.parametrize("name", ["data", "train", "results", "predict"])
def test_that_a_screenshot_shows_the_words_of_today(name: str, window: Window, process: Process) -> None:
    path = FOLDER / f"{name}.png"
    _show(name, window)
    if WRITE:
        process(ms=8_000)  # plots, tiles and thumbnails come by timers of their own
        FOLDER.mkdir(exist_ok=True)
        path.write_bytes(_png(window, _words(window)))
    with Image.open(path) as picture:
        shown, size = picture.info["words"].split("\n"), picture.size
    with contextlib.suppress(AssertionError):  # the comparison below says more than "did not come"
        process(until=lambda: _words(window).split("\n") == shown)
    assert shown == _words(window).split("\n")
    assert size == (SIZE.width(), SIZE.height())
    assert path.stat().st_size <= MOST_BYTES


def test_that_the_readme_shows_every_screenshot() -> None:
    readme = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.glob("*.png")} == set(re.findall(r"packaging/screenshots/(\w+\.png)", readme))
