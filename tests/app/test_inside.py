"""Look inside: the picture of the blocks, the table of layers, a file's tensors, and a part of it saved."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from tests.app.conftest import Process
from tests.app.playing import PROCESSOR, open_flowers
from tests.app.test_look import clipped, speak
from tests.app.test_train_page import choose
from tests.fakes import FakeEngines
from vgg_studio.app import theme, train_job
from vgg_studio.app.inside_blocks import HIGHEST, LOWEST, groups
from vgg_studio.app.inside_dialog import InsideDialog
from vgg_studio.app.part_dialog import PartDialog
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.core import events as ev, vgg
from vgg_studio.core.errors import WeightsUnreadable
from vgg_studio.core.inspect_events import FitFact, TensorFact
from vgg_studio.core.jobs import InspectJob, TrainJob
from vgg_studio.core.layer_facts import inspected

JOB = TrainJob(variant="vgg16", weights="official", train_from="block5")


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process) -> TrainPage:
    """The Train page with a folder that was read and the official weights of VGG-16."""
    made = TrainPage(studio)
    made.resize(1024, 700)
    made.show()
    engines.become_ready("predict", PROCESSOR)
    open_flowers(studio, engines)
    choose(made.form.settings.weights, "official")
    choose(made.form.settings.stage, "block5")
    process()
    return made


@pytest.fixture
def dialog(page: TrainPage, process: Process) -> InsideDialog:
    page.form.settings.inside_wanted.emit()
    process()
    return opened(page)


def opened(page: TrainPage) -> InsideDialog:
    (found,) = page.findChildren(InsideDialog)
    return found


def of_file(name: str = "five.pth", classes: int = 5) -> ev.NetworkInspected:
    """What the engine tells of a whole file of VGG-16, one of whose tensors is no number."""
    shape = vgg.Shape("vgg16", classes)
    keys = [layer for layer in vgg.layers(shape) if layer.parameters]
    tensors = [
        TensorFact(name=f"{layer.key}.{what}", shape=[layer.outputs], dtype="float32", bytes=4 * layer.outputs)
        for layer in keys
        for what in ("weight", "bias")
    ]
    tensors[-1] = msgspec.structs.replace(tensors[-1], finite=False)
    fits = [
        FitFact(variant="vgg16", matching=32, missing=0, unused=0),
        FitFact(variant="vgg11", matching=0, missing=22, unused=32),
    ]
    return inspected(shape, source="file", name=name, tensors=tensors, fits=fits)


def look_into(dialog: InsideDialog, engines: FakeEngines, process: Process, *events: ev.Event) -> None:
    dialog.views.show_view(1)
    dialog.file.open("/weights/five.pth")
    _, order = engines.last(InspectJob)
    engines.send(order, *(events or (of_file(), ev.JobEnded(outcome="done"))))
    process()


# --- the picture


@pytest.mark.parametrize("variant", [*vgg.VARIANTS, "vgg:1x8", "vgg_bn:" + ",".join(["2x16"] * 10)])
def test_that_each_layer_that_counts_has_a_slab_in_the_place_of_its_block(variant: str) -> None:
    shape = vgg.Shape(variant, 10)
    found = groups(shape, 1024, "block1", 880)
    assert sum(len(group.slabs) for group in found) == sum(layer.counts for layer in vgg.layers(shape))
    assert len(found) == len(shape.blocks) + 1
    for group in found:
        assert group.learns
        for slab in group.slabs:
            assert group.place.adjusted(-0.01, 0, 0.01, 0).contains(slab)
            assert LOWEST <= slab.height() <= HIGHEST


def test_that_slabs_get_lower_with_the_side_and_wider_with_the_channels() -> None:
    found = groups(vgg.Shape("vgg16"), 224, "block5", 880)
    heights = [group.slabs[0].height() for group in found]
    assert all(before > after for before, after in pairwise(heights))
    assert heights[2] / heights[0] == pytest.approx((56 / 224) ** 0.5)
    assert found[2].slabs[0].width() / found[0].slabs[0].width() == pytest.approx((256 / 64) ** 0.5)
    assert [group.learns for group in found] == [False, False, False, False, True, True]
    assert found[0].lines == ("Block 1", "64 channels", "224 px")
    assert found[-1].lines == ("Classifier", "3 layers", "1,000 answers")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_that_what_learns_is_dark_and_what_stays_is_pale(dialog: InsideDialog, process: Process, scheme: str) -> None:
    theme.choose(scheme)
    process()
    image = dialog.blocks.grab().toImage()
    ratio = image.devicePixelRatio()

    def colour(slab: QRectF) -> QColor:
        return image.pixelColor((slab.center() * ratio).toPoint())

    first, *_, last = dialog.blocks.groups()
    assert colour(first.slabs[0]).name().upper() == theme.hexa("frozen")
    assert colour(last.slabs[0]).name().upper() == theme.hexa("text")


# --- the network of the settings


@pytest.mark.parametrize("way", ["strip", "inside"])
def test_that_a_click_on_the_strip_or_the_link_opens_it(page: TrainPage, process: Process, way: str) -> None:
    QTest.mouseClick(getattr(page.form.settings, way), Qt.MouseButton.LeftButton)
    process()
    assert opened(page).isVisible()


def test_that_the_keyboard_opens_it_and_escape_closes_it(page: TrainPage, process: Process) -> None:
    page.form.settings.inside.setFocus()
    QTest.keyClick(page.form.settings.inside, Qt.Key.Key_Return)
    process()
    QTest.keyClick(opened(page), Qt.Key.Key_Escape)
    process()
    assert page.findChildren(InsideDialog) == []


def test_that_the_table_has_each_layer_of_the_chosen_network(dialog: InsideDialog) -> None:
    rows = dialog.layers.cells.rows
    assert [row[0] for row in rows if row[0]] == [str(number) for number in range(1, 17)]
    assert rows[0] == ["1", "conv1-1", "convolution", "features.0", "64 x 224 x 224", "1,792", "86.7"]
    (fc8,) = [row for row in rows if row[1] == "fc8"]
    assert fc8[:5] == ["16", "fc8", "linear", "classifier.6", "5"]
    assert dialog.title.text() == "VGG-16"
    assert "134,281,029 parameters" in dialog.totals.text()
    assert "10 layers stay as they are, 6 learn" in dialog.totals.text()


def test_that_no_engine_is_asked_for_a_network_by_its_name(dialog: InsideDialog, engines: FakeEngines) -> None:
    assert not [job for _, job, _ in engines.asked if isinstance(job, InspectJob)]


def test_that_own_blocks_are_typed_shown_and_refused_in_words(page: TrainPage, process: Process) -> None:
    choose(page.form.settings.weights, "none")
    form = page.form.scratch
    form.blocks.setText("1x16, 2x32")
    form.blocks.editingFinished.emit()
    process()
    assert page.form.job.blocks == "1x16,2x32"
    assert page.form.settings.network.currentText().startswith("VGG 1x16,2x32")
    assert len(page.form.settings.strip.slabs()) == 6
    form.blocks.setText("1x16, two")
    form.blocks.editingFinished.emit()
    assert not form.refusal.isHidden()
    assert "1x64,1x128,2x256" in form.refusal.text()
    assert page.form.job.blocks == "1x16,2x32"
    choose(page.form.settings.network, "vgg13")
    process()
    assert (page.form.job.variant, page.form.job.blocks, form.blocks.text()) == ("vgg13", "", "")
    assert form.refusal.isHidden()


def test_that_the_papers_other_columns_are_offered_from_scratch_alone(page: TrainPage, process: Process) -> None:
    network = page.form.settings.network
    assert [network.itemData(place) for place in range(network.count())] == list(vgg.TORCHVISIONS)
    choose(page.form.settings.weights, "none")
    process()
    assert [network.itemData(place) for place in range(network.count())] == list(vgg.VARIANTS)
    choose(network, vgg.C)
    choose(page.form.settings.weights, "official")
    process()
    assert (page.form.job.variant, page.form.job.weights) == ("vgg16", "official")


def test_that_settings_that_own_blocks_rule_out_are_not_offered(page: TrainPage, process: Process) -> None:
    choose(page.form.settings.weights, "none")
    job = train_job.with_blocks(TrainJob(variant="vgg11", image_size=256, epochs=3), ",".join(["1x4"] * 8))
    page.form.edited.emit(job)
    process()
    assert page.form.advanced.side.minimum() == 256
    width = page.form.scratch.width_choice
    assert [width.itemData(place) for place in range(width.count())] == [1, 2, 4]


# --- a file of weights


def test_that_a_files_tensors_and_the_networks_that_they_fit_are_shown(
    dialog: InsideDialog, engines: FakeEngines, process: Process
) -> None:
    look_into(dialog, engines, process)
    assert len(dialog.file.tensors.cells.rows) == 32
    assert dialog.file.tensors.cells.rows[-1][-1] == "no"
    assert dialog.file.fits.cells.rows[0] == ["VGG-16", "32", "0", "0", "0"]
    assert dialog.title.text() == "five.pth"
    assert "It fits VGG-16 as a whole: 32 tensors." in dialog.totals.text()
    assert "1 tensor holds numbers that are not finite." in dialog.totals.text()
    dialog.views.show_view(0)
    assert dialog.title.text() == "VGG-16"


def test_that_a_file_that_cannot_be_read_is_told_and_another_can_be_opened(
    dialog: InsideDialog, engines: FakeEngines, process: Process
) -> None:
    lack = WeightsUnreadable(path="five.pth", detail="empty").fact()
    look_into(dialog, engines, process, ev.JobEnded(outcome="failed", failure=lack))
    assert "it is empty" in dialog.totals.text()
    assert dialog.totals.tone == "bad"
    assert not dialog.file.save_button.isEnabled()
    look_into(dialog, engines, process)
    assert dialog.totals.tone == "muted"
    assert dialog.file.save_button.isEnabled()


def test_that_the_file_that_a_training_starts_from_is_there_at_once(
    page: TrainPage, engines: FakeEngines, process: Process
) -> None:
    page.form.edited.emit(msgspec.structs.replace(JOB, weights="/weights/mine.pth"))
    page.form.settings.inside_wanted.emit()
    process()
    job, _ = engines.last(InspectJob)
    assert isinstance(job, InspectJob)
    assert job.source == "/weights/mine.pth"


def test_that_the_newest_file_is_shown_where_two_are_opened(
    dialog: InsideDialog, engines: FakeEngines, process: Process
) -> None:
    dialog.file.open("/weights/one.pth")
    _, first = engines.last(InspectJob)
    look_into(dialog, engines, process)
    engines.send(first, of_file("one.pth", classes=9), ev.JobEnded(outcome="stopped"))
    assert (first, "cancel") in engines.stops
    assert dialog.title.text() == "five.pth"
    assert dialog.file.found is not None
    assert dialog.file.found.classes == 5


def test_that_a_part_is_chosen_counted_and_saved(dialog: InsideDialog, engines: FakeEngines, process: Process) -> None:
    look_into(dialog, engines, process)
    QTest.mouseClick(dialog.file.save_button, Qt.MouseButton.LeftButton)
    process()
    (part,) = dialog.file.findChildren(PartDialog)
    assert (part.first.currentData(), part.last.currentData()) == ("features.0", "features.30")
    assert len(part.tensors()) == 26
    part.first.choose("features.28")
    assert part.counted.text().startswith("2 tensors")
    part.last.choose("features.2")
    assert not part.save.isEnabled()
    part.last.choose("features.30")
    QTest.mouseClick(part.save, Qt.MouseButton.LeftButton)
    process()
    (where,) = dialog.file.findChildren(QFileDialog)
    where.fileSelected.emit("/weights/part.safetensors")
    where.close()
    job, order = engines.last(InspectJob)
    assert job == InspectJob(
        source="/weights/five.pth", save="/weights/part.safetensors", first="features.28", last="features.30"
    )
    engines.send(order, of_file(), ev.Exported(files=["/weights/part.safetensors"]), ev.JobEnded(outcome="done"))
    process()
    assert dialog.totals.text() == "Saved as part.safetensors in /weights."


# --- the look


@pytest.mark.parametrize("code", ["en", "pseudo"])
@pytest.mark.parametrize("view", [0, 1])
def test_that_nothing_is_cut_in_the_smallest_window(
    dialog: InsideDialog, engines: FakeEngines, studio: Studio, process: Process, code: str, view: int
) -> None:
    speak(studio, code)
    page = dialog.parentWidget()
    assert isinstance(page, TrainPage)
    dialog.close()
    process()
    page.form.settings.inside_wanted.emit()
    look_into(opened(page), engines, process)
    opened(page).views.show_view(view)
    process()
    shown = [label for label in opened(page).findChildren(QLabel) if label.isVisible()]
    assert not [label.text() for label in shown if clipped(label)]
    buttons = [button for button in opened(page).findChildren(QPushButton) if button.isVisible()]
    assert not [button.text() for button in buttons if button.sizeHint().width() > button.width() + 1]
    assert all(button.accessibleName() for button in buttons)
    assert opened(page).width() <= 1024


def test_that_every_table_says_what_it_is_and_what_a_cell_means(
    dialog: InsideDialog, engines: FakeEngines, process: Process
) -> None:
    look_into(dialog, engines, process)
    for table in (dialog.layers, dialog.file.tensors, dialog.file.fits):
        assert table.accessibleName()
        cell = table.cells.index(0, 3)
        head = table.cells.headerData(3, Qt.Orientation.Horizontal)
        assert table.cells.data(cell, Qt.ItemDataRole.AccessibleTextRole) == f"{head}: {cell.data()}"


def test_that_a_name_from_outside_cannot_become_markup(
    dialog: InsideDialog, engines: FakeEngines, process: Process
) -> None:
    odd = TensorFact(name="<img src=x>\u202e.weight", shape=[1], dtype="float32")
    look_into(dialog, engines, process, msgspec.structs.replace(of_file(), tensors=[odd]), ev.JobEnded(outcome="done"))
    cell = dialog.file.tensors.cells.index(0, 0)
    assert "\u202e" not in str(cell.data())
    assert "<img" not in str(cell.data(Qt.ItemDataRole.ToolTipRole))
