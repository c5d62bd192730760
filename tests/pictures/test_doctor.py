"""What the doctor finds: copies, doubtful pictures, classes and names; each once, with the picture first that would stay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageOps

from tests.pictures import encoded, make_folder, make_parts, noise, scene, snapshot, web_page
from tests.pictures.planted import Figures, judge, plant
from vgg_studio.core import finding_words
from vgg_studio.core.events import Finding, FindingsMade, FolderScanned, from_line, to_line
from vgg_studio.core.jobs import ScanJob, Stop
from vgg_studio.pictures import doctor, known, scan as scanning
from vgg_studio.pictures.scan import list_folder, scan

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")


@cache
def _jpeg(seed: int) -> bytes:
    return encoded(scene(seed), "JPEG", quality=92)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two classes of 22 different scenes each: nothing to be found."""
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(22):
            (tmp_path / "set" / name / f"{number:02}.jpg").write_bytes(_jpeg(100 * label + number))
    return tmp_path / "set"


def _divided(root: Path) -> Path:
    """The same pictures as parts."""
    for part in ("train", "test"):
        (root.parent / "parts" / part).mkdir(parents=True)
    for name in ("cat", "dog"):
        (root / name).rename(root.parent / "parts" / "train" / name)
        (root.parent / "parts" / "test" / name).mkdir()
        for number in ("00", "01"):
            here = root.parent / "parts" / "train" / name / f"{number}.jpg"
            here.rename(root.parent / "parts" / "test" / name / f"{number}.jpg")
    return root.parent / "parts"


def _findings(root: Path) -> list[Finding]:
    events = list(scan(ScanJob(data=str(root)), Stop()))
    return [finding for event in events if isinstance(event, FindingsMade) for finding in event.findings]


def _of(findings: list[Finding], *kinds: str) -> Iterator[tuple[str, list[str]]]:
    for finding in findings:
        if finding.kind in kinds or not kinds:
            yield finding.kind, [picture.path for picture in finding.pictures]


# --- copies


def test_that_a_good_set_is_called_good(scenes: Path) -> None:
    assert _findings(scenes) == []


def test_that_the_same_and_nearly_the_same_are_told_apart_and_the_larger_picture_stays(scenes: Path) -> None:
    (scenes / "cat" / "twin.jpg").write_bytes((scenes / "cat" / "03.jpg").read_bytes())
    scene(105, 120).save(scenes / "dog" / "a small one.jpg")
    found = _findings(scenes)
    assert sorted(_of(found)) == [
        ("duplicate", ["cat/03.jpg", "cat/twin.jpg"]),
        ("near_duplicate", ["dog/05.jpg", "dog/a small one.jpg"]),
    ]
    assert [finding.values["exact"] for finding in sorted(found, key=lambda finding: finding.kind)] == [1, 0]


def test_that_a_picture_in_two_classes_stays_where_most_of_its_copies_are(scenes: Path) -> None:
    data = (scenes / "dog" / "07.jpg").read_bytes()
    for name in ("cat/x.jpg", "dog/y.jpg"):
        (scenes / name).write_bytes(data)
    (found,) = _findings(scenes)
    assert found.kind == "two_classes"
    assert [picture.path for picture in found.pictures] == ["dog/07.jpg", "dog/y.jpg", "cat/x.jpg"]
    assert (found.classes, found.parts) == (["dog", "dog", "cat"], ["train", "train", "train"])


def test_that_a_mirrored_copy_in_another_part_is_found_and_the_part_that_scores_keeps_its_picture(scenes: Path) -> None:
    parts = _divided(scenes)
    ImageOps.mirror(scene(4)).save(parts / "test" / "cat" / "turned.jpg", quality=70)
    (found,) = (finding for finding in _findings(parts) if finding.kind not in ("tiny_class", "imbalance"))
    assert found.kind == "across_parts"
    assert [picture.path for picture in found.pictures] == ["test/cat/turned.jpg", "train/cat/04.jpg"]
    assert (found.parts, found.values) == (["test", "train"], {"exact": 0, "mirrored": 1})


