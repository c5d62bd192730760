"""The Share page on engines that the test plays: what is saved, where it went, the code that uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from tests.app.conftest import Process
from tests.app.playing import evaluation, make_run, open_flowers
from tests.fakes import FakeEngines
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.share_page import SharePage
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import ExportJob
from vgg_studio.core.preprocessing import Preprocessing, to_json


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    made = Window(studio, factories={"share": FACTORIES["share"]}, ask=lambda *_: True)
    made.resize(1280, 800)
    made.make_page("share")
    made.show()
    process(ms=20)
    yield made
    made.close()


@pytest.fixture
def page(window: Window) -> SharePage:
    found = window.pages["share"]
    assert isinstance(found, SharePage)
    return found


@pytest.fixture
def run(window: Window, studio: Studio) -> Path:
    """A finished run that is known to the window."""
    path = make_run("flowers-4", scored=evaluation()).path
    studio.refresh_runs()
    return path


def save_to(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """What the person answers in the dialog."""
    monkeypatch.setattr("vgg_studio.app.share_page.QFileDialog.getSaveFileName", lambda *_: (file, ""))


def click_save(window: Window, process: Process) -> None:
    process(ms=450)  # the button is deaf for a moment after each change
    QTest.mouseClick(window.header.button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(("ready", "wanted"), [(False, "data"), (True, "train")])
def test_that_without_a_network_the_page_leads_to_one(
    page: SharePage, window: Window, studio: Studio, engines: FakeEngines, ready: bool, wanted: str
) -> None:
    pages: list[str] = []
    studio.page_wanted.connect(pages.append)
    if ready:
        open_flowers(studio, engines)
    assert window.header.status.whole() == "There is no trained network to save yet."
    assert not window.header.button.isVisible()
    QTest.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert pages == [wanted]


def test_that_what_will_be_saved_is_told_with_its_size(
    page: SharePage, window: Window, studio: Studio, run: Path
) -> None:
    (run / "preprocessing.json").write_bytes(to_json(Preprocessing(image_size=224, resize="crop", resize_side=256)))
    studio.refresh_runs()
    names = [name.words() for name in page.files.names]
    assert names == ["flowers-4.pth", "class_indices.json", "preprocessing.json"]
    assert [contents.text() for contents in page.files.contents] == [
        "the network, 537 MB",  # 134,281,029 parameters of 4 bytes
        "the names of its 5 classes",
        "how a picture becomes numbers: shorter side 256 px, then the 224 x 224 px in the middle",
    ]
    assert window.header.status.whole() == "Run 4: VGG-16, 91.5\u00a0% on new pictures."


def test_that_the_network_is_saved_where_the_person_says(
    window: Window, run: Path, engines: FakeEngines, studio: Studio, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_to(monkeypatch, "/elsewhere/flowers")
    click_save(window, process)
    job, _order = engines.last(ExportJob)
    assert job == ExportJob(run=str(run), file="/elsewhere/flowers.pth")
    assert window.header.button.words() == "Saving…"
    assert not window.header.button.isEnabled()
    assert studio.settings.choice("shared_to") == "/elsewhere"


def test_that_a_dialog_that_was_broken_off_saves_nothing(
    window: Window, run: Path, engines: FakeEngines, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_to(monkeypatch, "")
    click_save(window, process)
    assert engines.asked == []


def test_that_the_page_says_where_the_network_lies(
    page: SharePage, run: Path, studio: Studio, engines: FakeEngines
) -> None:
    studio.export(str(run), "/elsewhere/my net.pth")
    written = ["/elsewhere/my net.pth", "/elsewhere/class_indices.json", "/elsewhere/preprocessing.json"]
    engines.send(engines.last(ExportJob)[1], ev.Exported(files=written), ev.JobEnded(outcome="done"))
    assert page.files.outcome.text() == "Saved as my net.pth in /elsewhere, with its two files beside it."
    assert page.files.folder_link.isVisible()
    assert 'torch.load("my net.pth", weights_only=True)' in page.code.code.toPlainText()


def test_that_a_full_disk_is_told(
    page: SharePage, window: Window, run: Path, studio: Studio, engines: FakeEngines
) -> None:
    studio.export(str(run), "/elsewhere/net.pth")
    failure = ev.Failure(code="DiskFull", values={"path": "/elsewhere/net.pth", "megabytes": 537})
    engines.send(engines.last(ExportJob)[1], ev.JobEnded(outcome="failed", failure=failure))
    assert page.files.outcome.text().startswith("The disk is full: /elsewhere/net.pth needs 537 MB more.")
    assert not page.files.folder_link.isVisible()
    assert window.header.button.isEnabled()


def test_that_another_run_does_not_carry_the_last_ones_outcome(
    page: SharePage, run: Path, studio: Studio, engines: FakeEngines
) -> None:
    other = make_run("flowers-3", scored=evaluation(), ago=600).path
    studio.refresh_runs()
    studio.export(str(run), "/elsewhere/net.pth")
    engines.send(engines.last(ExportJob)[1], ev.Exported(files=["/elsewhere/net.pth"]), ev.JobEnded(outcome="done"))
    at = page.files.choice.findData(str(other))
    page.files.choice.setCurrentIndex(at)
    page.files.choice.activated.emit(at)
    assert not page.files.outcome.isVisible()
    assert page.files.names[0].words() == "flowers-3.pth"
    assert "flowers-3.pth" in page.code.code.toPlainText()


def test_that_the_code_is_for_this_network_and_can_be_copied(page: SharePage, run: Path, process: Process) -> None:
    code = page.code.code.toPlainText()
    assert "torchvision.models.vgg16(num_classes=5)" in code
    assert page.code.code.isReadOnly()
    QTest.mouseClick(page.code.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == code
    assert page.code.copy_button.words() == "Copied"
    process(until=lambda: page.code.copy_button.words() == "Copy")


def test_that_only_networks_that_are_ready_are_offered(page: SharePage, studio: Studio) -> None:
    make_run("flowers-1", outcome="paused")
    make_run("flowers-2", outcome="failed", epochs=0)
    make_run("flowers-3", outcome="finished_early", scored=evaluation())
    studio.refresh_runs()
    assert [page.files.choice.itemText(at) for at in range(page.files.choice.count())] == [
        "Run 3, 91.5\u00a0% on new pictures"
    ]
