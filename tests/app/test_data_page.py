"""The Data page on engines that the test plays: drops, scans, problems, recent folders, thousands of pictures."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

from tests.app import dropping
from tests.app.conftest import Process
from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app import caption
from vgg_studio.app.data_page import DataPage, device_sentence
from vgg_studio.app.left_out_dialog import LeftOutDialog
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.recent_list import RecentDelegate
from vgg_studio.app.settings import RecentFolder
from vgg_studio.app.state import Studio
from vgg_studio.app.widgets import Label
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import DrawSamplesJob, ScanJob, ThumbnailJob

ODD = "<img src=x> R&D"
COUNTS = {"daisy": 212, ODD: 158, "tulips": 195}


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    made = Window(studio, factories={key: FACTORIES[key] for key in ("data", "predict")}, ask=lambda *_: True)
    made.resize(1024, 700)
    made.make_page("data")
    made.show()
    made.activateWindow()
    process(ms=20)
    yield made
    made.close()


@pytest.fixture
def page(window: Window) -> DataPage:
    found = window.pages["data"]
    assert isinstance(found, DataPage)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "flowers"
    made.mkdir()
    return made


class Opened(QObject):
    """Stands in for the system's file manager."""

    def __init__(self) -> None:
        super().__init__()
        self.folders: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.folders.append(url.toLocalFile())


@pytest.fixture
def opened() -> Iterator[Opened]:
    made = Opened()
    QDesktopServices.setUrlHandler("file", made, "take")  # type: ignore[arg-type]  # PySide's stub wants bytes, PySide a str
    yield made
    QDesktopServices.unsetUrlHandler("file")


def listed(counts: dict[str, int], ignored: int = 0, suggestion: str = "") -> list[ev.Event]:
    """What a scan tells before it has opened a picture."""
    rows = [ev.ClassCount(name=name, train=count) for name, count in counts.items()]
    found: list[ev.Event] = [
        ev.ClassesListed(folder="", layout="classes", classes=rows, ignored=ignored, suggestion=suggestion)
    ]
    for name, count in counts.items():
        pictures = [ev.PictureRef(path=f"{name}/{number}.jpg") for number in range(count)]
        found.append(ev.PicturesListed(class_name=name, pictures=pictures))
    return [*found, ev.PhaseStarted(phase="reading", total=sum(counts.values()))]


def scanned(counts: dict[str, int], left_out: list[ev.LeftOut] | None = None, ignored: int = 0) -> list[ev.Event]:
    """The end of a scan."""
    rows = [ev.ClassCount(name=name, train=count) for name, count in counts.items()]
    entries = left_out or []
    split = {"train": 400, "val": 80, "test": 85}
    return [
        *(ev.PictureLeftOut(picture=entry.picture, reason=entry.reason, values=entry.values) for entry in entries),
        ev.FolderScanned(
            folder="",
            layout="classes",
            classes=rows,
            split=split,
            left_out=entries,
            left_out_count=len(entries),
            ignored=ignored,
        ),
        ev.JobEnded(outcome="done"),
    ]


def read(
    studio: Studio, engines: FakeEngines, folder: Path | str = "/pictures/flowers", counts: dict[str, int] = COUNTS
) -> None:
    """Open a folder and let its scan end well."""
    studio.open_folder(str(folder))
    engines.send(engines.last(ScanJob)[1], *listed(counts), *scanned(counts))


def refuse(studio: Studio, engines: FakeEngines, code: str, **values: str | int | float) -> None:
    studio.open_folder("/pictures/flowers")
    failure = ev.Failure(code=code, values={"path": "/pictures/flowers", **values})
    engines.send(engines.last(ScanJob)[1], ev.JobEnded(outcome="failed", failure=failure))


def left_out(*names: str) -> list[ev.LeftOut]:
    return [ev.LeftOut(picture=ev.PictureRef(path=name), reason="cut_off") for name in names]


# --- what comes in


