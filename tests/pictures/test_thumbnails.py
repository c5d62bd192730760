"""Thumbnails: small, private, made once, and never in the user's folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import encoded, fifo, make_folder, noise, smooth, snapshot, truncated, written
from vgg_studio import paths
from vgg_studio.core.errors import StorageError
from vgg_studio.core.events import Event, JobEnded, PictureRef, ThumbnailFailed, ThumbnailMade
from vgg_studio.core.jobs import Stop, ThumbnailJob
from vgg_studio.pictures.saving import save_jpeg
from vgg_studio.pictures.thumbnails import make_thumbnails


def _make(data: Path, *names: str, cache: Path, side: int = 32) -> list[Event]:
    job = ThumbnailJob(data=str(data), pictures=[PictureRef(path=name) for name in names], side=side)
    return list(make_thumbnails(job, Stop(), cache=cache))


def _file(events: list[Event]) -> Path:
    assert isinstance(events[0], ThumbnailMade)
    return Path(events[0].file)


def test_that_each_picture_is_answered_in_the_order_asked(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=3)
    events = _make(data, "a/002.png", "a/000.png", "a/001.png", cache=tmp_path / "cache")
    assert [event.picture.path for event in events if isinstance(event, ThumbnailMade)] == [
        "a/002.png",
        "a/000.png",
        "a/001.png",
    ]
    assert isinstance(events[-1], JobEnded)
    assert events[-1].outcome == "done"


def test_that_a_thumbnail_keeps_the_aspect_and_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    written(tmp_path / "data" / "x.jpg", encoded(smooth(400, 200), "JPEG", exif=exif))
    with Image.open(_file(_make(tmp_path / "data", "x.jpg", cache=tmp_path / "cache", side=100))) as thumbnail:
        assert (thumbnail.format, thumbnail.mode, thumbnail.size) == ("JPEG", "RGB", (50, 100))


def test_that_a_small_picture_is_not_blown_up(tmp_path: Path) -> None:
    written(tmp_path / "data" / "x.png", encoded(noise(20, 10)))
    with Image.open(_file(_make(tmp_path / "data", "x.png", cache=tmp_path / "cache"))) as thumbnail:
        assert thumbnail.size == (20, 10)


def test_that_a_thumbnail_says_nothing_about_the_camera_or_the_place(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    written(tmp_path / "data" / "x.jpg", encoded(smooth(), "JPEG", exif=exif, comment=b"SECRET"))
    assert b"SECRET" not in _file(_make(tmp_path / "data", "x.jpg", cache=tmp_path / "cache")).read_bytes()


def test_that_a_thumbnail_is_made_once(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=1)
    first = _file(_make(data, "a/000.png", cache=tmp_path / "cache"))
    before = first.stat().st_mtime_ns, first.stat().st_ino
    assert _file(_make(data, "a/000.png", cache=tmp_path / "cache")) == first
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == before


def test_that_a_changed_picture_gets_a_new_thumbnail(tmp_path: Path) -> None:
    path = written(tmp_path / "data" / "x.png", encoded(Image.new("RGB", (9, 9), "red")))
    first = _file(_make(tmp_path / "data", "x.png", cache=tmp_path / "cache"))
    path.write_bytes(encoded(Image.new("RGB", (9, 9), "blue")))
    os.utime(path, ns=(1, 1))
    second = _file(_make(tmp_path / "data", "x.png", cache=tmp_path / "cache"))
    assert first != second
    with Image.open(second) as thumbnail:
        assert thumbnail.getpixel((4, 4)) == (0, 0, 254)


def test_that_each_size_has_its_own_thumbnail(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=1)
    sizes = {_file(_make(data, "a/000.png", cache=tmp_path / "cache", side=side)) for side in (16, 24)}
    assert len(sizes) == 2


def test_that_an_emptied_thumbnail_is_made_again(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=1)
    file = _file(_make(data, "a/000.png", cache=tmp_path / "cache"))
    file.write_bytes(b"")
    assert _file(_make(data, "a/000.png", cache=tmp_path / "cache")).stat().st_size > 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_that_thumbnails_are_the_users_alone_and_leave_no_litter(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=2)
    file = _file(_make(data, "a/000.png", "a/001.png", cache=tmp_path / "cache"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(list(file.parent.iterdir())) == 2


def test_that_nothing_is_written_into_the_folder_of_pictures(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=2)
    before = snapshot(data)
    _make(data, "a/000.png", "a/001.png", cache=tmp_path / "cache")
    assert snapshot(data) == before


def test_that_bad_pictures_are_answered_with_their_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=1)
    truncated(data / "cut.jpg")
    names = ["cut.jpg", "gone.jpg", "../x.jpg", "a/000.png"]
    reasons = ["cut_off", "missing", "not_allowed"]
    if os.name != "nt":
        fifo(data / "pipe.jpg")
        names.insert(0, "pipe.jpg")
        reasons.insert(0, "not_a_file")
    events = _make(data, *names, cache=tmp_path / "cache")
    assert [event.reason for event in events if isinstance(event, ThumbnailFailed)] == reasons
    assert isinstance(events[-2], ThumbnailMade)


def test_that_a_stop_is_obeyed_between_two_pictures(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=3)
    stop = Stop()
    job = ThumbnailJob(data=str(data), pictures=[PictureRef(path=f"a/00{number}.png") for number in range(3)])
    events = make_thumbnails(job, stop, cache=tmp_path / "cache")
    next(events)
    stop.ask("cancel")
    (last,) = events
    assert isinstance(last, JobEnded)
    assert last.outcome == "stopped"


def test_that_a_cache_that_cannot_be_written_ends_the_order_with_the_reason(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=1)
    (last,) = _make(data, "a/000.png", cache=written(tmp_path / "file", b""))
    assert isinstance(last, JobEnded)
    assert last.failure is not None
    assert last.failure.code == "NotWritable"


def test_that_thumbnails_lie_in_the_users_cache_unless_told_otherwise(tmp_path: Path) -> None:
    data = make_folder(tmp_path / "data", ["a"], count=1)
    job = ThumbnailJob(data=str(data), pictures=[PictureRef(path="a/000.png")])
    assert _file(list(make_thumbnails(job, Stop()))).is_relative_to(paths.cache_folder())


def test_that_a_file_that_cannot_take_its_place_leaves_no_litter(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    with pytest.raises(StorageError):
        save_jpeg(noise(), tmp_path / "x.jpg", quality=90)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
