"""The one door for pictures: nothing else in the studio opens a picture's file.

file -> ordinary file? -> first bytes -> allowed kind? -> at most 100 megapixels? -> all pixels -> upright RGB.
Each step may end in PictureRefused with its reason.
"""

from __future__ import annotations

import base64
import errno
import io
import os
import stat
import struct
import warnings
import zlib
from types import ModuleType
from typing import IO

import PIL
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.facts import PictureRef, picture_ref
from vgg_studio.pictures import colours, metadata, sniffing

# Named here because Pillow would else import them at the first picture of a kind, from whichever thread is first.
_READERS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)
MEGAPIXELS = 100
_PIXELS = MEGAPIXELS * 1_000_000
DOOR = f"1 {PIL.__version__}"  # who judged a picture: count up where the rules below change, so that old refusals are forgotten
_MOST_BYTES = 1 << 30  # of a file that could not be decoded: more than 100 megapixels of 16 bits take up
# O_NONBLOCK: a pipe named x.jpg answers at once. The names are missing on Windows, which needs O_BINARY.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"))
# What Pillow's decoders were seen to raise on damaged files.
_ODD = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, MemoryError, ArithmeticError,
    AssertionError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
_REASON_OF_ERRNO = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.ENAMETOOLONG: "missing",
    errno.EACCES: "not_allowed",
    errno.EPERM: "not_allowed",
    errno.ENXIO: "not_a_file",  # a socket, or a pipe without a writer
    errno.ENODEV: "not_a_file",
    errno.ELOOP: "not_a_file",
    errno.EISDIR: "not_a_file",
}


def open_picture(path: str | bytes | os.PathLike[str], *, at_least: int = 0) -> Image.Image:
    """The picture in mode RGB, upright, all of it decoded; of an animation the first frame.

    With `at_least` (px) a JPEG may come smaller, by 2, 4 or 8, as long as both sides keep that many pixels: much faster.
    Raises PictureRefused with a reason of `core.errors.REASONS`. Safe to call from several threads.
    """
    try:
        with _ordinary_file(path) as file:
            return _decoded(file, at_least)
    except PictureRefused as refusal:
        refusal.values.setdefault("path", shown(os.fsencode(path)))
        raise


def ordinary_file(path: str | bytes | os.PathLike[str]) -> io.BufferedReader:
    """A file opened to read its bytes, never a pipe or device. Raises PictureRefused."""
    try:
        return _ordinary_file(path)
    except PictureRefused as refusal:
        refusal.values.setdefault("path", shown(os.fsencode(path)))
        raise


def locate(ref: PictureRef, root: str = "") -> bytes:
    """The file system's own name of a picture; with `root` for references of a scan, which never lead out of it."""
    if ref.row >= 0:
        raise PictureRefused("missing", path=ref.path)
    try:
        name = base64.b64decode(ref.raw) if ref.raw else os.fsencode(ref.path)
    except ValueError as error:  # a stranger's list of pictures
        raise PictureRefused("missing", path=ref.path) from error
    if not root:
        return name
    if _leads_out(name):
        raise PictureRefused("not_allowed", path=ref.path)
    return os.path.join(os.fsencode(root), name)


def _leads_out(name: bytes, system: ModuleType = os.path) -> bool:
    """Whether a relative name could mean a file elsewhere; on Windows also by a backslash or a drive (`C:x`)."""
    drive, path = system.splitdrive(name)
    parts = path.replace(os.fsencode(system.sep), b"/").split(b"/")
    return bool(drive) or not parts[0] or b".." in parts


def refer(path: bytes, root: bytes | str = b"") -> PictureRef:
    """The reference to a file: relative to `root` with `/` between parts, or as it is; `raw` where it is no Unicode text."""
    base = os.fsencode(root)
    name = path[len(base) :].lstrip(os.fsencode(os.sep)) if base and path.startswith(base) else path
    if base and os.sep != "/":
        name = name.replace(os.fsencode(os.sep), b"/")
    return picture_ref(name)