def test_that_a_dropped_folder_is_read(window: Window, page: DataPage, engines: FakeEngines, folder: Path) -> None:
    dropping.drop(window, dropping.files(folder))
    job, _order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    assert Path(job.data) == folder
    assert page.folder.isVisible()
    assert page.folder.head.line.words().startswith("flowers in ")


def test_that_a_dropped_picture_is_told_where_it_is_wanted(
    window: Window, engines: FakeEngines, tmp_path: Path
) -> None:
    picture = tmp_path / "one.jpg"
    picture.write_bytes(b"x")
    dropping.drop(window, dropping.files(picture))
    assert "Predict page" in window.header.status.whole()
    assert not [job for _, job, _ in engines.asked if isinstance(job, ScanJob)]


def test_that_of_several_folders_the_first_is_read_and_named(
    window: Window, engines: FakeEngines, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    dropping.drop(window, dropping.files(tmp_path / "first", tmp_path / "second"))
    assert window.header.status.whole() == "One folder at a time: first was opened."
    job, _order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    assert Path(job.data).name == "first"


@pytest.mark.skipif(sys.platform != "linux", reason="only here names are bytes of any kind")
def test_that_a_dropped_folder_whose_name_is_no_unicode_is_refused_in_words(
    window: Window, page: DataPage, engines: FakeEngines, tmp_path: Path
) -> None:
    name = os.fsencode(tmp_path / "jardin d'") + b"\xe9t\xe9"
    os.mkdir(name)
    dropping.drop(window, dropping.files(name))
    assert page.empty.zone.headline.text() == r"The name of the folder jardin d'\xe9t\xe9 is not written in Unicode."
    assert not [job for _, job, _ in engines.asked if isinstance(job, ScanJob)]


def test_that_the_drop_zone_lights_up_while_something_is_over_it(window: Window, page: DataPage, folder: Path) -> None:
    assert dropping.drag_over(window, dropping.files(folder))
    assert page.empty.zone.property("over")
    dropping.drag_away(window)
    assert not page.empty.zone.property("over")


def test_that_what_was_said_about_a_drop_is_gone_with_the_next_folder(
    window: Window, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.jpg").write_bytes(b"x")
    dropping.drop(window, dropping.files(tmp_path / "one.jpg"))
    dropping.drop(window, dropping.files(folder))
    assert window.header.status.whole() == "Looking through the folder…"


def test_that_the_sample_pictures_are_drawn_and_then_read(window: Window, page: DataPage, engines: FakeEngines) -> None:
    zone = page.empty.zone
    QTest.mouseClick(zone.other_button, Qt.MouseButton.LeftButton)
    assert window.header.status.whole() == "Drawing the sample pictures…"
    assert not zone.other_button.isEnabled()
    _job, order = engines.last(DrawSamplesJob)
    engines.send(order, ev.SamplesDrawn(folder="/samples", count=320), ev.JobEnded(outcome="done"))
    job, _order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    assert job.data == "/samples"


# --- while it is read


def test_that_the_header_counts_the_pictures_that_are_read(
    window: Window, studio: Studio, engines: FakeEngines
) -> None:
    studio.open_folder("/pictures/flowers")
    _job, order = engines.last(ScanJob)
    engines.send(order, *listed(COUNTS), ev.PhaseProgress(phase="reading", done=412, total=1204))
    assert window.header.status.whole() == "Reading 412 of 1,204 pictures"
    assert window.header.button.words() == "Cancel"
    assert window.header.button.property("kind") == "plain"
    engines.send(order, ev.PhaseStarted(phase="comparing", total=1204))
    assert window.header.status.whole() == "Comparing pictures…"
    engines.send(order, ev.PhaseProgress(phase="comparing", done=128, total=1204))
    assert window.header.status.whole() == "Comparing pictures: 128 of 1,204."
    engines.send(order, *scanned(COUNTS))
    assert window.header.status.whole() == "565 pictures in 3 classes, ready to train."
    assert window.header.button.property("kind") == "primary"


def test_that_classes_and_pictures_show_while_the_folder_is_still_read(
    studio: Studio, page: DataPage, engines: FakeEngines
) -> None:
    studio.open_folder("/pictures/flowers")
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS))
    assert page.folder.classes.heading.text() == "3 classes"
    assert len(page.folder.pictures.grid.table.pictures) == 212
    assert [label.text() for label in page.folder.split.numbers.values()][:3] == ["…", "…", "…"]


