"""The one door: what comes in is upright RGB of 8 bits, and what is no picture is refused with its reason."""

from __future__ import annotations

import os
import socket
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.pictures import WEB_PAGE, encoded, fifo, noise, pixels, smooth, snapshot, written
from vgg_studio.core.errors import REASONS, PictureRefused
from vgg_studio.core.events import PictureRef
from vgg_studio.pictures import opening
from vgg_studio.pictures.opening import locate, open_picture, reason_of, refer, shown

LOSSLESS: list[tuple[str, dict[str, object]]] = [
    ("PNG", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("PPM", {}),
]
LOSSY = ["JPEG", "WEBP", "AVIF"]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def _reason(path: Path | str | bytes) -> str:
    with pytest.raises(PictureRefused) as refusal:
        open_picture(path)
    assert refusal.value.reason in REASONS
    assert refusal.value.values["path"]
    return refusal.value.reason


def _opened(tmp_path: Path, picture: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    return open_picture(written(tmp_path / "picture.jpg", encoded(picture, kind, **options)))


# --- kinds of files


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


# --- which way is up


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
@pytest.mark.parametrize(("kind", "options"), LOSSLESS[:5])
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


def test_that_a_text_of_many_megabytes_in_a_png_does_not_refuse_it(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "x" * 3_000_000, zip=True)
    assert np.array_equal(pixels(_opened(tmp_path, noise(), "PNG", pnginfo=info)), pixels(noise()))


# --- depth and colours


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


@pytest.mark.parametrize(
    "profile", [b"nonsense", _swapped_profile()[:300], b"\0" * 5_000_000], ids=["no", "cut", "huge"]
)
def test_that_a_bad_colour_profile_leaves_the_colours_as_they_are(tmp_path: Path, profile: bytes) -> None:
    opened = _opened(tmp_path, noise(), "TIFF", icc_profile=profile)
    assert np.array_equal(pixels(opened), pixels(noise()))


# --- what is refused


NO_PICTURES = {
    "empty": (b"", "empty"),
    "web page": (WEB_PAGE, "web_page"),
    "web page after a comment": (b"\xef\xbb\xbf\n <!-- saved -->\n<html lang=en>", "web_page"),
    "web page in UTF-16": ("\ufeff<!doctype html><html>".encode("utf-16-le"), "web_page"),
    "web page as XML": (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "web_page"),
    "PDF": (b"%PDF-1.7\n", "document"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "document"),
    "EPS with a preview": (b"\xc5\xd0\xd3\xc6" + bytes(26), "document"),
    "PSD": (b"8BPS\0\1" + bytes(30), "document"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "document"),
    "SVG after a prologue": (b'<?xml version="1.0"?>\n<!-- x -->\n<svg/>', "document"),
    "ZIP": (b"PK\x03\x04" + bytes(30), "document"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "kind_not_allowed"),
    "film": (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "kind_not_allowed"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "kind_not_allowed"),
    "icon": (b"\0\0\1\0\1\0" + bytes(20), "kind_not_allowed"),
    "raw of a Canon": (b"II*\0\x10\0\0\0CR\2\0", "kind_not_allowed"),
    "sound": (b"RIFF\x24\0\0\0WAVEfmt ", "kind_not_allowed"),
    "text": (b"these are words, not pixels", "not_a_picture"),
    "zeros": (bytes(5000), "not_a_picture"),
    "answer of a server": (b'{"error": "not found"}', "not_a_picture"),
    "program": (b"\x7fELF" + bytes(60), "not_a_picture"),
    "first bytes of a JPEG": (b"\xff\xd8", "cut_off"),
    "header of a PNG": (b"\x89PNG\r\n\x1a\n", "cut_off"),
    "JPEG of noise": (b"\xff\xd8\xff" + bytes(range(256)) + b"\xff\xd9", "damaged"),
}


@pytest.mark.parametrize(("data", "reason"), NO_PICTURES.values(), ids=NO_PICTURES.keys())
def test_that_what_is_no_picture_is_told_by_its_content(tmp_path: Path, data: bytes, reason: str) -> None:
    assert _reason(written(tmp_path / "x.jpg", data)) == reason


def test_that_a_document_is_called_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(PictureRefused) as refusal:
        open_picture(written(tmp_path / "x.jpg", b"%PDF-1.7\n"))
    assert "is a document (PDF), not a picture" in str(refusal.value)


def test_that_an_eps_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    program = written(tmp_path / "bin" / "gs", f"#!/bin/sh\ntouch {ran}\n".encode())
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    _reason(written(tmp_path / "x.jpg", eps))
    assert not ran.exists()


@posix
def test_that_a_pipe_a_socket_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.jpg"))
        paths = [
            fifo(tmp_path / "pipe.jpg"),
            *(tmp_path / f"{name}.jpg" for name in ("folder", "device", "loop", "socket")),
        ]
        assert [_reason(path) for path in paths] == ["not_a_file"] * 5


@posix
def test_that_a_pipe_with_a_writer_is_refused_too(tmp_path: Path) -> None:
    path = fifo(tmp_path / "pipe.jpg")
    handle = os.open(path, os.O_RDWR)
    try:
        os.write(handle, encoded(smooth()))
        assert _reason(path) == "not_a_file"
    finally:
        os.close(handle)


def test_that_what_is_not_there_is_called_missing(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    paths: list[Path | str] = [tmp_path / name for name in ("no.jpg", "gone.jpg", "x" * 300, "no.jpg/x.jpg")]
    assert [_reason(path) for path in [*paths, str(tmp_path / "a\0b")]] == ["missing"] * 5


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_that_a_file_that_may_not_be_read_is_called_so(tmp_path: Path) -> None:
    path = written(tmp_path / "x.png", encoded(noise()))
    path.chmod(0)
    assert _reason(path) == "not_allowed"


def test_that_errors_of_the_file_system_have_their_reasons() -> None:
    assert reason_of(PermissionError(13, "")) == "not_allowed"
    assert reason_of(FileNotFoundError(2, "")) == "missing"
    assert reason_of(OSError(5, "")) == "unreadable"


def _png_header(width: int, height: int) -> bytes:
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100_000))),
        (b"IEND", b""),
    ]
    whole = [
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big") for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def _jpeg_header(width: int, height: int) -> bytes:
    data = encoded(smooth(16, 16), "JPEG")
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


BOMBS = {
    "PNG": _png_header(13000, 13000),
    "PNG, enormous": _png_header(60000, 60000),
    "JPEG": _jpeg_header(13000, 13000),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + struct.pack("<HHHHBBB", 0, 0, 65535, 65535, 0, 2, 0),
    "BMP": b"BM" + struct.pack("<IIIIIIHHIIIIII", 54, 0, 54, 40, 40000, 40000, 1, 24, 0, 0, 0, 0, 0, 0),
    "WEBP": b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff\x3f\0" * 2 + bytes(200),
    "PPM": b"P6\n20000 20000\n255\n" + bytes(100),
}  # fmt: skip


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS.keys())
def test_that_a_picture_of_more_than_a_hundred_million_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(PictureRefused) as refusal:
        open_picture(written(tmp_path / "x.jpg", data))
    assert (refusal.value.reason, refusal.value.values["limit"]) == ("too_large", 100)


def test_that_the_limit_itself_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_PIXELS", 200)
    assert _opened(tmp_path, noise(20, 10)).size == (20, 10)
    with pytest.raises(PictureRefused):
        _opened(tmp_path, noise(21, 10))


def test_that_pillows_own_warnings_are_neither_raised_nor_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 48 - 1)
    assert _opened(tmp_path, noise()).size == (64, 48)
    assert capfd.readouterr() == ("", "")


# --- threads, names, the user's files


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


def test_that_bytes_that_are_no_text_are_shown_as_numbers() -> None:
    assert shown(b"caf\xe9.jpg") == r"caf\xe9.jpg"
