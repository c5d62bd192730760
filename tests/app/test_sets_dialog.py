"""The window's way to the data sets of the tutorials, and to archives."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtWidgets import QFileDialog

from tests.app.conftest import Process
from tests.fakes import FakeEngines
from tests.pictures.data_sets import make_idx
from vgg_studio import paths
from vgg_studio.app.data_page import DataPage
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.sets_dialog import SetsDialog
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import FetchDataJob, ScanJob

Kind = TypeVar("Kind", FetchDataJob, ScanJob)


def newest(engines: FakeEngines, kind: type[Kind]) -> tuple[Kind, str]:
    """The newest order of a kind, and its id."""
    job, order = engines.last(kind)
    assert isinstance(job, kind)
    return job, order


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    made = Window(studio, factories={"data": FACTORIES["data"]}, ask=lambda *_: True)
    made.resize(1024, 700)
    made.make_page("data")
    made.show()
    process(ms=20)
    yield made
    made.close()


@pytest.fixture
def page(window: Window) -> DataPage:
    found = window.pages["data"]
    assert isinstance(found, DataPage)
    return found


@pytest.fixture
def dialog(page: DataPage, process: Process) -> SetsDialog:
    page.empty.zone.sets_link.click()
    process()
    found = page.findChild(SetsDialog)
    assert isinstance(found, SetsDialog)
    return found


def test_that_each_set_says_what_it_is_and_whether_it_is_here(dialog: SetsDialog) -> None:
    assert [row.title.text() for row in dialog.rows.values()] == ["CIFAR-10", "Fashion-MNIST", "flower_photos"]
    cifar = dialog.rows["cifar10"]
    assert (cifar.state.text(), cifar.main.words()) == ("170 MB to download", "Fetch")
    assert cifar.other.isVisibleTo(dialog)


def test_that_a_set_that_is_here_is_opened_at_once(page: DataPage, engines: FakeEngines, process: Process) -> None:
    make_idx(paths.data_sets_folder() / "fashion-mnist")
    page.empty.zone.sets_link.click()
    process()
    dialog = page.findChild(SetsDialog)
    assert isinstance(dialog, SetsDialog)
    row = dialog.rows["fashion-mnist"]
    assert (row.state.text(), row.main.words()) == ("On this computer", "Open")
    row.main.click()
    assert newest(engines, ScanJob)[0].data == str(paths.data_sets_folder() / "fashion-mnist")
    assert not dialog.isVisible()


def test_that_fetching_shows_how_far_it_is_and_then_opens_the_set(dialog: SetsDialog, engines: FakeEngines) -> None:
    row = dialog.rows["cifar10"]
    row.main.click()
    job, order = newest(engines, FetchDataJob)
    assert (job.name, job.source) == ("cifar10", "")
    assert not dialog.rows["flowers"].isEnabled()
    engines.send(order, ev.PhaseStarted(phase="downloading", total=170_000_000))
    engines.send(order, ev.PhaseProgress(phase="downloading", done=34_000_000, total=170_000_000))
    assert row.state.text() == "Downloading: 34 MB of 170 MB"
    assert row.line.value() == 200
    assert row.main.words() == "Cancel"
    engines.send(order, ev.DataFetched(name="cifar10", folder="/sets/cifar10"), ev.JobEnded(outcome="done"))
    assert newest(engines, ScanJob)[0].data == "/sets/cifar10"
    assert not dialog.isVisible()


def test_that_fetching_can_be_cancelled(dialog: SetsDialog, engines: FakeEngines) -> None:
    row = dialog.rows["flowers"]
    row.main.click()
    order = newest(engines, FetchDataJob)[1]
    row.main.click()
    assert engines.stops == [(order, "cancel")]
    engines.send(order, ev.JobEnded(outcome="stopped"))
    assert row.main.words() == "Fetch"
    assert dialog.rows["cifar10"].isEnabled()


def test_that_closing_the_dialog_stops_the_fetching(dialog: SetsDialog, engines: FakeEngines) -> None:
    dialog.rows["flowers"].main.click()
    dialog.close_button.click()
    assert engines.stops == [(newest(engines, FetchDataJob)[1], "cancel")]


def test_that_why_it_did_not_come_stands_where_it_was_asked_for(dialog: SetsDialog, engines: FakeEngines) -> None:
    row = dialog.rows["cifar10"]
    row.main.click()
    values: dict[str, str | int | float] = {
        "name": "CIFAR-10", "host": "www.example", "detail": "refused_connection", "addresses": "https://www.example/x.tar.gz",
        "path": "/sets/cifar10.files",
    }  # fmt: skip
    failure = ev.Failure(code="DataSetNotFetched", values=values)
    engines.send(newest(engines, FetchDataJob)[1], ev.JobEnded(outcome="failed", failure=failure))
    assert "https://www.example/x.tar.gz" in row.state.text()
    assert "/sets/cifar10.files" in row.state.text()
    assert row.main.words() == "Fetch"


def test_that_a_file_on_the_disk_will_do(
    dialog: SetsDialog, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/downloads/cifar-10-python.tar.gz", ""))
    dialog.rows["cifar10"].other.click()
    job, _ = newest(engines, FetchDataJob)
    assert (job.name, job.source) == ("cifar10", "/downloads/cifar-10-python.tar.gz")


def test_that_a_dropped_archive_is_read_and_its_pictures_shown_where_they_lie(
    page: DataPage, studio: Studio, engines: FakeEngines, tmp_path: Path
) -> None:
    archive = tmp_path / "pets.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("cat/1.png", b"")
    page.dropped([str(archive)])
    job, order = newest(engines, ScanJob)
    assert job.data == str(archive)
    engines.send(order, ev.PhaseStarted(phase="unpacking", total=1000))
    assert page.status() == "Unpacking the archive…"
    rows = [ev.ClassCount(name="cat", train=3), ev.ClassCount(name="dog", train=3)]
    engines.send(order, ev.ClassesListed(folder="/sets/pets-1234", layout="classes", classes=rows))
    assert studio.folder == studio.scan.folder == "/sets/pets-1234"