def shown(name: bytes) -> str:
    r"""A name as text that can always be sent and shown; bytes that are no text as `\xff`."""
    return name.decode("utf-8", "backslashreplace")


def reason_of(error: OSError) -> str:
    """The key of REASONS for an error of the file system."""
    return _REASON_OF_ERRNO.get(error.errno or 0, "unreadable")


def _ordinary_file(path: str | bytes | os.PathLike[str]) -> io.BufferedReader:
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        raise PictureRefused("not_a_file" if os.path.isdir(path) else reason_of(error)) from error
    except ValueError as error:  # a NUL in the name
        raise PictureRefused("missing", path=repr(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise PictureRefused("not_a_file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _decoded(file: IO[bytes], at_least: int) -> Image.Image:
    try:
        head = file.read(sniffing.HEAD)
        kind = sniffing.kind_of(head)
        if kind == "WEBP":
            _check_size(sniffing.webp_pixels(head))
        if kind == "JPEG" and not metadata.jpeg_begins(file):
            raise PictureRefused("damaged")
        try:
            return _attempt(file, kind, at_least)
        except _ODD as error:
            file.seek(0)
            return _second_attempt(file.read(_MOST_BYTES), kind, at_least, error)
    except OSError as error:  # from reading the file itself: the decoders' own are dealt with
        raise PictureRefused("unreadable") from error


def _attempt(file: IO[bytes], kind: str, at_least: int, exif: bytes = b"") -> Image.Image:
    _silence()
    file.seek(0)
    with _Tiff(file) if kind == "TIFF" else Image.open(file, formats=(kind,)) as picture:
        _check_size(picture.width * picture.height)
        if at_least and isinstance(picture, JpegImagePlugin.JpegImageFile):
            picture.draft(None, (at_least, at_least))
        orientation = _tiff_orientation(picture) if isinstance(picture, _Tiff) else metadata.orientation(picture)
        picture.load()
        opened = metadata.upright(colours.to_rgb(picture), metadata.exif_orientation(exif) if exif else orientation)
    opened.info = {}  # camera, place and comments stay behind the door
    return opened


def _second_attempt(data: bytes, kind: str, at_least: int, first: BaseException) -> Image.Image:
    """Once more without the metadata, which spoils good pictures; otherwise the reason of the first failure."""
    if isinstance(first, Image.DecompressionBombError):
        raise PictureRefused("too_large", limit=MEGAPIXELS) from first
    if kind in ("JPEG", "PNG"):
        plain, exif = metadata.plain_jpeg(data) if kind == "JPEG" else metadata.plain_png(data)
        try:
            return _attempt(io.BytesIO(plain), kind, at_least, exif)
        except _ODD:
            pass
    raise PictureRefused("cut_off" if sniffing.ends_early(data, kind, str(first)) else "damaged") from first


def _check_size(pixels: int) -> None:
    if pixels > _PIXELS:
        raise PictureRefused("too_large", limit=MEGAPIXELS)


class _Tiff(TiffImagePlugin.TiffImageFile):
    """Pillow's own reader, less the step that reads all of EXIF and raises on odd ones; the door turns the picture."""

    def load_end(self) -> None:
        pass


def _tiff_orientation(picture: _Tiff) -> int:
    value = picture.tag_v2.get(0x0112, 1)
    return value if isinstance(value, int) else 1


_SILENT = "PIL"


def _silence() -> None:
    """Keep Pillow's warnings (odd tags, sizes that we check ourselves) from being printed or raised.

    `catch_warnings` is not safe with threads, so the filter is set for the process; again where somebody put one before it.
    """
    first = warnings.filters[0] if warnings.filters else None
    if first is None or first[0] != "ignore" or getattr(first[3], "pattern", None) != _SILENT:
        warnings.filterwarnings("ignore", module=_SILENT)