def test_that_copies_share_a_number_and_others_have_none(scenes: Path) -> None:
    (scenes / "cat" / "twin.jpg").write_bytes((scenes / "cat" / "03.jpg").read_bytes())
    scene(105, 120).save(scenes / "dog" / "small.jpg")
    list(scan(ScanJob(data=str(scenes)), Stop()))
    listing = list_folder(str(scenes))
    with known.in_cache() as seen:
        for item in listing.items["train"]:
            seen.check(scenes / item.picture.path)  # type: ignore[arg-type]
        numbers = doctor.groups(listing, seen)
    together: dict[int, set[str]] = {}
    for picture, number in numbers.items():
        together.setdefault(number, set()).add(picture.path)
    assert sorted(map(sorted, together.values())) == [["cat/03.jpg", "cat/twin.jpg"], ["dog/05.jpg", "dog/small.jpg"]]


def test_that_many_copies_are_told_in_short_events_before_the_end(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_A_FINDING", 3)
    monkeypatch.setattr(scanning, "_FINDINGS", 2)
    for number in range(10):
        (scenes / "cat" / f"copy{number}.jpg").write_bytes((scenes / "cat" / "00.jpg").read_bytes())
    events = list(scan(ScanJob(data=str(scenes)), Stop()))
    made = [event for event in events if isinstance(event, FindingsMade)]
    assert [[len(finding.pictures) for finding in event.findings] for event in made] == [[4, 4], [4, 2]]
    assert {finding.pictures[0].path for event in made for finding in event.findings} == {"cat/00.jpg"}
    (end,) = (place for place, event in enumerate(events) if isinstance(event, FolderScanned))
    assert all(place < end for place, event in enumerate(events) if isinstance(event, FindingsMade))


# --- doubtful pictures


def test_that_dark_blurred_plain_and_moving_pictures_are_found(scenes: Path) -> None:
    scene(50).point(lambda value: value // 6).save(scenes / "cat" / "dark.png")
    scene(51).filter(ImageFilter.GaussianBlur(9)).save(scenes / "cat" / "blurred.png")
    Image.new("RGB", (90, 60), "#a0b0c0").save(scenes / "dog" / "plain.png")
    Image.new("RGB", (90, 60), "#000000").save(scenes / "dog" / "black.png")
    scene(52).save(scenes / "dog" / "moving.gif", save_all=True, append_images=[scene(53)])
    found = _findings(scenes)
    assert sorted(_of(found)) == [
        ("blurry", ["cat/blurred.png"]),
        ("dark", ["cat/dark.png"]),
        ("dark", ["dog/black.png"]),
        ("first_frame", ["dog/moving.gif"]),
        ("one_colour", ["dog/plain.png"]),
    ]
    assert next(finding.values["frames"] for finding in found if finding.kind == "first_frame") == 2


def test_that_a_set_of_night_pictures_is_not_called_dark(tmp_path: Path) -> None:
    for name in ("moon", "stars"):
        (tmp_path / name).mkdir()
        for number in range(12):
            seed = number + 100 * len(name)
            scene(seed).point(lambda value: value // 6).save(tmp_path / name / f"{number}.png")
    assert not list(_of(_findings(tmp_path), "dark", "blurry"))


# --- doubtful classes


def test_that_tiny_classes_and_classes_of_very_different_size_are_found(tmp_path: Path) -> None:
    found = _findings(make_folder(tmp_path, {"few": 3, "one": 1, "many": 24}, size=12))
    told = {finding.kind: (finding.classes, finding.values) for finding in found if not finding.pictures}
    assert told == {
        "tiny_class": (["few"], {"count": 3}),
        "imbalance": (["many", "few"], {"factor": 8.0, "largest": 24, "smallest": 3}),
    }


def test_that_a_picture_that_cannot_be_used_counts_for_no_class(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a": 20, "b": 20}, size=12)
    web_page(tmp_path / "a" / "page.jpg")
    (tmp_path / "b" / "000.png").write_bytes(b"")
    found = [finding for finding in _findings(tmp_path) if finding.kind == "tiny_class"]
    assert [(finding.classes, finding.values["count"]) for finding in found] == [(["b"], 19)]


# --- doubtful names


SAME = {
    "case": ("Cat", "cat"),
    "unicode": ("caf\u00e9", "cafe\u0301"),
    "lookalike": ("cow", "\u0441\u043ew"),
    "spaces": ("red fox", "red_fox"),
}


@posix
@pytest.mark.parametrize("why", SAME)
def test_that_classes_whose_names_read_alike_are_found(tmp_path: Path, why: str) -> None:
    make_folder(tmp_path, {**dict.fromkeys(SAME[why], 2), "class 1": 2, "class l": 2, "bird": 2}, size=12)
    (found,) = (finding for finding in _findings(tmp_path) if finding.kind == "same_name")
    assert (found.classes, found.values) == (sorted(SAME[why]), {"why": why})


ODD = {
    "bytes": b"caf\xe9.png",
    "reserved": b"CON.png",
    "signs": b"what?.png",
    "control": b"new\nline.png",
    "direction": "\u202egnp.x.png".encode(),
    "long": b"x" * 245 + b".png",
}


@posix
@pytest.mark.parametrize("why", ODD)
def test_that_names_that_other_systems_cannot_hold_are_found(tmp_path: Path, why: str) -> None:
    make_folder(tmp_path, {"cat": 2, "dog": 2}, size=12)
    odd = os.path.join(os.fsencode(tmp_path), b"cat", ODD[why])
    os.rename(tmp_path / "cat" / "000.png", odd)
    (found,) = (finding for finding in _findings(tmp_path) if finding.kind == "odd_name")
    assert (found.values, found.classes) == ({"why": why}, ["cat"])
    assert from_line(to_line(FindingsMade(findings=[found], time=1.0))) == FindingsMade(findings=[found], time=1.0)


@posix
def test_that_a_folder_with_an_odd_name_is_told_once(tmp_path: Path) -> None:
    make_folder(tmp_path, {"aux": 3, "ends with a dot.": 3, "dog": 3}, size=12)
    found = list(_of(_findings(tmp_path), "odd_name"))
    assert found == [("odd_name", ["aux/000.png"]), ("odd_name", ["ends with a dot./000.png"])]


# --- words


def test_that_every_finding_has_a_sentence_that_shows_no_control_characters(tmp_path: Path) -> None:
    make_folder(tmp_path, {"new\nline": 2, "New\nline": 9, "\u202e": 1}, size=12)
    noise().save(tmp_path / "New\nline" / "CON.png")
    for finding in _findings(tmp_path):
        words = finding_words.reason(finding)
        assert words.endswith(".")
        assert words.isprintable()
        assert finding_words.title(finding.kind)


# --- all at once


def test_that_the_data_set_stays_as_it_is_byte_for_byte(tmp_path: Path) -> None:
    make_parts(tmp_path / "set", {"train": {"a": 4, "b": 3}, "test": {"a": 2}})
    (tmp_path / "set" / "test" / "a" / "twin.png").write_bytes(
        (tmp_path / "set" / "train" / "a" / "000.png").read_bytes()
    )

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted((tmp_path / "set").rglob("*")) if path.is_file()}

    before = content(), snapshot(tmp_path / "set")
    assert list(_of(_findings(tmp_path / "set"), "across_parts"))
    assert (content(), snapshot(tmp_path / "set")) == before


def _all_found(figures: dict[str, Figures]) -> bool:
    return all(row.found == row.planted for row in figures.values())


@pytest.mark.real
def test_that_faults_planted_among_real_pictures_are_found(real_data: Path, tmp_path: Path) -> None:
    figures = judge(plant(real_data / "data" / "flowers", tmp_path / "planted", each=5, strangers=2, limit=30))
    assert _all_found(figures)
    assert sum(len(row.false_alarms) for row in figures.values()) <= 1


@pytest.mark.real
@pytest.mark.slow
def test_that_twenty_faults_of_each_kind_among_a_thousand_pictures_are_found(real_data: Path, tmp_path: Path) -> None:
    figures = judge(plant(real_data / "data" / "flowers", tmp_path / "planted"))
    assert _all_found(figures)
    allowed = {"near copies": 2, "blurry": 2}  # the two pairs are copies indeed
    assert all(len(row.false_alarms) <= allowed.get(kind, 0) for kind, row in figures.items())