@pytest.mark.parametrize("by_key", [True, False])
def test_that_reading_can_be_cancelled_and_begun_again(
    window: Window, studio: Studio, engines: FakeEngines, process: Process, by_key: bool
) -> None:
    studio.open_folder("/pictures/flowers")
    _job, order = engines.last(ScanJob)
    engines.send(order, *listed(COUNTS))
    process(ms=450)  # the button is deaf for a moment after each change
    if by_key:
        QTest.keyClick(window, Qt.Key.Key_Escape)
    else:
        QTest.mouseClick(window.header.button, Qt.MouseButton.LeftButton)
    assert engines.stops == [(order, "cancel")]
    engines.send(order, ev.JobEnded(outcome="stopped"))
    assert window.header.button.words() == "Read again"
    process(ms=450)
    QTest.mouseClick(window.header.button, Qt.MouseButton.LeftButton)
    assert engines.last(ScanJob)[1] != order


def test_that_f5_reads_the_folder_again(window: Window, studio: Studio, engines: FakeEngines) -> None:
    read(studio, engines)
    asked = len(engines.asked)
    QTest.keySequence(window, QKeySequence("F5"))
    assert isinstance(engines.asked[asked][1], ScanJob)


# --- what is shown of it


def test_that_the_next_step_is_to_train(window: Window, studio: Studio, engines: FakeEngines, process: Process) -> None:
    wanted: list[str] = []
    studio.page_wanted.connect(wanted.append)
    read(studio, engines)
    process(ms=450)
    QTest.mouseClick(window.header.button, Qt.MouseButton.LeftButton)
    assert wanted == ["train"]


def test_that_a_click_on_a_class_shows_its_pictures(
    studio: Studio, page: DataPage, engines: FakeEngines, process: Process
) -> None:
    read(studio, engines)
    process()
    rows = page.folder.classes.list
    place = rows.visualRect(rows.table.index(2)).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert page.folder.pictures.title.words() == "tulips  195 pictures"
    assert [ref.path for ref in page.folder.pictures.grid.table.pictures][:2] == ["tulips/0.jpg", "tulips/1.jpg"]


def test_that_new_counts_leave_the_list_of_classes_where_it_is(
    studio: Studio, page: DataPage, engines: FakeEngines
) -> None:
    studio.open_folder("/pictures/flowers")
    _job, order = engines.last(ScanJob)
    engines.send(order, *listed(COUNTS))
    page.folder.classes.list.choose("tulips")
    resets: list[bool] = []
    page.folder.classes.list.table.modelReset.connect(lambda: resets.append(True))
    engines.send(order, *scanned({**COUNTS, "tulips": 190}))
    assert page.folder.pictures.title.words() == "tulips  190 pictures"
    assert resets == []


def test_that_the_chosen_class_stays_chosen_when_another_one_goes(
    studio: Studio, page: DataPage, engines: FakeEngines
) -> None:
    studio.open_folder("/pictures/flowers")
    _job, order = engines.last(ScanJob)
    engines.send(order, *listed(COUNTS))
    page.folder.classes.list.choose("tulips")
    engines.send(order, *scanned({"daisy": 212, "tulips": 195}))
    assert page.folder.classes.list.current() == "tulips"


def test_that_pictures_that_come_later_leave_the_view_where_it_is(page: DataPage) -> None:
    grid, resets = page.folder.pictures.grid, []
    first = [ev.PictureRef(path=f"a/{number}.jpg") for number in range(100)]
    grid.set_pictures(first, "/pictures")
    grid.table.modelReset.connect(lambda: resets.append(True))
    grid.setCurrentIndex(grid.table.index(7))
    grid.set_pictures([*first, ev.PictureRef(path="a/100.jpg")], "/pictures")
    assert (grid.table.rowCount(), resets) == (101, [])
    assert grid.picture() == first[7]


