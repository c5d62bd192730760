"""What phones, cameras and scanners write: read as it is meant, or refused in words that name it; and what is made to hurt."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from tests.pictures import encoded, make_folder, noise, pixels, smooth, snapshot, written
from vgg_studio.core.errors import PictureRefused, describe_reason
from vgg_studio.core.events import FolderScanned, PictureLeftOut
from vgg_studio.core.jobs import ScanJob, Stop
from vgg_studio.pictures.guard import Guard
from vgg_studio.pictures.listing import total
from vgg_studio.pictures.looks import SIDE
from vgg_studio.pictures.opening import open_picture, open_whole
from vgg_studio.pictures.scan import scan


def _refused(path: Path) -> PictureRefused:
    with pytest.raises(PictureRefused) as refusal:
        open_picture(path)
    return refusal.value


# --- HEIC


@pytest.mark.parametrize("orientation", range(1, 9))
def test_that_a_phones_heic_stands_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path / "x.heic", encoded(smooth(128, 64), "HEIF", exif=exif.tobytes(), quality=95))
    whole = open_whole(path)
    upright = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    stored = smooth(128, 64)
    wanted = stored.transpose(upright[orientation]) if orientation in upright else stored
    assert whole.size == whole.picture.size == wanted.size
    assert np.abs(pixels(whole.picture).astype(int) - pixels(wanted)).mean() < 6
    assert (whole.kind, whole.frames) == ("HEIF", 1)


def test_that_a_see_through_heic_lies_on_white(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (64, 64), (200, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 32, 64))
    opened = pixels(open_picture(written(tmp_path / "x.heic", encoded(picture, "HEIF", quality=95)))).astype(int)
    assert opened[:, :24].min() > 245
    assert np.abs(opened[:, 40:] - [200, 0, 0]).max() < 20


def test_that_a_camera_heic_of_ten_bits_is_scaled_by_its_depth(tmp_path: Path) -> None:
    import pillow_heif

    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64, 1).repeat(3, axis=2).astype(np.uint16)
    data = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 64), ramp.tobytes()).save(data, quality=100)
    opened = pixels(open_picture(written(tmp_path / "x.heic", data.getvalue()))).astype(int)
    assert np.abs(opened - ramp.astype(int) * 255 // 65535).mean() < 3


# --- cameras' raw pictures


def _tiff(tags: dict[int, tuple[int, int]], change: Callable[[bytes], bytes] = bytes) -> bytes:
    """A TIFF with further tags: number -> (type, value)."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for number, (kind, value) in tags.items():
        info.tagtype[number] = kind
        info[number] = value
    return change(encoded(noise(), "TIFF", tiffinfo=info))


def _under_a_filter(data: bytes) -> bytes:
    """The photometric interpretation of a TIFF changed to a colour filter's."""
    return data.replace(struct.pack("<HHII", 0x0106, 3, 1, 2), struct.pack("<HHII", 0x0106, 3, 1, 32803))


RAW = {
    "DNG": _tiff({0xC612: (1, 1)}),
    "NEF, ARW": _tiff({0x00FE: (4, 1), 0x014A: (4, 8)}),
    "PEF": _tiff({}, _under_a_filter),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(100),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "RAF": b"FUJIFILMCCD-RAW 0201FF",
    "RW2": b"IIU\0\x18\0\0\0" + bytes(20),
    "ORF": b"IIRO\x08\0\0\0" + bytes(20),
    "X3F": b"FOVb\0\0\1\0" + bytes(20),
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW.keys())
def test_that_a_cameras_raw_picture_is_called_so_and_its_preview_not_used(tmp_path: Path, data: bytes) -> None:
    refusal = _refused(written(tmp_path / "x.jpg", data))
    assert refusal.reason == "raw_picture"
    assert "is a camera's raw picture" in describe_reason(refusal.reason, refusal.values)


@pytest.mark.parametrize("tags", [{0x00FE: (4, 0)}, {0x00FE: (4, 1)}, {0x014A: (4, 8)}, {0x00FE: (2, "a word")}])
def test_that_other_tiffs_with_such_tags_are_read(tmp_path: Path, tags: dict[int, Any]) -> None:
    opened = open_picture(written(tmp_path / "x.tif", _tiff(tags)))
    assert np.array_equal(pixels(opened), pixels(noise()))


# --- what else a file says of its picture


