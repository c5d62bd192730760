"""From an open file to pixels: what is behind the door. `opening` is the way to it.

first bytes -> allowed kind? -> at most 100 megapixels, not too long? -> all pixels -> upright RGB.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import warnings
import zlib
from typing import IO, NamedTuple

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
LONGEST = 100  # times the shorter side: beyond it is a ruler, a spectrum, a mistake; scaled, nothing of it can be seen
# Who judged a picture: count up where the rules change, so that old verdicts are forgotten.
DOOR = f"2 {PIL.__version__}"
_MOST_BYTES = 1 << 30  # of a file that could not be decoded: more than 100 megapixels of 16 bits take up
_SEVERAL = 2  # pages or frames, where the file does not say how many before all of it was read
# What decoders were seen to raise on damaged files.
_ODD = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, MemoryError, ArithmeticError,
    AssertionError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


class Decoded(NamedTuple):
    """A picture in mode RGB, upright; `size` (width, height) is its own where it was decoded smaller than that.

    `kind` is Pillow's name of it; `frames` counts frames and pages, 2 where the file only says that there are several.
    """

    picture: Image.Image
    size: tuple[int, int]
    kind: str
    frames: int


def decoded(file: IO[bytes], at_least: int) -> Decoded:
    """All of the picture in a file, by `at_least` as `opening.open_picture` says. Raises PictureRefused."""
    try:
        head = file.read(sniffing.HEAD)
        kind = sniffing.kind_of(head)
        if kind == "WEBP":
            _check_size(*sniffing.webp_size(head))
        if kind == "JPEG" and not metadata.jpeg_begins(file):
            raise PictureRefused("damaged")
        try:
            return _attempt(file, kind, at_least)
        except _ODD as error:
            size = min(file.seek(0, os.SEEK_END), _MOST_BYTES)  # `read` reserves what it is asked for
            file.seek(0)
            return _second_attempt(file.read(size), kind, at_least, error)
    except MemoryError as error:  # no room even for the file itself
        raise PictureRefused("too_much_memory") from error
    except OSError as error:  # from reading the file itself: the decoders' own are dealt with
        raise PictureRefused("unreadable") from error


def _attempt(file: IO[bytes], kind: str, at_least: int, exif: bytes = b"") -> Decoded:
    _silence()
    file.seek(0)
    with _opened(file, kind) as picture:
        _check_size(*picture.size)
        size = picture.size
        if at_least and isinstance(picture, JpegImagePlugin.JpegImageFile):
            picture.draft(None, (at_least, at_least))
        turn = _tiff_orientation(picture) if isinstance(picture, _Tiff) else metadata.orientation(picture)
        turn = metadata.exif_orientation(exif) if exif else turn
        picture.load()
        if kind == "HEIF":
            size = picture.size  # what the file announces need not be what it holds
        upright = metadata.upright(colours.to_rgb(picture), turn)
        kind, frames = picture.format or kind, _frames(picture)
    upright.info = {}  # camera, place and comments stay behind the door
    return Decoded(upright, size[::-1] if metadata.lies_down(turn) else size, kind, frames)


def _opened(file: IO[bytes], kind: str) -> Image.Image:
    if kind == "TIFF":
        return _Tiff(file)
    if kind == "HEIF":
        from pillow_heif import (
            register_heif_opener,
        )  # late: few pictures need it, and it takes as long as all of Pillow

        register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return Image.open(file, formats=(kind,))


def _second_attempt(data: bytes, kind: str, at_least: int, first: BaseException) -> Decoded:
    """Once more without the metadata, which spoils good pictures; otherwise the reason of the first failure."""
    if isinstance(first, Image.DecompressionBombError):
        raise PictureRefused("too_large", limit=MEGAPIXELS) from first
    if (
        isinstance(first, MemoryError) or "out of memory" in str(first).lower()
    ):  # libavif's RuntimeError, Pillow's OSError
        raise PictureRefused("too_much_memory") from first
    if kind in ("JPEG", "PNG"):
        plain, exif = metadata.plain_jpeg(data) if kind == "JPEG" else metadata.plain_png(data)
        try:
            return _attempt(io.BytesIO(plain), kind, at_least, exif)
        except _ODD:
            pass
    raise PictureRefused("cut_off" if sniffing.ends_early(data, kind, str(first)) else "damaged") from first


def _check_size(width: int, height: int) -> None:
    if width * height > _PIXELS:
        raise PictureRefused("too_large", limit=MEGAPIXELS)
    if max(width, height) > LONGEST * min(width, height) > 0:
        raise PictureRefused("too_long", limit=LONGEST)


def _frames(picture: Image.Image) -> int:
    """How many frames or pages; of kinds that would have to be read to the end, only whether there is a second one."""
    with contextlib.suppress(*_ODD):
        if isinstance(picture, GifImagePlugin.GifImageFile | TiffImagePlugin.TiffImageFile):
            return _SEVERAL if picture.is_animated else 1
        return max(1, int(getattr(picture, "n_frames", 1)))
    return 1


class _Tiff(TiffImagePlugin.TiffImageFile):
    """Pillow's own reader, less the step that reads all of EXIF and raises on odd ones; the door turns the picture."""

    def _setup(self) -> None:
        if _is_raw(self):
            raise PictureRefused("raw_picture")
        super()._setup()

    def load_end(self) -> None:
        pass


def _is_raw(picture: _Tiff) -> bool:
    """Whether a TIFF is a camera's raw picture (DNG, NEF, ARW, PEF, SRW …), of which only a tiny preview could be read.

    Either it says so (DNG 1.7, tag 50706; pixels under a colour filter or linear ones, TIFF/EP), or what stands first is a
    reduced copy (tag 254, bit 0) of pictures in a directory below (tag 330).
    """
    with contextlib.suppress(*_ODD):
        tags = picture.tag_v2
        reduced = tags.get(0x00FE, 0)
        preview = isinstance(reduced, int) and bool(reduced & 1) and 0x014A in tags
        return 0xC612 in tags or tags.get(0x0106) in (32803, 34892) or preview
    return False


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