def test_that_of_ten_thousand_pictures_only_those_on_the_screen_are_asked_for(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    read(studio, engines, counts={"many": 10_000, "few": 2})
    process(ms=60)
    jobs = [job for _, job, _ in engines.asked if isinstance(job, ThumbnailJob)]
    asked = {ref for job in jobs for ref in job.pictures}
    assert 0 < len(asked) <= 60
    assert all(ref in page.folder.pictures.grid.table.pictures[:60] for ref in asked)


def test_that_as_many_columns_are_shown_as_fit(
    window: Window, page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    read(studio, engines)
    window.resize(1280, 800)
    process(ms=30)
    grid = page.folder.pictures.grid
    row = [grid.visualRect(grid.table.index(at)) for at in range(6)]
    assert [rect.left() for rect in row] == [0, 140, 280, 420, 560, 0]
    assert grid.columns() == 5


def test_that_arrow_keys_and_clicks_choose_pictures_and_show_their_names(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    read(studio, engines)
    process()
    QTest.mouseClick(page.folder.pictures.grid.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    QTest.keyClick(page.folder.pictures.grid, Qt.Key.Key_Right)
    assert page.folder.pictures.file_name.words() == "1.jpg"
    page.folder.classes.list.choose("tulips")
    assert page.folder.pictures.file_name.words() == ""


def test_that_the_split_is_told_in_numbers(page: DataPage, studio: Studio, engines: FakeEngines) -> None:
    studio.open_folder("/pictures/flowers")
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS), *scanned(COUNTS, ignored=2))
    card = page.folder.split
    words = {name: (card.numbers[name].text(), card.meanings[name].text()) for name in card.numbers}
    assert words["train"] == ("400", "to learn from")
    assert words["test"] == ("85", "kept back for the final score")
    assert words["ignored"] == ("2", "system files, passed over")
    assert card.numbers["ignored"].isVisible()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a": 158, "b": 231}, "Well balanced: 158 to 231 each"),
        ({"a": 200, "b": 200}, "Well balanced: 200 each"),
        ({"a": 12, "b": 900}, "Uneven: 12 to 900 each. Small classes are learned worse; add pictures to them."),
    ],
)
def test_that_the_balance_of_the_classes_is_told(
    page: DataPage, studio: Studio, engines: FakeEngines, counts: dict[str, int], words: str
) -> None:
    read(studio, engines, counts=counts)
    assert page.folder.classes.balance.text() == words


# --- what is wrong with it


def test_that_a_folder_without_fault_has_no_card_of_what_was_noticed(
    page: DataPage, studio: Studio, engines: FakeEngines
) -> None:
    read(studio, engines)
    assert not page.folder.noticed.isVisible()


def test_that_files_that_cannot_be_read_are_shown_with_their_reason(
    page: DataPage, studio: Studio, engines: FakeEngines
) -> None:
    studio.open_folder("/pictures/flowers")
    bad = left_out("tulips/a.jpg", f"{ODD}/b.jpg", "daisy/c\n.jpg", "daisy/d.jpg")
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS), *scanned(COUNTS, bad))
    rows = page.folder.noticed.list.table.rows
    assert [(row.words, row.figure) for row in rows] == [("Cannot be read", "4")]
    page.folder.noticed.choose("unreadable")
    assert page.folder.pictures.title.words() == "Cannot be read  4 files"
    cells = page.folder.pictures.found.table.cells
    assert [tuple(map(caption.plain, cell.lines)) for cell in cells] == [
        (name, "ends too early") for name in ("a.jpg", "b.jpg", "c\\x0a.jpg", "d.jpg")
    ]


