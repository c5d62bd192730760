"""What training sees, in the window: real orders answered by the real preview, and what a choice there changes."""

from __future__ import annotations

from pathlib import Path

import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.app.conftest import Process
from tests.app.test_train_page import choose, start
from tests.fakes import FakeEngines
from tests.pictures import make_folder
from vgg_studio.app.preview_dialog import PreviewDialog
from vgg_studio.app.preview_state import BATCH, ROWS, VARIANTS
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import PreviewJob, ScanJob, Stop
from vgg_studio.pictures.preview import preview
from vgg_studio.pictures.scan import scan


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process, tmp_path: Path) -> TrainPage:
    """The Train page on a folder of three classes that was really read."""
    data = make_folder(tmp_path / "data", ("cat", "dog", "owl"), count=12, size=40)
    made = TrainPage(studio)
    made.resize(1080, 744)
    made.show()
    studio.open_folder(str(data))
    job, order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    engines.send(order, *scan(job, Stop()))
    process()
    return made


def opened(page: TrainPage) -> PreviewDialog:
    page.form.settings.advanced.setChecked(True)
    QTest.mouseClick(page.form.pictures.preview, Qt.MouseButton.LeftButton)
    dialog = page.findChildren(PreviewDialog)[-1]
    assert isinstance(dialog, PreviewDialog)
    return dialog


def wishes(engines: FakeEngines) -> list[tuple[PreviewJob, str]]:
    return [(job, order) for _role, job, order in engines.asked if isinstance(job, PreviewJob)]


def answer(engines: FakeEngines, since: int = 0) -> None:
    for job, order in wishes(engines)[since:]:
        engines.send(order, *preview(job, Stop()))


def test_that_pictures_stand_beside_their_variations_and_the_batch_has_its_classes(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    dialog = opened(page)
    assert [picture for _words, picture in dialog.varied.cells] == [None] * (ROWS * (1 + VARIANTS))
    answer(engines)
    process()
    assert len(dialog.varied.cells) == ROWS * (1 + VARIANTS)
    assert all(picture is not None and not picture.isNull() for _words, picture in dialog.varied.cells)
    batch = min(BATCH, page.form.job.batch_size)
    assert len(dialog.batch.cells) == batch
    assert {words for words, _picture in dialog.batch.cells} <= {"cat", "dog", "owl"}
    assert dialog.varied.accessibleName() == "Variations of cat, dog, owl"


def test_that_the_orders_are_for_the_settings_that_are_shown(page: TrainPage, engines: FakeEngines) -> None:
    choose(page.form.pictures.variation, "crop")
    page.form.advanced.seed.setValue(7)
    opened(page)
    plain, varied, batch = (job for job, _order in wishes(engines))
    assert (plain.variation, varied.variation, batch.variation) == ("none", "crop", "crop")
    assert {job.seed for job in (plain, varied, batch)} == {7}
    assert {job.image_size for job in (plain, varied, batch)} == {page.form.job.image_size}
    assert plain.data == page.studio.folder
    assert batch.pictures == []


def test_that_pictures_of_the_run_are_shown_though_another_folder_is_open_now(
    page: TrainPage, studio: Studio, engines: FakeEngines, process: Process, tmp_path: Path
) -> None:
    start(page, engines).begin()
    studio.open_folder(str(make_folder(tmp_path / "other", ("ant", "bee"), count=4, size=40)))
    engines.send(engines.last(ScanJob)[1], *scan(ScanJob(data=studio.folder), Stop()))
    process()
    dialog = opened(page)
    answer(engines)
    process()
    assert len(dialog.varied.cells) == ROWS * (1 + VARIANTS)
    assert all(picture is not None and not picture.isNull() for _words, picture in dialog.varied.cells)
    assert set(dialog.previews.labels.values()) <= {"cat", "dog", "owl"}


def test_that_another_variation_is_shown_and_chosen_and_the_wishes_before_are_cancelled(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    dialog = opened(page)
    before = wishes(engines)
    choose(dialog.variation, "crop_upside_down")
    process()
    assert page.form.job.variation == "crop_upside_down"
    assert {(order, "cancel") for _job, order in before} <= set(engines.stops)
    answer(engines, since=len(before))
    process()
    assert wishes(engines)[-1][0].variation == "crop_upside_down"
    assert dialog.varied.cells[1][1] is not None
    engines.send(
        before[1][1], ev.PreviewMade(picture=dialog.previews.pictures[0], file="/gone.jpg")
    )  # late, and unwanted
    assert dialog.previews.varied[dialog.previews.pictures[0], 0].width() == page.form.job.image_size


def test_that_while_a_training_runs_it_can_be_looked_at_and_not_changed(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    start(page, engines).begin()
    process()
    dialog = opened(page)
    assert not dialog.variation.isEnabled()
    answer(engines)
    process()
    assert dialog.batch.cells[0][1] is not None


def test_that_a_failure_is_told_in_words(page: TrainPage, engines: FakeEngines, process: Process) -> None:
    dialog = opened(page)
    _job, order = wishes(engines)[0]
    engines.send(order, ev.JobEnded(outcome="failed", failure=ev.Failure("FolderMissing", {"path": "/pictures"})))
    process()
    assert "/pictures" in dialog.note.text()


def test_that_closing_it_wants_nothing_more(page: TrainPage, engines: FakeEngines, process: Process) -> None:
    dialog = opened(page)
    dialog.accept()
    assert {(order, "cancel") for _job, order in wishes(engines)} <= set(engines.stops)


def test_that_it_stands_in_the_smallest_window(page: TrainPage) -> None:
    dialog = opened(page)
    assert dialog.width() <= 1024
    assert dialog.height() <= 700
