"""Depth, transparency, palettes, printers' colours and colour profiles: all become red, green and blue of 8 bits."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.pictures import encoded, noise, pixels, written
from vgg_studio.pictures.opening import open_picture


def _opened(tmp_path: Path, picture: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    return open_picture(written(tmp_path / "picture.jpg", encoded(picture, kind, **options)))


def _depths() -> dict[str, tuple[np.ndarray, str]]:
    ramp = np.linspace(0, 1, 256).reshape(16, 16)
    return {
        "16 bits": ((ramp * 65535).astype(np.uint16), "PNG"),
        "16 bits in TIFF": ((ramp * 65535).astype(np.uint16), "TIFF"),
        "16 bits, other byte order": ((ramp * 65535).astype(">u2"), "TIFF"),
        "16 bits in PGM": ((ramp * 65535).astype(np.uint16), "PPM"),
        "32 bits holding 16": (np.rint(ramp * 65535).astype(np.int32), "TIFF"),
        "32 bits holding 8": (np.rint(ramp * 255).astype(np.int32), "TIFF"),
        "32 bits, all of them": (np.rint(ramp * 2_000_000_000).astype(np.int32), "TIFF"),
        "32 bits below zero": (np.rint(ramp * 2000 - 1000).astype(np.int32), "TIFF"),
        "fractions of 1": (ramp.astype(np.float32), "TIFF"),
        "fractions of 255": ((ramp * 255).astype(np.float32), "TIFF"),
    }


@pytest.mark.parametrize(("values", "kind"), _depths().values(), ids=_depths().keys())
def test_that_grey_is_scaled_by_its_depth(tmp_path: Path, values: np.ndarray, kind: str) -> None:
    opened = pixels(_opened(tmp_path, Image.fromarray(values), kind)).astype(int)
    expected = np.rint(np.linspace(0, 255, 256)).reshape(16, 16)
    assert np.abs(opened - expected[..., None]).max() <= 1


def test_that_fractions_that_are_no_numbers_are_black(tmp_path: Path) -> None:
    values = np.array([[0.0, 1.0, np.nan, np.inf]], np.float32)
    assert pixels(_opened(tmp_path, Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 255, 0, 0]


def test_that_one_bit_is_black_and_white(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[True, False]]))
    assert pixels(_opened(tmp_path, picture))[0].tolist() == [[255] * 3, [0] * 3]


def _see_through() -> dict[str, Image.Image]:
    layered = Image.new("RGBA", (2, 1))
    layered.putdata([(255, 0, 0, 255), (0, 0, 0, 0)])
    grey = Image.new("LA", (2, 1))
    grey.putdata([(76, 255), (0, 0)])
    return {"alpha": layered, "grey alpha": grey}


@pytest.mark.parametrize("picture", _see_through().values(), ids=_see_through().keys())
def test_that_what_is_see_through_is_white(tmp_path: Path, picture: Image.Image) -> None:
    assert pixels(_opened(tmp_path, picture))[0, 1].tolist() == [255, 255, 255]


def test_that_half_see_through_is_half_white(tmp_path: Path) -> None:
    assert pixels(_opened(tmp_path, Image.new("RGBA", (1, 1), (0, 0, 0, 128)))).tolist() == [[[127, 127, 127]]]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_that_a_see_through_colour_of_a_palette_is_white(tmp_path: Path, kind: str) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    assert pixels(_opened(tmp_path, picture, kind, transparency=1))[0].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_that_a_see_through_grey_is_white(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[7, 100]], np.uint8))
    assert pixels(_opened(tmp_path, picture, "PNG", transparency=7))[0].tolist() == [[255] * 3, [100] * 3]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_that_printers_colours_become_red_green_blue(tmp_path: Path, kind: str) -> None:
    opened = pixels(_opened(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), kind)).astype(int)
    assert np.abs(opened - [255, 0, 0]).max() <= 3


def test_that_lab_colours_become_red_green_blue(tmp_path: Path) -> None:
    opened = pixels(_opened(tmp_path, Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF"))
    assert opened.min() >= 253


def _swapped_profile() -> bytes:
    """A colour profile in which red and green have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    places = {}
    for entry in range(int.from_bytes(profile[128:132], "big")):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        places[name] = offset, size
    changed = bytearray(
        profile.replace(b"sRGB", b"xRGB").replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    )
    (red, size), (green, _) = places[b"rXYZ"], places[b"gXYZ"]
    changed[red : red + size], changed[green : green + size] = profile[green : green + size], profile[red : red + size]
    return bytes(changed)


def test_that_a_colour_profile_is_applied(tmp_path: Path) -> None:
    opened = _opened(tmp_path, Image.new("RGB", (4, 4), (255, 0, 0)), icc_profile=_swapped_profile())
    assert np.abs(pixels(opened).astype(int) - [0, 255, 0]).max() <= 2


def _printers_profile(inks: dict[tuple[int, int, int, int], tuple[int, int, int]]) -> bytes:
    """A printer's profile (ICC.1:2001-04, lut8Type) in which these inks (each 0 or 1) are these colours in Lab, others white."""
    grid = bytearray()
    for number in range(16):
        light, a, b = inks.get((number >> 3 & 1, number >> 2 & 1, number >> 1 & 1, number & 1), (100, 0, 0))
        grid += bytes((light * 255 // 100, a + 128, b + 128))
    line = bytes(range(256))
    one = struct.pack(">9I", *(0x10000 if place % 4 == 0 else 0 for place in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + one + 4 * line + grid + 3 * line
    size = 128 + 4 + 12 + len(table)
    header = struct.pack(">I4sI4s4s4s12x4s", size, b"", 0x02100000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    header += bytes(28) + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D) + bytes(48)
    return header + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_that_a_printers_own_profile_says_what_its_inks_look_like(tmp_path: Path, kind: str) -> None:
    profile = _printers_profile({(1, 0, 0, 0): (88, -79, 81), (0, 0, 0, 1): (0, 0, 0)})  # its cyan is green
    for inks, colour in (((255, 0, 0, 0), [0, 255, 0]), ((0, 0, 0, 255), [0, 0, 0]), ((0, 0, 0, 0), [255, 255, 255])):
        opened = _opened(tmp_path, Image.new("CMYK", (8, 8), inks), kind, icc_profile=profile)
        assert np.abs(pixels(opened).astype(int) - colour).max() <= 12


@pytest.mark.parametrize(
    "profile", [b"nonsense", _swapped_profile()[:300], b"\0" * 5_000_000], ids=["no", "cut", "huge"]
)
def test_that_a_bad_colour_profile_leaves_the_colours_as_they_are(tmp_path: Path, profile: bytes) -> None:
    opened = _opened(tmp_path, noise(), "TIFF", icc_profile=profile)
    assert np.array_equal(pixels(opened), pixels(noise()))