def test_that_a_list_tells_all_files_of_a_folder_that_cannot_be_used(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    studio.open_folder("/pictures/flowers")
    bad = left_out(*(f"tulips/{number}.jpg" for number in range(1000)))
    told = [ev.PictureLeftOut(picture=entry.picture, reason=entry.reason) for entry in bad]
    failure = ev.Failure(code="TooFewPictures", values={"path": "/pictures/flowers"})
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS), *told, ev.JobEnded(outcome="failed", failure=failure))
    studio.scan.left_out_count = 1200
    QTest.mouseClick(page.empty.zone.details_link, Qt.MouseButton.LeftButton)
    process()
    dialog = page.findChild(QDialog)
    assert isinstance(dialog, LeftOutDialog)
    assert dialog.table.rowCount() == 1000
    assert dialog.table.index(999).data() == "tulips/999.jpg ends too early"
    heading = next(iter(dialog.findChildren(Label)))
    assert heading.text() == "1,200 files cannot be read; the first 1,000 are shown"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_that_the_folder_of_a_file_that_is_left_out_can_be_opened(
    page: DataPage, studio: Studio, engines: FakeEngines, opened: Opened
) -> None:
    studio.open_folder("/pictures/flowers")
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS), *scanned(COUNTS, left_out("tulips/a.jpg", "roses/b.jpg")))
    dialog = LeftOutDialog(studio.scan, page)
    QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    QTest.mouseClick(dialog.show_button, Qt.MouseButton.LeftButton)
    assert opened.folders == ["/pictures/flowers/roses"]


def test_that_a_class_that_is_too_small_is_told(page: DataPage, studio: Studio, engines: FakeEngines) -> None:
    studio.open_folder("/pictures/flowers")
    small = ev.ClassLeftOut(name=ODD, count=1)
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS), small, *scanned({"daisy": 212, "tulips": 195}))
    page.folder.noticed.choose("class_left_out")
    assert page.folder.pictures.title.words() == "Classes left out  1 class"
    assert page.folder.pictures.advice.text().startswith(f"{ODD}: the class has one picture, two are needed\n")


def test_that_a_better_folder_is_offered_and_opened(page: DataPage, studio: Studio, engines: FakeEngines) -> None:
    studio.open_folder("/pictures/flowers")
    engines.send(engines.last(ScanJob)[1], *listed(COUNTS, suggestion="/pictures/flowers/train"), *scanned(COUNTS))
    QTest.mouseClick(page.folder.noticed.suggestion_link, Qt.MouseButton.LeftButton)
    job, _order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    assert job.data == "/pictures/flowers/train"


@pytest.mark.parametrize(
    ("code", "headline", "remedy"),
    [
        ("FolderMissing", "There is no folder flowers.", "Check the name, or choose the folder again."),
        ("FolderEmpty", "No pictures were found in flowers.", "A good folder holds one folder for each class"),
        (
            "FolderFlat",
            "The pictures in flowers are not sorted into folders.",
            "A good folder holds one folder for each class",
        ),
        ("OneClass", f"Only one class was found in flowers: {ODD}.", "There must be at least two folders"),
    ],
)
def test_that_a_folder_that_cannot_be_used_says_why_and_what_a_good_one_is(
    window: Window, page: DataPage, studio: Studio, engines: FakeEngines, code: str, headline: str, remedy: str
) -> None:
    refuse(studio, engines, code, name=ODD)
    zone = page.empty.zone
    assert zone.isVisible()
    assert zone.sign.isVisible()
    assert zone.headline.text() == headline
    assert zone.lines.text().startswith(remedy)
    assert zone.choose_button.isVisible()
    assert zone.drawing.isVisible()
    assert not window.header.button.isVisible()


def test_that_a_refused_folder_offers_the_one_that_fits(page: DataPage, studio: Studio, engines: FakeEngines) -> None:
    refuse(studio, engines, "FolderFlat", suggestion="/pictures/meadow")
    assert page.empty.zone.other_button.words() == "Use meadow instead"
    QTest.mouseClick(page.empty.zone.other_button, Qt.MouseButton.LeftButton)
    job, _order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    assert job.data == "/pictures/meadow"


