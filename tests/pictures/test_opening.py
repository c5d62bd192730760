"""The one door: files of all kinds, by any name, from any thread, come in as RGB of 8 bits."""

from __future__ import annotations

import ntpath
import os
import posixpath
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import encoded, noise, pixels, smooth, snapshot, written
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import PictureRef
from vgg_studio.pictures import files
from vgg_studio.pictures.files import locate, refer, shown
from vgg_studio.pictures.opening import open_picture

LOSSLESS: list[tuple[str, dict[str, object]]] = [
    ("PNG", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("PPM", {}),
]
LOSSY = ["JPEG", "WEBP", "AVIF", "HEIF"]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def _opened(tmp_path: Path, picture: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    return open_picture(written(tmp_path / "picture.jpg", encoded(picture, kind, **options)))


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_that_every_lossless_kind_gives_its_pixels_whatever_its_name(
    tmp_path: Path, kind: str, options: dict[str, object]
) -> None:
    opened = _opened(tmp_path, noise(), kind, **options)
    assert opened.mode == "RGB"
    assert np.array_equal(pixels(opened), pixels(noise()))


@pytest.mark.parametrize("kind", LOSSY)
def test_that_every_lossy_kind_gives_nearly_its_pixels(tmp_path: Path, kind: str) -> None:
    opened = _opened(tmp_path, smooth(), kind, quality=95)
    assert opened.mode == "RGB"
    assert np.abs(pixels(opened).astype(int) - pixels(smooth())).mean() < 4


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_that_an_animation_gives_its_first_frame(tmp_path: Path, kind: str) -> None:
    first, second = Image.new("RGB", (20, 10), "red"), Image.new("RGB", (20, 10), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    opened = _opened(tmp_path, first, kind, save_all=True, append_images=[second], **options)
    assert pixels(opened).reshape(-1, 3).tolist() == [[255, 0, 0]] * 200


def test_that_two_pictures_of_a_stereo_camera_give_the_first(tmp_path: Path) -> None:
    opened = _opened(tmp_path, smooth(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    assert np.abs(pixels(opened).astype(int) - pixels(smooth())).mean() < 4


def test_that_a_picture_is_opened_by_text_bytes_and_path_alike(tmp_path: Path) -> None:
    path = written(tmp_path / "照片 été.png", encoded(noise()))
    ways = [pixels(open_picture(way)) for way in (path, str(path), os.fsencode(path))]
    assert all(np.array_equal(way, pixels(noise())) for way in ways)


def test_that_a_jpeg_may_come_smaller_but_not_too_small(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jpg", encoded(smooth(800, 600), "JPEG"))
    assert open_picture(path, at_least=100).size == (200, 150)
    assert open_picture(path, at_least=500).size == (800, 600)
    assert open_picture(path).size == (800, 600)


def test_that_many_threads_open_pictures_as_one_does(tmp_path: Path) -> None:
    kinds = ["PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG", "AVIF", "PPM"]
    paths = [written(tmp_path / f"{n}", encoded(noise(seed=n), kind)) for n, kind in enumerate(kinds * 4)]
    alone = [pixels(open_picture(path)) for path in paths]
    before = threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda path: pixels(open_picture(path)), paths * 3))
    assert threading.active_count() == before
    assert all(np.array_equal(one, other) for one, other in zip(alone * 3, together, strict=True))


def test_that_opening_leaves_file_and_handles_alone(tmp_path: Path) -> None:
    written(tmp_path / "a.png", encoded(noise()))
    written(tmp_path / "b.jpg", encoded(noise(), "JPEG")[:500])
    before = snapshot(tmp_path)
    handles = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for _ in range(20):
        open_picture(tmp_path / "a.png")
        with pytest.raises(PictureRefused):
            open_picture(tmp_path / "b.jpg")
    assert snapshot(tmp_path) == before
    assert len(os.listdir("/proc/self/fd") if handles else []) <= len(handles)


NAMES = [
    b"plain.jpg",
    "汉字.jpg".encode(),
    b"new\nline.jpg",
    b"latin \xe9\xff.jpg",
    "e\u0301.jpg".encode(),
    b"=1+1.jpg",
    b"-rf.jpg",
]


@posix
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("root", [b"", b"/some/data"])
def test_that_a_reference_finds_its_file_whatever_its_name(root: bytes, name: bytes) -> None:
    path = os.path.join(root or b"/elsewhere", b"class", name)
    ref = refer(path, root)
    assert locate(ref, os.fsdecode(root)) == path
    ref.path.encode("utf-8")  # can be sent and shown
    assert bool(ref.raw) == (b"\xff" in name)


def test_that_a_reference_of_a_scan_never_leads_out_of_its_folder() -> None:
    for path in ("../../etc/x.jpg", "a/../../x.jpg", "/etc/x.jpg"):
        with pytest.raises(PictureRefused):
            locate(PictureRef(path=path), "/data")


@pytest.mark.parametrize(
    "name", [b"C:x.jpg", b"C:/x.jpg", b"..\\x.jpg", b"a\\..\\..\\x.jpg", b"\\x.jpg", b"//server/x/y.jpg", b"/x"]
)
def test_that_no_name_leads_out_on_windows_either(name: bytes) -> None:
    assert files._leads_out(name, ntpath)
    assert not files._leads_out(b"daisy/a..b.jpg", ntpath)
    assert not files._leads_out(b"..\\x.jpg", posixpath)


def test_that_a_name_that_is_no_base64_is_a_missing_picture() -> None:
    with pytest.raises(PictureRefused, match="no longer there"):
        locate(PictureRef(path="a.jpg", raw="abc"), "/data")


def test_that_bytes_that_are_no_text_are_shown_as_numbers() -> None:
    assert shown(b"caf\xe9.jpg") == r"caf\xe9.jpg"