SEVERAL: dict[str, tuple[bytes, int]] = {
    "GIF": (encoded(noise(), "GIF", save_all=True, append_images=[noise(seed=1), noise(seed=2)]), 2),
    "WEBP": (encoded(noise(), "WEBP", save_all=True, append_images=[noise(seed=1), noise(seed=2)]), 3),
    "PNG": (encoded(noise(), "PNG", save_all=True, append_images=[noise(seed=1), noise(seed=2)]), 3),
    "AVIF": (encoded(noise(), "AVIF", save_all=True, append_images=[noise(seed=1)]), 2),
    "TIFF": (encoded(noise(), "TIFF", save_all=True, append_images=[noise(seed=1), noise(seed=2)]), 2),
    "MPO": (encoded(noise(), "MPO", save_all=True, append_images=[noise(seed=1)]), 2),
}


@pytest.mark.parametrize(("kind", "entry"), SEVERAL.items(), ids=SEVERAL.keys())
def test_that_the_first_of_several_is_used_and_that_is_told(
    tmp_path: Path, kind: str, entry: tuple[bytes, int]
) -> None:
    data, frames = entry
    whole = open_whole(written(tmp_path / "x.jpg", data))
    assert (whole.kind, whole.frames, whole.size) == (kind, frames, (64, 48))
    away = [np.abs(pixels(whole.picture).astype(int) - pixels(noise(seed=seed))).mean() for seed in range(2)]
    assert away[0] < 0.7 * away[1]
    assert open_whole(written(tmp_path / "y.jpg", encoded(noise(), kind))).frames == 1


def test_that_the_size_is_the_pictures_own_however_small_it_was_decoded(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    path = written(tmp_path / "x.jpg", encoded(smooth(1200, 800), "JPEG", exif=exif))
    whole = open_whole(path, at_least=100)
    assert whole.picture.size == (100, 150)
    assert whole.size == (800, 1200)


@pytest.mark.parametrize(("size", "allowed"), [((10000, 100), True), ((10001, 100), False), ((1, 101), False)])
def test_that_a_picture_may_be_a_hundred_times_as_long_as_wide_and_no_longer(
    tmp_path: Path, size: tuple[int, int], allowed: bool
) -> None:
    path = written(tmp_path / "x.png", encoded(Image.new("L", size)))
    if allowed:
        assert open_picture(path).size == size
    else:
        refusal = _refused(path)
        assert describe_reason(refusal.reason, refusal.values) == "is more than 100 times as long as it is wide"


def test_that_a_float_tiff_and_sixteen_bits_of_grey_are_the_same_picture(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
    grey = np.rint(ramp * 65535).astype(np.uint16)
    stored = [(Image.fromarray(ramp), "TIFF"), (Image.fromarray(grey), "TIFF"), (Image.fromarray(grey), "PNG")]
    opened = [
        pixels(open_picture(written(tmp_path / f"{number}.tif", encoded(picture, kind)))).astype(int)
        for number, (picture, kind) in enumerate(stored)
    ]
    assert max(np.abs(one - opened[0]).max() for one in opened) <= 1
    assert opened[0].min() == 0
    assert opened[0].max() == 255


# --- bombs: through the guard, as a scan opens them


@pytest.fixture(scope="module")
def decoders() -> Iterator[Guard]:
    with Guard(1) as guard:
        yield guard


@pytest.fixture(autouse=True, scope="module")
def _begun_before_the_tests(decoders: Guard, tmp_path_factory: pytest.TempPathFactory) -> None:
    decoders.look(bytes(written(tmp_path_factory.mktemp("first") / "x.png", encoded(noise()))))


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def _png_with(chunk: bytes) -> bytes:
    good = encoded(noise())
    return good[:33] + chunk + good[33:]  # after the header


def _jpeg_with(marker: int, body: bytes, times: int) -> bytes:
    good = encoded(noise(), "JPEG")
    segment = bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
    return good[:2] + segment * times + good[2:]


def _many_frames() -> bytes:
    """A GIF of 20,000 frames."""
    one = encoded(Image.new("P", (64, 48)), "GIF")
    palette = 3 << (one[10] & 7) + 1 if one[10] & 0x80 else 0  # GIF89a, section 18
    image = one[one.index(b",", 13 + palette) : -1]
    return one[:-1] + image * 20_000 + b";"


def _tiff_header(width: int, height: int) -> bytes:
    data = encoded(Image.new("RGB", (16, 16)), "TIFF")
    for tag, value in ((0x0100, width), (0x0101, height)):
        data = data.replace(struct.pack("<HHII", tag, 4, 1, 16), struct.pack("<HHII", tag, 4, 1, value))
    return data


BOMBS: dict[str, tuple[bytes, str]] = {
    "many frames": (_many_frames(), ""),
    "colour profile of 300 MB": (_png_with(_png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(300_000_000), 1))), ""),
    "text of 300 MB": (_png_with(_png_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(300_000_000), 1))), ""),
    "EXIF of 16 MB in a PNG": (_png_with(_png_chunk(b"eXIf", b"II*\0\x08\0\0\0" + b"\xff" * (16 << 20))), ""),
    "a hundred EXIF blocks": (_jpeg_with(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + b"\xff" * 65000, 100), ""),
    "colour profile of 16 MB": (_jpeg_with(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(65000), 255), ""),
    "TIFF of 60,000 x 60,000": (_tiff_header(60000, 60000), "too_large"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), BOMBS.values(), ids=BOMBS.keys())
