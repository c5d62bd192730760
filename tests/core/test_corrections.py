"""What a person puts right by hand: steps, undo, what a listing becomes, and the file that keeps it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vgg_studio.core import corrections
from vgg_studio.core.corrections import Corrections, leave_out, move, take_back
from vgg_studio.core.facts import PictureRef
from vgg_studio.core.split import Item, Listing, Split

FOLDER = "/pictures/flowers"
ONE, TWO, THREE = (PictureRef(path=f"roses/{name}.jpg") for name in ("one", "two", "three"))
TULIP = PictureRef(path="tulips/four.jpg")
ROW = PictureRef(row=17)


def done(*steps: corrections.Step) -> Corrections:
    found = Corrections(folder=FOLDER)
    for step in steps:
        found = found.with_step(step)
    return found


def listing() -> Listing:
    items = [Item(picture, 0) for picture in (ONE, TWO, THREE)] + [Item(TULIP, 1), Item(ROW, 1)]
    return Listing(folder=FOLDER, layout="train_test", classes=["roses", "tulips"], items={"train": items, "test": []})


def labels(found: Listing) -> dict[PictureRef, int]:
    return {item.picture: item.label for items in found.items.values() for item in items}


def test_that_the_newest_step_on_a_picture_counts() -> None:
    found = done(leave_out([ONE, TWO]), move([TWO, THREE], "tulips"), take_back([THREE]))
    assert found.standing() == {ONE: "", TWO: "tulips"}


def test_that_undo_goes_back_step_by_step_and_redo_forward_again() -> None:
    both = done(leave_out([ONE]), move([ONE], "tulips"))
    once = both.undo()
    assert once.standing() == {ONE: ""}
    assert once.undo().standing() == {}
    assert once.undo().undo() == once.undo()
    assert once.undo().redo().redo().standing() == both.standing()
    assert both.redo() == both


def test_that_what_was_undone_is_over_once_something_else_is_done() -> None:
    assert done(leave_out([ONE])).undo().with_step(leave_out([TWO])).redo().standing() == {TWO: ""}


def test_that_a_digest_tells_states_apart_and_not_the_steps_to_them() -> None:
    assert done().digest() == done(leave_out([ONE])).undo().digest() == ""
    assert done(leave_out([ONE, TWO])).digest() == done(leave_out([TWO]), leave_out([ONE])).digest()
    assert done(leave_out([ONE])).digest() != done(move([ONE], "tulips")).digest()


def test_that_a_step_on_no_picture_is_none() -> None:
    assert done(leave_out([])).steps == []


def test_that_a_listing_loses_what_is_left_out_and_tells_it_with_its_class() -> None:
    found = corrections.apply(listing(), done(leave_out([TWO, ROW])))
    assert labels(found) == {ONE: 0, THREE: 0, TULIP: 1}
    told = [(entry.picture, entry.reason, entry.values) for entry in found.left_out]
    assert told == [(TWO, "by_hand", {"class_name": "roses"}), (ROW, "by_hand", {"class_name": "tulips"})]


def test_that_a_picture_is_listed_under_the_class_that_it_was_put_into() -> None:
    found = corrections.apply(listing(), done(move([ONE, ROW], "tulips")))
    assert [(item.picture, item.label) for item in found.items["train"]] == [
        (TWO, 0), (THREE, 0), (ONE, 1), (TULIP, 1), (ROW, 1)
    ]  # fmt: skip


def test_that_what_has_gone_from_the_folder_is_passed_over() -> None:
    gone = PictureRef(path="roses/gone.jpg")
    found = corrections.apply(listing(), done(leave_out([gone]), move([ONE], "no such class")))
    assert found == listing()


def test_that_a_listing_is_not_changed_by_what_is_made_of_it() -> None:
    given = listing()
    corrections.apply(given, done(leave_out([ONE]), move([TWO], "tulips")))
    assert given == listing()


def test_that_the_parts_of_a_run_are_put_right_too() -> None:
    parts = Split(classes=["roses", "tulips"], train=[Item(ONE, 0), Item(TWO, 0)], test=[Item(TULIP, 1)])
    found = corrections.apply_to_split(parts, done(leave_out([ONE]), move([TULIP], "roses")))
    assert (found.train, found.test) == ([Item(TWO, 0)], [Item(TULIP, 0)])


def test_that_corrections_survive_a_restart(tmp_path: Path) -> None:
    raw = PictureRef(path="roses/\\xff.jpg", raw="/w==")
    kept = msgspec.structs.replace(done(leave_out([ONE, raw]), move([ROW], "玫瑰")).undo(), class_weights=True)
    corrections.save(kept, FOLDER, tmp_path)
    assert corrections.load(FOLDER, tmp_path) == kept
    assert corrections.load(FOLDER + "/", tmp_path).standing() == {ONE: "", raw: ""}
    assert corrections.load("/pictures/other", tmp_path) == Corrections(folder="/pictures/other")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"folder": "/pictures/flowers", "steps": [{"what": "delete", "pictures": []}]}',
        b'{"folder": "/pictures/other", "steps": []}',
        b'{"folder": "/pictures/flowers", "format": 2, "steps": []}',
    ],
)
def test_that_a_damaged_or_foreign_file_is_none_and_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    file = corrections.file_of(FOLDER, tmp_path)
    file.write_bytes(content)
    found = corrections.load(FOLDER, tmp_path)
    assert found == Corrections(folder=FOLDER)
    corrections.save(found.with_step(leave_out([ONE])), FOLDER, tmp_path)
    assert corrections.load(FOLDER, tmp_path).standing() == {ONE: ""}
    assert file.with_name(file.name + corrections.BACKUP).read_bytes() == content


def test_that_a_link_leads_to_the_corrections_of_the_folder_and_of_no_other(tmp_path: Path) -> None:
    place, link = tmp_path / "kept", tmp_path / "link"
    for name in ("zoo", "farm"):
        (tmp_path / name).mkdir()
    link.symlink_to(tmp_path / "zoo")
    corrections.save(corrections.load(str(link), place).with_step(leave_out([ONE])), str(link), place)
    assert corrections.load(str(tmp_path / "zoo"), place).standing() == {ONE: ""}
    link.unlink()
    link.symlink_to(tmp_path / "farm")
    assert corrections.load(str(link), place).standing() == {}


def test_that_an_ordinary_change_leaves_no_backup(tmp_path: Path) -> None:
    for picture in (ONE, TWO):
        corrections.save(corrections.load(FOLDER, tmp_path).with_step(leave_out([picture])), FOLDER, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [corrections.file_of(FOLDER, tmp_path).name]
