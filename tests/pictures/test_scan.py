"""The scan: every file is used or left out with its reason, the counts add up, and a stop is obeyed."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TypeVar

import pytest

from tests.pictures import encoded, fifo, make_folder, make_parts, noise, snapshot, truncated, web_page, written
from vgg_studio.core import split
from vgg_studio.core.events import (
    ClassCount,
    ClassesListed,
    ClassLeftOut,
    Event,
    FolderScanned,
    JobEnded,
    LeftOut,
    PhaseProgress,
    PhaseStarted,
    PictureLeftOut,
    PictureRef,
    PicturesListed,
    from_line,
    to_line,
)
from vgg_studio.core.jobs import ScanJob, Stop
from vgg_studio.pictures import known, scan as scanning
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.scan import list_folder, scan, usable

Kind = TypeVar("Kind", bound=Event)


def _scan(root: Path, seed: int = 0) -> list[Event]:
    return list(scan(ScanJob(data=str(root), seed=seed), Stop()))


def _all(events: list[Event], kind: type[Kind]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def _one(events: list[Event], kind: type[Kind]) -> Kind:
    (only,) = _all(events, kind)
    return only


def _zoo(root: Path) -> Path:
    """Two good classes, and one of everything that goes wrong."""
    make_folder(root, {"cat": 12, "dog": 10, "lonely": 1})
    truncated(root / "cat" / "cut.jpg")
    web_page(root / "cat" / "page.jpg")
    written(root / "dog" / "empty.png", b"")
    written(root / "dog" / "report.jpg", b"%PDF-1.4\n")
    written(root / "dog" / "readme.txt", b"text")
    (root / "bare").mkdir()
    return root


def test_that_every_file_is_used_left_out_or_ignored_and_the_counts_add_up(tmp_path: Path) -> None:
    zoo = _zoo(tmp_path / "zoo")
    events = _scan(zoo)
    scanned = _one(events, FolderScanned)
    assert {left.picture.path: (left.reason, left.values) for left in scanned.left_out} == {
        "cat/cut.jpg": ("cut_off", {}),
        "cat/page.jpg": ("web_page", {}),
        "dog/empty.png": ("empty", {}),
        "dog/report.jpg": ("document", {"kind": "PDF"}),
    }
    assert scanned.left_out_count == 4
    assert scanned.ignored == _one(events, ClassesListed).ignored == 1
    assert scanned.classes == [ClassCount(name="cat", train=12), ClassCount(name="dog", train=10)]
    assert [(gone.name, gone.count) for gone in _all(events, ClassLeftOut)] == [("bare", 0), ("lonely", 1)]
    files = sum(path.is_file() for path in zoo.rglob("*"))
    in_small_classes = sum(gone.count for gone in _all(events, ClassLeftOut))
    used = sum(count.train for count in scanned.classes)
    assert used + in_small_classes + scanned.left_out_count + scanned.ignored == files
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_that_a_pipe_named_like_a_picture_is_left_out_and_holds_nothing_up(tmp_path: Path) -> None:
    fifo(make_folder(tmp_path) / "cat" / "x.jpg")
    left = _one(_scan(tmp_path), PictureLeftOut)
    assert (left.picture.path, left.reason) == ("cat/x.jpg", "not_a_file")


def test_that_names_come_before_pixels_and_each_picture_is_named_once(tmp_path: Path) -> None:
    events = _scan(_zoo(tmp_path))
    kinds = [type(event) for event in events]
    assert kinds[:2] == [PhaseStarted, ClassesListed]
    phases = [event.phase for event in _all(events, PhaseStarted)]
    assert phases == ["listing", "reading", "comparing"]
    named = [ref.path for event in _all(events, PicturesListed) for ref in event.pictures]
    assert len(named) == len(set(named)) == 27
    reading = next(n for n, event in enumerate(events) if isinstance(event, PhaseStarted) and event.phase == "reading")
    assert all(n < reading for n, event in enumerate(events) if isinstance(event, PicturesListed))


def test_that_pictures_are_listed_by_class_and_part_in_portions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_AN_EVENT", 2)
    make_parts(tmp_path, {"train": {"a": 3, "b": 2}, "test": {"a": 1}})
    portions = [(e.part, e.class_name, len(e.pictures)) for e in _all(_scan(tmp_path), PicturesListed)]
    assert portions == [("train", "a", 2), ("train", "a", 1), ("train", "b", 2), ("test", "a", 1)]


def test_that_progress_reaches_the_number_of_pictures(tmp_path: Path) -> None:
    events = _scan(make_folder(tmp_path))
    assert _all(events, PhaseStarted)[1].total == 12
    progress = _all(events, PhaseProgress)
    assert (progress[-1].done, progress[-1].total) == (12, 12)


def test_that_the_split_told_is_the_one_to_come(tmp_path: Path) -> None:
    listing = list_folder(str(_zoo(tmp_path)))
    scanned = _one(_scan(tmp_path, seed=4), FolderScanned)
    refused = {left.picture for left in scanned.left_out}
    assert scanned.split == split.split_counts(usable(listing, refused), 4)
    assert sum(scanned.split.values()) == 22


def test_that_given_parts_are_told_as_they_are(tmp_path: Path) -> None:
    counts = {"a": 4, "b": 3}
    scanned = _one(_scan(make_parts(tmp_path, {"train": counts, "val": counts, "test": counts})), FolderScanned)
    assert scanned.layout == "train_val_test"
    assert scanned.split == {"train": 7, "val": 7, "test": 7}
    assert scanned.classes[0] == ClassCount(name="a", train=4, val=4, test=4)


def test_that_only_the_first_left_out_are_repeated_at_the_end_but_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_TOLD", 3)
    make_folder(tmp_path)
    for number in range(5):
        web_page(tmp_path / "cat" / f"page{number}.jpg")
    scanned = _one(_scan(tmp_path), FolderScanned)
    assert (len(scanned.left_out), scanned.left_out_count) == (3, 5)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([], "FolderEmpty"),
        (["1.jpg"], "FolderFlat"),
        (["a/1.jpg", "a/2.jpg"], "OneClass"),
        (["a/1.jpg", "a/2.jpg", "b/1.jpg"], "TooFewPictures"),
    ],
)
def test_that_a_folder_that_cannot_be_used_ends_as_failed_with_its_reason(
    tmp_path: Path, files: list[str], code: str
) -> None:
    for name in files:
        written(tmp_path / name, encoded(noise()))
    last = _scan(tmp_path)[-1]
    assert isinstance(last, JobEnded)
    assert last.outcome == "failed"
    assert last.failure is not None
    assert last.failure.code == code


def test_that_the_classes_left_out_are_said_before_there_are_too_few(tmp_path: Path) -> None:
    events = _scan(make_folder(tmp_path, {"a": 2, "b": 1}))
    assert [gone.name for gone in _all(events, ClassLeftOut)] == ["b"]


def test_that_a_missing_folder_ends_as_failed(tmp_path: Path) -> None:
    last = _scan(tmp_path / "no")[-1]
    assert isinstance(last, JobEnded)
    assert last.failure is not None
    assert last.failure.code == "FolderMissing"


def test_that_the_folder_is_not_written(tmp_path: Path) -> None:
    zoo = _zoo(tmp_path / "zoo")
    before = snapshot(zoo)
    _scan(zoo)
    assert snapshot(zoo) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows names are text")
def test_that_all_events_can_be_sent_whatever_the_names(tmp_path: Path) -> None:
    root = os.path.join(os.fsencode(tmp_path), b"d\xe4ta")
    for name in (b"caf\xe9", b"\xff", b"<img src=x>"):
        for number in (b"1", b"2"):
            written(Path(os.fsdecode(os.path.join(root, name, b"\xfe" + number + b".png"))), encoded(noise()))
    web_page(Path(os.fsdecode(os.path.join(root, b"\xff", b"\xfd.jpg"))))
    events = list(scan(ScanJob(data=os.fsdecode(root)), Stop()))
    assert [from_line(to_line(event)) for event in events] == events
    scanned = _one(events, FolderScanned)
    assert [count.name for count in scanned.classes] == ["<img src=x>", r"\xff", r"caf\xe9"]
    assert scanned.left_out_count == 1
    assert scanned.folder.endswith(r"d\xe4ta")


def test_that_left_out_pictures_come_in_the_order_of_the_folder(tmp_path: Path) -> None:
    left = [event.picture.path for event in _all(_scan(_zoo(tmp_path)), PictureLeftOut)]
    assert left == ["cat/cut.jpg", "cat/page.jpg", "dog/empty.png", "dog/report.jpg"]


# --- stopping


def test_that_a_stop_is_obeyed_between_two_pictures(tmp_path: Path) -> None:
    stop = Stop()
    events: list[Event] = []
    for event in scan(ScanJob(data=str(make_folder(tmp_path, count=200, size=8))), stop):
        events.append(event)
        if isinstance(event, PhaseStarted) and event.phase == "reading":
            stop.ask("cancel")
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "stopped"
    assert not _all(events, FolderScanned)
    assert len(_all(events, JobEnded)) == 1


@pytest.mark.parametrize("phase", ["listing", "reading", "comparing"])
def test_that_a_stop_is_heard_in_every_phase(tmp_path: Path, phase: str) -> None:
    stop, threads = Stop(), threading.active_count()
    events: list[Event] = []
    for event in scan(ScanJob(data=str(make_folder(tmp_path, size=8))), stop):
        events.append(event)
        if isinstance(event, PhaseStarted) and event.phase == phase:
            stop.ask("cancel")
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "stopped"
    assert _all(events, PhaseStarted)[-1].phase == phase
    assert not _all(events, FolderScanned)
    assert threading.active_count() == threads


def test_that_a_stop_does_not_wait_for_the_picture_that_is_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last event comes while the reader still holds its picture: it is let go only after that event."""
    go_on = threading.Event()
    begun: list[PictureRef] = []

    def slow(picture: PictureRef, root: str, seen: Known) -> LeftOut | None:
        begun.append(picture)
        go_on.wait(60)
        return None

    monkeypatch.setattr(scanning, "refusal", slow)
    stop = Stop()
    events = scan(ScanJob(data=str(make_folder(tmp_path))), stop)
    asker = threading.Timer(0.1, stop.ask, ("cancel",))
    asker.start()
    try:
        last = next(event for event in events if isinstance(event, JobEnded))
        assert not go_on.is_set()
    finally:
        go_on.set()
        asker.join()
    assert last.outcome == "stopped"
    assert not list(events)
    assert len(begun) <= scanning._THREADS  # those that waited behind were not begun any more


