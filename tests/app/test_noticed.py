"""What was noticed in a folder, and putting it right: real clicks and keys, on engines that the test plays and on real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from tests.app.conftest import Process
from tests.fakes import FakeEngines
from tests.pictures import make_folder, snapshot
from vgg_studio import paths
from vgg_studio.app import caption, noticed
from vgg_studio.app.data_page import DataPage
from vgg_studio.app.engines import Engines
from vgg_studio.app.found_grid import BLANK, ChoiceGrid, arranged
from vgg_studio.app.noticed_words import Cell
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.picture_grid import CAPTION
from vgg_studio.app.scan_state import ScanState
from vgg_studio.app.settings import Settings
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import corrections, events as ev
from vgg_studio.core.corrections import Corrections
from vgg_studio.core.jobs import QuickLookJob, ScanJob, TrainJob

FOLDER = "/pictures/flowers"
COUNTS = {"roses": 4, "tulips": 6}
Refs = list[ev.PictureRef]


def ref(path: str) -> ev.PictureRef:
    return ev.PictureRef(path=path)


def refs(*paths: str) -> Refs:
    return [ref(path) for path in paths]


TWICE = ev.Finding(
    kind="two_classes", pictures=refs("roses/0.jpg", "tulips/0.jpg"), classes=["roses", "tulips"], values={"exact": 1}
)
COPIES = ev.Finding(
    kind="duplicate", pictures=refs("tulips/1.jpg", "tulips/2.jpg", "tulips/3.jpg"), classes=["tulips"] * 3
)
BLURRED = ev.Finding(kind="blurry", pictures=refs("tulips/2.jpg"), classes=["tulips"])
UNEQUAL = ev.Finding(kind="imbalance", classes=["tulips", "roses"], values={"factor": 1.5})
DOUBT = ev.Finding(
    kind="wrong_label", pictures=refs("roses/3.jpg"), classes=["roses"], values={"named": "tulips", "probability": 0.9}
)
FINDINGS = [TWICE, COPIES, BLURRED, UNEQUAL]


def told(counts: dict[str, int], findings: list[ev.Finding]) -> list[ev.Event]:
    """A scan from its start to its end."""
    rows = [ev.ClassCount(name=name, train=count) for name, count in counts.items()]
    listed = [
        ev.PicturesListed(class_name=name, pictures=[ref(f"{name}/{at}.jpg") for at in range(count)])
        for name, count in counts.items()
    ]
    return [
        ev.ClassesListed(folder=FOLDER, layout="classes", classes=rows),
        *listed,
        ev.FindingsMade(findings=findings),
        ev.FolderScanned(folder=FOLDER, layout="classes", classes=rows, split={"train": 8, "val": 1, "test": 1}),
        ev.JobEnded(outcome="done"),
    ]


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    made = Window(studio, factories={"data": FACTORIES["data"]}, ask=lambda *_: True)
    made.resize(1024, 700)
    made.make_page("data")
    made.show()
    made.activateWindow()
    process(ms=20)
    yield made
    made.close()


@pytest.fixture
def page(window: Window, studio: Studio, engines: FakeEngines, process: Process) -> DataPage:
    """The page with a sick folder that was read to its end."""
    found = window.pages["data"]
    assert isinstance(found, DataPage)
    studio.open_folder(FOLDER)
    engines.send(engines.last(ScanJob)[1], *told(COUNTS, FINDINGS))
    process(ms=20)
    return found


def kinds(page: DataPage) -> dict[str, str]:
    return {row.kind: row.figure for row in page.folder.noticed.list.table.rows}


def click_kind(page: DataPage, kind: str, process: Process) -> None:
    rows = page.folder.noticed.list
    at = next(at for at, row in enumerate(rows.table.rows) if row.kind == kind)
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualRect(rows.table.index(at)).center())
    process(ms=20)


def click_picture(grid: ChoiceGrid, path: str, more: bool = False) -> None:
    at = next(at for at, picture in enumerate(grid.table.pictures) if picture.path == path)
    grid.scrollTo(grid.table.index(at))
    modifier = Qt.KeyboardModifier.ControlModifier if more else Qt.KeyboardModifier.NoModifier
    place = grid.visualRect(grid.table.index(at)).topLeft() + QPoint(40, 40)
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def press(button: object) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)  # type: ignore[call-overload]


def kept(folder: str = FOLDER) -> Corrections:
    return corrections.load(folder, paths.corrections_folder())


def counts(studio: Studio) -> dict[str, int]:
    return {row.name: row.train for row in studio.scan.classes}


# --- what there is to see


def test_that_each_kind_is_a_row_with_its_number(page: DataPage, window: Window) -> None:
    assert kinds(page) == {"two_classes": "2", "duplicate": "3", "imbalance": "4 to 6", "blurry": "1"}
    assert window.header.status.whole() == "10 pictures in 2 classes, ready to train. 5 deserve a look."


def test_that_a_click_on_a_row_shows_its_pictures_in_their_groups(page: DataPage, process: Process) -> None:
    click_kind(page, "two_classes", process)
    card = page.folder.pictures
    assert card.title.words() == "In two classes  2 pictures"
    assert [cell.picture.path for cell in card.found.table.cells] == ["roses/0.jpg", "tulips/0.jpg"]
    assert [caption.plain(cell.lines[0]) for cell in card.found.table.cells] == ["roses", "tulips"]
    assert page.folder.classes.list.current() == ""
    rows = page.folder.classes.list
    place = rows.visualRect(rows.table.index(0)).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert card.title.words() == "roses  4 pictures"
    assert page.folder.noticed.current() == ""


def test_that_a_row_stays_chosen_while_more_becomes_known(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    click_kind(page, "duplicate", process)
    studio.scan.findings = [TWICE, COPIES]
    studio.scan_changed.emit()
    assert page.folder.noticed.current() == "duplicate"
    assert page.folder.pictures.kind == "duplicate"


@pytest.mark.parametrize(
    ("sizes", "columns", "rows"),
    [
        ([2, 2], 3, ["aa.", "bb"]),
        ([1, 2, 3], 3, ["abb", "ccc"]),
        ([2, 4], 3, ["aab", "bbb"]),
        ([1, 1, 1, 2], 4, ["abc.", "dd"]),
    ],
)
def test_that_no_group_is_torn_by_the_end_of_a_row_unless_it_is_wider(
    sizes: list[int], columns: int, rows: list[str]
) -> None:
    letters = "abcd"
    groups = [[Cell(ref(letters[at]), ("", ""))] * size for at, size in enumerate(sizes)]
    cells, _numbers = arranged(groups, columns)
    line = "".join("." if cell is BLANK else cell.picture.path for cell in cells)
    assert [line[at : at + columns] for at in range(0, len(line), columns)] == rows


def test_that_a_finding_is_gone_once_it_is_settled() -> None:
    def left(finding: ev.Finding, standing: dict[ev.PictureRef, str]) -> list[str]:
        return [picture.path for found in noticed.still_so([finding], standing) for picture in found.pictures]

    assert left(TWICE, {}) == ["roses/0.jpg", "tulips/0.jpg"]
    assert left(TWICE, {ref("roses/0.jpg"): ""}) == []
    assert left(TWICE, {ref("roses/0.jpg"): "tulips"}) == []
    assert left(COPIES, {ref("tulips/1.jpg"): ""}) == ["tulips/2.jpg", "tulips/3.jpg"]
    assert left(COPIES, {ref("tulips/1.jpg"): "", ref("tulips/3.jpg"): ""}) == []
    assert left(BLURRED, {ref("tulips/2.jpg"): "roses"}) == ["tulips/2.jpg"]
    assert left(DOUBT, {ref("roses/3.jpg"): "tulips"}) == []


def test_that_files_left_out_by_hand_are_not_among_those_that_cannot_be_read() -> None:
    scan = ScanState()
    by_hand = ev.LeftOut(picture=ref("a/1.jpg"), reason="by_hand", values={"class_name": "a"})
    entries = [by_hand, ev.LeftOut(picture=ref("a/2.jpg"), reason="empty")]
    for entry in entries:
        scan.fold(ev.PictureLeftOut(picture=entry.picture, reason=entry.reason, values=entry.values))
    scan.fold(ev.FolderScanned(folder="", layout="classes", classes=[], split={}, left_out=entries, left_out_count=2))
    assert (scan.left_out, scan.left_out_count, scan.home) == (entries[1:], 1, {ref("a/1.jpg"): "a"})


def test_that_files_that_cannot_be_read_are_shown_however_many_stand_before_them_in_the_last_event() -> None:
    scan = ScanState()
    rows = [ev.ClassCount(name="a", train=2)]
    entries = [ev.LeftOut(picture=picture, reason="empty") for picture in refs("a/1.jpg", "a/2.jpg")]
    scan.fold(ev.ClassesListed(folder="", layout="classes", classes=rows))
    scan.fold(ev.PicturesListed(class_name="a", pictures=refs("a/1.jpg", "a/2.jpg", "a/3.jpg")))
    for entry in entries:
        scan.fold(ev.PictureLeftOut(picture=entry.picture, reason=entry.reason))
    told = entries[:1]  # the event holds some of them only
    scan.fold(ev.FolderScanned(folder="", layout="classes", classes=rows, split={}, left_out=told, left_out_count=2))
    assert (scan.left_out, scan.pictures) == (entries, {"a": refs("a/3.jpg")})


# --- what a person does


def test_that_chosen_pictures_are_left_out_with_the_delete_key(
    page: DataPage, window: Window, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    click_kind(page, "duplicate", process)
    grid = page.folder.pictures.found
    click_picture(grid, "tulips/2.jpg")
    click_picture(grid, "tulips/3.jpg", more=True)
    assert page.folder.pictures.bar.count.whole() == "2 chosen"
    asked = len(engines.asked)
    QTest.keyClick(grid, Qt.Key.Key_Delete)
    assert kept().standing() == {ref("tulips/2.jpg"): "", ref("tulips/3.jpg"): ""}
    assert counts(studio) == {"roses": 4, "tulips": 4}
    assert window.header.status.whole() == "2 pictures left out."
    assert "duplicate" not in kinds(page)
    assert kinds(page)["left_out"] == "2"
    process(until=lambda: any(isinstance(job, ScanJob) for _, job, _ in engines.asked[asked:]))
    assert studio.scan.finished  # what is known stays on the screen while the folder is read again


def test_that_the_numbers_are_those_of_the_folder_read_again(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    order = engines.last(ScanJob)[1]
    studio.corrector.leave_out(refs("tulips/1.jpg"))
    process(until=lambda: engines.last(ScanJob)[1] != order)
    engines.send(engines.last(ScanJob)[1], *told({"roses": 4, "tulips": 5}, [TWICE]))
    assert studio.scan.split == {"train": 8, "val": 1, "test": 1}
    assert set(kinds(page)) == {"two_classes", "left_out"}


def test_that_a_picture_is_put_into_the_class_chosen_in_the_menu(
    page: DataPage, studio: Studio, process: Process
) -> None:
    click_kind(page, "two_classes", process)
    card = page.folder.pictures
    click_picture(card.found, "roses/0.jpg")
    press(card.bar.move_button)
    menu = card.bar.menu
    assert [action.text() for action in menu.actions()] == ["roses", "tulips"]
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    process()
    assert kept().standing() == {ref("roses/0.jpg"): "tulips"}
    assert counts(studio) == {"roses": 3, "tulips": 7}
    assert kinds(page)["moved"] == "1"


@pytest.mark.parametrize("by_key", [True, False])
def test_that_the_last_step_is_taken_back_and_done_again(
    page: DataPage, window: Window, studio: Studio, process: Process, by_key: bool
) -> None:
    click_picture(page.folder.pictures.grid, "roses/1.jpg")
    press(page.folder.pictures.bar.out_button)
    assert counts(studio) == {"roses": 3, "tulips": 6}
    if by_key:
        QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Undo))
    else:
        press(page.folder.pictures.undo_link)
    assert kept().standing() == {}
    assert counts(studio) == {"roses": 4, "tulips": 6}
    assert not page.folder.pictures.undo_link.isVisible()
    QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Redo))
    assert kept().standing() == {ref("roses/1.jpg"): ""}
    assert counts(studio) == {"roses": 3, "tulips": 6}


def test_that_what_was_left_out_has_a_row_where_it_is_taken_back(
    page: DataPage, studio: Studio, process: Process
) -> None:
    studio.corrector.leave_out(refs("roses/1.jpg", "roses/2.jpg"))
    click_kind(page, "left_out", process)
    card = page.folder.pictures
    assert [caption.plain(cell.lines[0]) for cell in card.found.table.cells] == ["from roses", "from roses"]
    assert not card.bar.out_button.isVisible()
    click_picture(card.found, "roses/1.jpg")
    press(card.bar.back_button)
    assert kept().standing() == {ref("roses/2.jpg"): ""}
    assert counts(studio) == {"roses": 3, "tulips": 6}


def test_that_all_copies_are_chosen_at_once(page: DataPage, process: Process) -> None:
    click_kind(page, "duplicate", process)
    press(page.folder.pictures.copies_link)
    assert page.folder.pictures.choice() == refs("tulips/2.jpg", "tulips/3.jpg")


def test_that_the_words_below_a_picture_follow_its_class_while_the_pictures_stay(
    page: DataPage, studio: Studio, process: Process
) -> None:
    click_kind(page, "duplicate", process)
    table = page.folder.pictures.found.table
    studio.corrector.move(refs("tulips/2.jpg"), "roses")
    below = [caption.plain(table.index(row).data(CAPTION)[0]) for row in range(table.rowCount())]
    assert below == ["tulips", "roses", "tulips"]


def test_that_the_view_stays_where_it_is_when_pictures_go(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    studio.open_folder("/pictures/many")
    engines.send(engines.last(ScanJob)[1], *told({"a": 300, "b": 2}, []))
    process(ms=20)
    grid = page.folder.pictures.grid
    click_picture(grid, "a/200.jpg")
    process(ms=20)
    scrolled = grid.verticalScrollBar().value()
    assert scrolled > 0
    QTest.keyClick(grid, Qt.Key.Key_Delete)
    process(ms=20)
    assert abs(grid.verticalScrollBar().value() - scrolled) < grid.gridSize().height()
    assert grid.choice() == refs("a/201.jpg")


def test_that_corrections_are_there_after_a_restart(page: DataPage, studio: Studio, process: Process) -> None:
    studio.corrector.leave_out(refs("roses/1.jpg"))
    studio.corrector.move(refs("roses/2.jpg"), "tulips")
    engines = FakeEngines()
    later = Studio(engines, Settings())  # type: ignore[arg-type]  # the same face, no processes
    later.open_folder(FOLDER)
    assert later.corrector.kept.standing() == {ref("roses/1.jpg"): "", ref("roses/2.jpg"): "tulips"}
    later.corrector.undo()
    assert kept().standing() == {ref("roses/1.jpg"): ""}
    later.deleteLater()


def test_that_a_folder_put_right_too_far_can_be_taken_back(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    studio.corrector.leave_out(refs(*(f"roses/{at}.jpg" for at in range(4))))
    studio.open_folder(FOLDER)
    failure = ev.Failure(code="TooFewPictures", values={"path": FOLDER})
    engines.send(engines.last(ScanJob)[1], ev.JobEnded(outcome="failed", failure=failure))
    assert page.empty.zone.other_button.words() == "Take back the last correction"
    order = engines.last(ScanJob)[1]
    press(page.empty.zone.other_button)
    assert kept().standing() == {}
    process(until=lambda: engines.last(ScanJob)[1] != order)
    engines.send(engines.last(ScanJob)[1], *told(COUNTS, []))
    assert page.folder.isVisible()


def test_that_nothing_changes_where_it_cannot_be_kept(
    page: DataPage, window: Window, studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(paths, "corrections_folder", lambda: blocked / "corrections")
    studio.corrector.leave_out(refs("roses/1.jpg"))
    assert counts(studio) == COUNTS
    assert window.header.status.whole().startswith("Nothing can be written to")


# --- what a training and a quick look have to do with it


def test_that_one_box_lets_the_next_training_count_every_class_the_same(
    page: DataPage, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    click_kind(page, "imbalance", process)
    box = page.folder.pictures.alike
    assert box.isVisible()
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(9, 12))
    assert kept().class_weights
    studio.start_training(TrainJob())
    job, _order = engines.last(TrainJob)
    assert isinstance(job, TrainJob)
    assert job.class_weights
    assert studio.settings.job is not None
    assert not studio.settings.job.class_weights  # it belongs to this folder, not to every one
    click_kind(page, "two_classes", process)
    assert not box.isVisible()


def test_that_doubts_of_a_quick_look_stand_beside_what_the_scan_found(
    page: DataPage, window: Window, studio: Studio, engines: FakeEngines, process: Process
) -> None:
    studio.outlook.look(TrainJob(data=FOLDER, weights="official"))
    order = engines.last(QuickLookJob)[1]
    engines.send(order, ev.FindingsMade(findings=[DOUBT]))
    assert kinds(page)["wrong_label"] == "1"
    click_kind(page, "wrong_label", process)
    (cell,) = page.folder.pictures.found.table.cells
    assert [caption.plain(line) for line in cell.lines] == ["roses", "rather tulips"]
    click_picture(page.folder.pictures.found, "roses/3.jpg")
    assert page.folder.pictures.bar.count.whole().startswith("roses/3.jpg: Networks that did not learn from it")
    engines.send(order, ev.QuickLook(accuracy=0.9, spread=0.0, folds=5, count=8), ev.JobEnded(outcome="done"))
    assert studio.outlook.looked(TrainJob(data=FOLDER, weights="official"))
    studio.corrector.move(refs("roses/3.jpg"), "tulips")
    assert "wrong_label" not in kinds(page)
    assert not studio.outlook.looked(TrainJob(data=FOLDER, weights="official"))  # the pictures are others now
    studio.open_folder("/pictures/other")
    assert not studio.corrector.noticed().findings


def test_that_doubts_about_the_folder_that_was_open_before_are_not_told_of_this_one(
    page: DataPage, studio: Studio, engines: FakeEngines
) -> None:
    studio.outlook.look(TrainJob(data=FOLDER, weights="official"))
    order = engines.last(QuickLookJob)[1]
    studio.open_folder("/pictures/other")
    engines.send(order, ev.FindingsMade(findings=[DOUBT]))
    assert not studio.corrector.noticed().findings


def test_that_a_quick_look_at_pictures_that_were_put_right_meanwhile_does_not_count(
    page: DataPage, studio: Studio, engines: FakeEngines
) -> None:
    job = TrainJob(data=FOLDER, weights="official")
    figure = ev.QuickLook(accuracy=0.9, spread=0.0, folds=5, count=8)
    studio.outlook.look(job)
    studio.corrector.leave_out(refs("roses/3.jpg"))
    engines.send(engines.last(QuickLookJob)[1], figure, ev.JobEnded(outcome="done"))
    assert studio.outlook.looked(job) is None
    studio.outlook.look(job)
    engines.send(engines.last(QuickLookJob)[1], figure, ev.JobEnded(outcome="done"))
    assert studio.outlook.looked(job) is not None


# --- with real engines and real files


@pytest.mark.timeout(120)
def test_that_a_real_folder_is_put_right_and_stays_as_it_is(
    application: object, process: Process, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "zoo", {"cat": 12, "dog": 12}, size=48)
    (folder / "dog" / "cat again.png").write_bytes((folder / "cat" / "000.png").read_bytes())
    before = snapshot(folder)
    studio = Studio(Engines(), Settings())
    window = Window(studio, factories={"data": FACTORIES["data"]}, ask=lambda *_: True)
    page = window.make_page("data")
    assert isinstance(page, DataPage)
    window.show()
    studio.open_folder(str(folder))
    process(until=lambda: studio.scan.finished, limit_ms=60_000)
    process(ms=20)
    assert kinds(page)["two_classes"] == "2"
    click_kind(page, "two_classes", process)
    click_picture(page.folder.pictures.found, "dog/cat again.png")
    press(page.folder.pictures.bar.out_button)
    first = studio.scan
    process(until=lambda: studio.scan is not first, limit_ms=60_000)
    process(ms=20)
    assert counts(studio) == {"cat": 12, "dog": 12}
    assert "two_classes" not in kinds(page)
    assert kinds(page)["left_out"] == "1"
    assert sum(studio.scan.split.values()) == 24
    window.close()
    studio.engines.close()
    assert snapshot(folder) == before
