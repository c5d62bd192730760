"""Writing the split as folders from the Data page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from tests.app.conftest import Process
from tests.app.playing import open_flowers
from tests.fakes import FakeEngines
from vgg_studio.app.data_page import DataPage
from vgg_studio.app.split_dialog import SplitDialog
from vgg_studio.app.state import Studio
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import WriteSplitJob


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process, tmp_path: Path) -> DataPage:
    made = DataPage(studio)
    open_flowers(studio, engines, str(tmp_path / "flowers"))
    made.show()
    process(ms=20)
    return made


@pytest.fixture
def dialog(page: DataPage, process: Process) -> SplitDialog:
    page.folder.split.as_folders.click()
    process()
    found = page.findChild(SplitDialog)
    assert isinstance(found, SplitDialog)
    return found


def ordered(engines: FakeEngines) -> tuple[WriteSplitJob, str]:
    job, order = engines.last(WriteSplitJob)
    assert isinstance(job, WriteSplitJob)
    return job, order


def test_that_the_copies_go_beside_the_pictures_with_the_usual_shares(
    dialog: SplitDialog, engines: FakeEngines, tmp_path: Path
) -> None:
    dialog.go.click()
    job, _order = ordered(engines)
    assert job == WriteSplitJob(data=str(tmp_path / "flowers"), folder=str(tmp_path / "flowers-split"))


def test_that_shares_and_place_are_a_persons_to_choose(
    dialog: SplitDialog, engines: FakeEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "mine"))
    dialog.change.click()
    dialog.percents["val"].setValue(20)
    dialog.percents["test"].setValue(0)
    dialog.go.click()
    job, _order = ordered(engines)
    assert (job.folder, job.val_percent, job.test_percent) == (str(tmp_path / "mine"), 20, 0)


def test_that_it_tells_how_far_it_is_and_opens_the_folder_in_the_end(
    dialog: SplitDialog, engines: FakeEngines, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("vgg_studio.app.split_dialog.show_folder", opened.append)
    dialog.go.click()
    _job, order = ordered(engines)
    assert not dialog.go.isEnabled()
    engines.send(order, ev.PhaseProgress(phase="saving", done=250, total=1000))
    assert dialog.state.text() == "Copying pictures: 250 of 1,000."
    assert dialog.line.value() == 250
    engines.send(order, ev.SplitWritten(folder="/place", parts={"train": 1000}), ev.JobEnded(outcome="done"))
    assert dialog.state.text() == "All pictures are copied."
    assert dialog.line.isHidden()
    dialog.go.click()
    process()
    assert opened == ["/place"]


def test_that_a_refusal_is_told_and_another_place_can_be_tried(dialog: SplitDialog, engines: FakeEngines) -> None:
    dialog.go.click()
    _job, order = ordered(engines)
    failure = ev.Failure("NotWritable", {"path": "/place", "detail": "holds_things"})
    engines.send(order, ev.JobEnded(outcome="failed", failure=failure))
    assert "it holds other things already" in dialog.state.text()
    assert dialog.go.isEnabled()
    assert dialog.change.isEnabled()


def test_that_closing_stops_the_copying(dialog: SplitDialog, engines: FakeEngines, process: Process) -> None:
    dialog.go.click()
    _job, order = ordered(engines)
    dialog.other.click()
    assert engines.stops == [(order, "cancel")]
    engines.send(order, ev.JobEnded(outcome="stopped"))
    assert dialog.state.text().startswith("Stopped.")
    dialog.reject()
    process()


def test_that_parts_that_came_with_the_folder_are_not_asked_for(
    studio: Studio, engines: FakeEngines, process: Process
) -> None:
    page = DataPage(studio)
    dialog = SplitDialog(studio.engines, "/pictures/set", "train_test", page)
    dialog.show()
    process()
    assert dialog.percents["val"].isVisible()
    assert not dialog.percents["test"].isVisible()
    dialog.reject()
    process()


def test_that_there_is_nothing_to_write_before_the_folder_is_read(studio: Studio, process: Process) -> None:
    page = DataPage(studio)
    studio.open_folder("/pictures/flowers")
    page.show()
    process()
    assert page.folder.split.as_folders.isHidden()
