"""What is no picture, or none for us, is refused with its reason: by its content, at once, before it is decoded."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import WEB_PAGE, encoded, fifo, noise, smooth, written
from vgg_studio.core.errors import REASONS, PictureRefused
from vgg_studio.pictures import decoding
from vgg_studio.pictures.files import reason_of
from vgg_studio.pictures.opening import open_picture

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def _reason(path: Path | str | bytes) -> str:
    with pytest.raises(PictureRefused) as refusal:
        open_picture(path)
    assert refusal.value.reason in REASONS
    assert refusal.value.values["path"]
    return refusal.value.reason


def _opened(tmp_path: Path, picture: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    return open_picture(written(tmp_path / "picture.jpg", encoded(picture, kind, **options)))


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
    "HEIC of nothing": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged"),
    "film": (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "kind_not_allowed"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "kind_not_allowed"),
    "icon": (b"\0\0\1\0\1\0" + bytes(20), "kind_not_allowed"),
    "raw of a Canon": (b"II*\0\x10\0\0\0CR\2\0", "raw_picture"),
    "newer raw of a Canon": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw_picture"),
    "raw of a Fujifilm": (b"FUJIFILMCCD-RAW 0201FF", "raw_picture"),
    "raw of a Panasonic": (b"IIU\0\x18\0\0\0" + bytes(20), "raw_picture"),
    "raw of an Olympus": (b"IIRO\x08\0\0\0" + bytes(20), "raw_picture"),
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
@pytest.mark.parametrize("first", [b"\0", b"\xda\xda", b"\0\xd9"], ids=["zeros", "half of a scan", "half of an end"])
def test_that_a_jpeg_of_endless_rubbish_is_refused_unread(tmp_path: Path, first: bytes) -> None:
    path = written(tmp_path / "x.jpg", b"\xff\xd8\xff\xe0\0\x10" + bytes(14) + first)
    os.truncate(path, 1 << 40)  # Pillow looks at a million bytes a second
    assert _reason(path) == "damaged"


def test_that_rubbish_between_the_segments_of_a_jpeg_costs_no_picture(tmp_path: Path) -> None:
    data = encoded(noise(), "JPEG")
    path = written(tmp_path / "x.jpg", data[:2] + b"\xff\xe1\0\x04ab" + bytes(1000) + b"\xff\xff" + data[2:])
    assert open_picture(path).size == noise().size


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
    monkeypatch.setattr(decoding, "_PIXELS", 200)
    assert _opened(tmp_path, noise(20, 10)).size == (20, 10)
    with pytest.raises(PictureRefused):
        _opened(tmp_path, noise(21, 10))


def test_that_pillows_own_warnings_are_neither_raised_nor_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 48 - 1)
    assert _opened(tmp_path, noise()).size == (64, 48)
    assert capfd.readouterr() == ("", "")
