"""Which way is up: the camera's note is obeyed, and an odd one never spoils a good picture."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import encoded, noise, pixels, smooth, written
from vgg_studio.pictures.opening import open_picture

KEEPING_EXIF: list[tuple[str, dict[str, object]]] = [
    ("PNG", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("WEBP", {"lossless": True}),
]


def _opened(tmp_path: Path, picture: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    return open_picture(written(tmp_path / "picture.jpg", encoded(picture, kind, **options)))


def _stored(upright: np.ndarray, orientation: int) -> Image.Image:
    """How a camera that writes this orientation stores the picture (EXIF 2.3, section 4.6.4, tag 274)."""
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    return Image.fromarray(np.ascontiguousarray(turned))


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A camera"
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "options"), KEEPING_EXIF)
def test_that_a_picture_stands_upright_however_the_camera_was_held(
    tmp_path: Path, kind: str, options: dict[str, object], orientation: int
) -> None:
    upright = pixels(noise(13, 7))
    opened = _opened(tmp_path, _stored(upright, orientation), kind, exif=_exif(orientation), **options)
    assert np.array_equal(pixels(opened), upright)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("at_least", [0, 16])
def test_that_a_jpeg_stands_upright_at_any_size(tmp_path: Path, orientation: int, at_least: int) -> None:
    stored = _stored(pixels(smooth(64, 32)), orientation)
    path = written(tmp_path / "a.jpg", encoded(stored, "JPEG", exif=_exif(orientation), quality=95))
    opened = open_picture(path, at_least=at_least)
    assert opened.width == 2 * opened.height
    assert np.abs(pixels(opened.resize((64, 32))).astype(int) - pixels(smooth(64, 32))).mean() < 6


def test_that_orientation_kept_in_a_text_chunk_of_a_png_counts(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    block = b"Exif\0\0" + _exif(6).tobytes().removeprefix(b"Exif\0\0")
    info = PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    opened = _opened(tmp_path, _stored(pixels(noise(13, 7)), 6), "PNG", pnginfo=info)
    assert np.array_equal(pixels(opened), pixels(noise(13, 7)))


def _odd_exif() -> dict[str, bytes]:
    good = _exif(6).tobytes()
    entry = struct.pack("<HHIH", 0x0112, 3, 1, 0)
    return {
        "orientation 0": _exif(0).tobytes(),
        "orientation 9": _exif(9).tobytes(),
        "orientation as text": good.replace(b"\x01\x12\x00\x03", b"\x01\x12\x00\x02"),
        "no directory": b"Exif\0\0II*\0\xff\xff\xff\x7f",
        "endless directory": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + entry,
        "cut off": b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry[:7],
        "empty": b"Exif\0\0",
        "another byte order": b"Exif\0\0XX" + good[8:],
        "noise": b"Exif\0\0II*\0" + bytes(range(200)),
        "a directory of itself": b"Exif\0\0II*\0\x08\0\0\0\x01\0"
        + struct.pack("<HHII", 0x8769, 4, 1, 8)
        + b"\x08\0\0\0",
    }


@pytest.mark.parametrize("block", _odd_exif().values(), ids=_odd_exif().keys())
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_that_odd_exif_never_refuses_or_turns_a_good_picture(tmp_path: Path, kind: str, block: bytes) -> None:
    plain = _opened(tmp_path, smooth(40, 20), kind)
    assert np.array_equal(pixels(_opened(tmp_path, smooth(40, 20), kind, exif=block)), pixels(plain))


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


_MPF = b"MPF\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0xB000, 7, 4, 0) + b"\0\0\0\0"


@pytest.mark.parametrize(
    "segment",
    [
        _segment(0xE2, _MPF),
        _segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed"),
        _segment(0xE2, b"ICC_PROFILE\0\x01\x01xx"),
    ],
    ids=["stereo index without entries", "Photoshop block cut off", "colour profile of two bytes"],
)
def test_that_metadata_that_pillow_trips_over_is_passed_by_and_the_picture_still_turned(
    tmp_path: Path, segment: bytes
) -> None:
    data = encoded(_stored(pixels(smooth(64, 32)), 6), "JPEG", exif=_exif(6), quality=95)
    opened = open_picture(written(tmp_path / "a.jpg", data[:2] + segment + data[2:]))
    assert opened.size == (64, 32)


def test_that_a_text_of_many_megabytes_in_a_png_does_not_refuse_it_and_white_stays_white(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "x" * 3_000_000, zip=True)
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    opened = _opened(tmp_path, picture, "PNG", pnginfo=info, transparency=1)
    assert pixels(opened)[0].tolist() == [[255, 0, 0], [255, 255, 255]]