def test_that_after_a_refusal_another_folder_is_shown_as_usual(
    page: DataPage, studio: Studio, engines: FakeEngines
) -> None:
    refuse(studio, engines, "FolderEmpty")
    read(studio, engines, "/pictures/meadow")
    assert page.folder.isVisible()
    assert not page.empty.isVisible()


# --- names from outside


def test_that_a_class_may_be_called_like_markup(page: DataPage, studio: Studio, engines: FakeEngines) -> None:
    read(studio, engines)
    page.folder.classes.list.choose(ODD)
    index = page.folder.classes.list.currentIndex()
    assert index.data() == ODD
    assert "<img" not in index.data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;img src=x&gt; R&amp;D" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert page.folder.pictures.title.words().startswith(ODD)
    assert "<img" not in page.folder.pictures.grid.table.index(0).data(Qt.ItemDataRole.ToolTipRole)


def test_that_an_ampersand_in_a_folders_name_is_no_shortcut(page: DataPage, studio: Studio) -> None:
    studio.settings.remember(RecentFolder(path="/pictures/R&D", pictures=10, classes=2, opened=time.time()))
    page.folder.head.menu.aboutToShow.emit()
    assert page.folder.head.menu.actions()[0].text().startswith("R&&D in ")


# --- folders that were open before


def test_that_recent_folders_are_rows_that_open_them(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    for name, count in (("meadow", 3412), ("flowers", 1000)):
        studio.settings.remember(RecentFolder(path=f"/pictures/{name}", pictures=count, classes=5, opened=time.time()))
    page.entered()
    process()
    recent = page.empty.recent
    assert recent.table.index(0).data() == "flowers, 1,000 pictures in 5 classes, today"
    QTest.mouseClick(
        recent.viewport(), Qt.MouseButton.LeftButton, pos=recent.visualRect(recent.table.index(1)).center()
    )
    job, _order = engines.last(ScanJob)
    assert isinstance(job, ScanJob)
    assert job.data == "/pictures/meadow"


def test_that_nothing_is_said_of_recent_folders_when_there_are_none(page: DataPage, process: Process) -> None:
    process()
    assert not page.empty.recent_heading.isVisible()
    assert not page.empty.recent.isVisible()


def test_that_a_low_window_shows_the_two_newest_folders(page: DataPage, studio: Studio, process: Process) -> None:
    for number in range(6):
        studio.settings.remember(RecentFolder(path=f"/pictures/{number}", opened=time.time()))
    page.entered()
    process()
    assert [folder.path for folder in page.empty.recent.table.rows] == ["/pictures/5", "/pictures/4"]


def test_that_a_recent_folder_that_is_gone_is_forgotten(page: DataPage, studio: Studio, engines: FakeEngines) -> None:
    studio.settings.remember(RecentFolder(path="/pictures/flowers", opened=time.time()))
    refuse(studio, engines, "FolderMissing")
    assert studio.settings.recent == []


def test_that_a_recent_folders_thumbnail_comes_from_the_cache_alone(page: DataPage, tmp_path: Path) -> None:
    stranger, own = tmp_path / "x.jpg", paths.cache_folder() / "x.jpg"
    for file in (stranger, own):
        QImage(8, 8, QImage.Format.Format_RGB32).save(str(file))
    delegate = RecentDelegate(page)
    assert not delegate.picture(str(own)).isNull()
    assert delegate.picture(str(stranger)).isNull()


# --- the device


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (None, "Getting ready…"),
        (
            ev.DeviceFact(kind="cpu", cores=8, reason="no_gpu"),
            "Ready. Training will use the processor, 8 cores; no graphics card was found.",
        ),
        (ev.DeviceFact(kind="cpu", cores=1), "Ready. Training will use the processor, 1 core."),
        (ev.DeviceFact(kind="cuda", name="NVIDIA X"), "Ready. Training will use the graphics card NVIDIA X."),
    ],
)
def test_that_the_first_sentence_tells_the_device(device: ev.DeviceFact | None, sentence: str) -> None:
    assert device_sentence(device) == sentence