def test_that_what_is_packed_beside_the_pixels_does_no_harm(
    tmp_path: Path, decoders: Guard, data: bytes, reason: str
) -> None:
    path = written(tmp_path / "x.jpg", data)
    before = decoders._decoders[0]._process
    if reason:
        with pytest.raises(PictureRefused) as refusal:
            decoders.look(bytes(path))
        assert refusal.value.reason == reason
    else:
        seen = decoders.look(bytes(path))
        assert (seen.width, seen.height) == (64, 48)
    assert decoders._decoders[0]._process is before  # nobody had to be replaced


# --- what became of a file since somebody saw it


def _became_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _changed_into_a_page(path: Path) -> None:
    path.write_bytes(b"<html><body>Sign in</body></html>")


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _not_fetched(path: Path) -> None:
    """What a cloud drive leaves where it cannot fetch a file: an entry of some size that cannot be read."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize(
    ("become", "reason"),
    [
        (_became_a_folder, "not_a_file"),
        (_changed_into_a_page, "web_page"),
        (_emptied, "empty"),
        pytest.param(
            _not_fetched, "unreadable", marks=pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
        ),
    ],
)
def test_that_what_became_of_a_file_between_two_scans_is_named_and_the_rest_goes_on(
    tmp_path: Path, become: Callable[[Path], None], reason: str
) -> None:
    zoo = make_folder(tmp_path / "zoo", count=4)
    for path in zoo.rglob("*.png"):
        os.utime(path, (1e9, 1e9))  # old enough to be remembered
    assert not [event for event in scan(ScanJob(data=str(zoo)), Stop()) if isinstance(event, PictureLeftOut)]
    become(zoo / "cat" / "001.png")
    events = list(scan(ScanJob(data=str(zoo)), Stop()))
    left_out = {event.picture.path: event.reason for event in events if isinstance(event, PictureLeftOut)}
    (scanned,) = (event for event in events if isinstance(event, FolderScanned))
    assert left_out == ({} if reason == "not_a_file" else {"cat/001.png": reason})  # a folder is none of the pictures
    assert sum(scanned.split.values()) == 7


def test_that_a_set_of_all_kinds_is_counted_and_stays_as_it_is(tmp_path: Path) -> None:
    zoo = make_folder(tmp_path / "zoo", count=4)
    for name, data in RAW.items():
        written(zoo / "cat" / f"{name[:3]}.jpg", data)
    written(zoo / "dog" / "phone.HEIC", encoded(smooth(), "HEIF"))
    before = snapshot(zoo)
    events = list(scan(ScanJob(data=str(zoo)), Stop()))
    reasons = [event.reason for event in events if isinstance(event, PictureLeftOut)]
    assert reasons == ["raw_picture"] * len(RAW)
    (scanned,) = (event for event in events if isinstance(event, FolderScanned))
    assert {one.name: total(one) for one in scanned.classes} == {"cat": 4, "dog": 5}
    assert snapshot(zoo) == before


def test_that_a_picture_that_says_it_is_in_srgb_keeps_its_numbers(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = written(tmp_path / "x.jpg", encoded(smooth(), "JPEG", quality=95))
    tagged = written(tmp_path / "y.jpg", encoded(smooth(), "JPEG", quality=95, icc_profile=profile))
    assert np.array_equal(pixels(open_picture(plain)), pixels(open_picture(tagged, at_least=SIDE)))