_ASLEEP = """
import sys, time
from vgg_studio.pictures import decoder
decoder._answer = lambda request: time.sleep(600)
decoder.serve(float(sys.argv[1]), int(sys.argv[2]))
"""


def test_that_a_picture_that_hangs_is_let_go_where_nobody_asks_for_more_after_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(1, command=(sys.executable, "-P", "-c", _ASLEEP))
    monkeypatch.setattr(known, "Guard", lambda _workers: guard)
    only, stop = threading.Lock(), Stop()
    found: list[LeftOut | None] = []
    refusal = scanning.refusal

    def one(picture: PictureRef, root: str, seen: Known) -> None:
        if only.acquire(blocking=False):
            found.append(refusal(picture, root, seen))

    def stop_at_a_picture() -> None:
        while guard._decoders[0]._watch is None:
            time.sleep(0.01)
        stop.ask("cancel")

    monkeypatch.setattr(scanning, "refusal", one)
    asker = threading.Thread(target=stop_at_a_picture)
    asker.start()
    events = scan(ScanJob(data=str(make_folder(tmp_path))), stop)
    assert any(isinstance(event, JobEnded) for event in events)
    events.close()  # type: ignore[attr-defined]
    asker.join()
    assert [left.reason for left in found if left] == ["unreadable"]  # and nobody waited until it was too slow


def test_that_a_scan_that_is_dropped_half_way_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    events = scan(ScanJob(data=str(make_folder(tmp_path, count=50, size=8))), Stop())
    next(event for event in events if isinstance(event, PhaseProgress | PicturesListed))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_that_a_second_scan_opens_nothing_and_tells_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = _zoo(tmp_path / "zoo")
    for path in zoo.rglob("*"):
        os.utime(path, (1e9, 1e9))
    first = _scan(zoo)
    opened: list[bytes] = []
    monkeypatch.setattr(Guard, "look", lambda _, path: opened.append(path))
    second = _scan(zoo)

    assert not opened
    assert [told.reason for told in _all(second, PictureLeftOut)] == [
        told.reason for told in _all(first, PictureLeftOut)
    ]
    assert _one(second, FolderScanned).classes == _one(first, FolderScanned).classes
    assert _one(second, FolderScanned).left_out == _one(first, FolderScanned).left_out


def test_that_a_scan_needs_no_place_to_remember(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    monkeypatch.setenv("VGG_STUDIO_HOME", str(tmp_path / "a-file"))

    ended = _one(_scan(make_folder(tmp_path / "pictures")), JobEnded)
    assert ended.outcome == "done"
