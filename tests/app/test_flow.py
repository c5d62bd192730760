"""The main job from end to end: the real window, real engine processes, real files, real drops and clicks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tests.pictures import make_folder, snapshot
from vgg_studio import paths
from vgg_studio.app.engines import Engines
from vgg_studio.app.main import Start
from vgg_studio.app.settings import Settings
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.app.train_state import State
from vgg_studio.app.window import Window
from vgg_studio.core.events import PicturePredicted
from vgg_studio.core.run_folder import RunFolder

pytestmark = pytest.mark.timeout(300)
PATIENCE = 120_000  # ms: two engines import torch on a machine that does other things too


class Person:
    """Does with the window what a person does: waits, clicks, drops."""

    def __init__(self, process: Callable[..., None]) -> None:
        self._process = process
        self.studio = Studio(Engines(), Settings())
        self.asked: list[bool] = []
        self.window = Window(self.studio, ask=self._yes)
        self._start = Start(self.window, "")
        self.window.show()
        self.wait(lambda: len(self.window.pages) == 6)

    def _yes(self, studio: Studio, parent: QWidget) -> bool:
        self.asked.append(True)
        return True

    def wait(self, until: Callable[[], bool]) -> None:
        self._process(until=until, limit_ms=PATIENCE)

    def click_primary(self) -> None:
        self._process(ms=450)  # the button is deaf for a moment after each change
        QTest.mouseClick(self.window.header.button, Qt.MouseButton.LeftButton)

    def drop(self, *files: Path) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.window, QDragEnterEvent(QPoint(600, 400), copy, mime, left, none))
        QApplication.sendEvent(self.window, QDropEvent(QPointF(600, 400), copy, mime, left, none))

    @property
    def train(self) -> TrainPage:
        page = self.window.pages["train"]
        assert isinstance(page, TrainPage)
        return page

    def start_training(self, folder: Path, rounds: int) -> None:
        self.drop(folder)
        self.wait(lambda: self.studio.scan.finished)
        self.click_primary()
        assert self.window.shown == "train"
        field = self.train.form.settings.rounds
        field.selectAll()
        QTest.keyClicks(field, str(rounds))
        QTest.keyClick(field, Qt.Key.Key_Return)
        self.click_primary()
        self.wait(lambda: self.studio.training)

    def leave(self) -> bool:
        self.window.close()
        in_time = self.studio.engines.close()
        self._start.finish()
        return in_time


@pytest.fixture
def person(application: QApplication, process: Callable[..., None]) -> Iterator[Person]:
    someone = Person(process)
    yield someone
    someone.leave()
    someone.studio.deleteLater()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "R&D <img src=x> 花", ("<img src=x>", "R&D", "雏菊"), count=10)


def engine_of(role: str) -> int:
    """The process id of an engine that this process started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == os.getpid() and role.encode() in words and b"engine" in words:
                return int(entry.name)
    pytest.fail(f"no {role} engine runs")


def test_that_a_dropped_folder_is_learned_and_a_dropped_picture_named(person: Person, folder: Path) -> None:
    before = snapshot(folder)
    person.start_training(folder, rounds=3)
    person.wait(lambda: person.train.state is State.RUNNING)
    person.wait(lambda: not person.studio.training)
    progress = person.studio.progress
    assert progress.outcome == "finished", progress.ended
    assert [row.epoch for row in progress.rows] == [1, 2, 3]
    assert progress.evaluation is not None
    assert progress.evaluation.split == "test"

    person.click_primary()
    assert person.window.shown == "results"
    person.click_primary()
    assert person.window.shown == "predict"
    person.drop(folder / "雏菊" / "003.png")
    person.wait(lambda: bool(person.studio.prediction.rows) and not person.studio.prediction.running)
    (row,) = person.studio.prediction.rows
    assert isinstance(row, PicturePredicted)
    assert {guess.label for guess in row.top} == {"<img src=x>", "R&D", "雏菊"}
    assert sum(guess.probability for guess in row.top) == pytest.approx(1, abs=1e-3)
    assert snapshot(folder) == before


def test_that_closing_in_the_middle_asks_saves_and_the_next_start_goes_on(
    person: Person, folder: Path, process: Callable[..., None]
) -> None:
    person.start_training(folder, rounds=200)
    person.wait(lambda: len(person.studio.progress.rows) >= 2)
    run = Path(person.studio.progress.run)
    assert person.leave()
    assert person.asked == [True]
    assert RunFolder.open(run).manifest.outcome == "paused"
    assert not RunFolder.open(run).in_use()

    again = Person(process)
    try:
        assert again.studio.unfinished_run is not None
        again.window.show_page("train")
        assert again.train.state is State.PAUSED
        done = len(again.train.progress().rows)
        again.click_primary()
        again.wait(lambda: len(again.studio.progress.rows) > done)
        again.studio.end_training("finish")
        again.wait(lambda: not again.studio.training)
        assert again.studio.progress.outcome == "finished_early"
        assert RunFolder.open(run).manifest.evaluation is not None
    finally:
        again.leave()
        again.studio.deleteLater()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the engine's process through /proc")
def test_that_the_window_outlives_a_killed_engine_and_continues(
    person: Person, folder: Path, expect_log: Callable[[str], None]
) -> None:
    expect_log("engine")
    person.start_training(folder, rounds=200)
    person.wait(lambda: len(person.studio.progress.rows) >= 2)
    os.kill(engine_of("train"), signal.SIGKILL)
    person.wait(lambda: not person.studio.training)
    assert person.studio.progress.outcome == "failed"
    assert person.train.state is State.FAILED
    assert "is saved" in person.train.status()
    assert person.train.watch.failure.isVisible()

    saved = len(RunFolder.open(Path(person.studio.progress.run)).manifest.epochs)
    person.click_primary()
    person.wait(lambda: len(person.studio.progress.rows) > saved)
    assert person.studio.progress.outcome == ""
    person.studio.end_training("discard")
    person.wait(lambda: not person.studio.training)
    assert person.studio.progress.outcome == "discarded"
    assert not list(paths.runs_folder().iterdir())
