"""What cameras write beside the pixels: which way is up, read alone; and a copy of a file without everything else.

Pillow reads all of EXIF at once and fails where any of it is odd. A good picture must not be lost to that.
"""

from __future__ import annotations

import os
import struct
from typing import IO

from PIL import Image

_ORIENTATION = 0x0112
_KEPT = (0xE0, 0xEE)  # JFIF and Adobe: both change how pixels are read
_MOST_ENTRIES = 1000
_MOST_RUBBISH = 1 << 16  # bytes

_TURNS: dict[int, tuple[Image.Transpose, ...]] = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture turned as EXIF orientation (1 to 8) says; any other value leaves it as it is."""
    for turn in _TURNS.get(orientation, ()):
        picture = picture.transpose(turn)
    return picture


def lies_down(orientation: int) -> bool:
    """Whether that EXIF orientation stores the picture's rows as columns."""
    return 5 <= orientation <= 8


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation of an opened picture, 1 where there is none or it cannot be read."""
    block = picture.info.get("exif")
    if isinstance(block, bytes):
        return exif_orientation(block)
    profile = picture.info.get("Raw profile type exif")  # how older programs put EXIF into PNG: hex digits
    if isinstance(profile, str):
        try:
            return exif_orientation(bytes.fromhex("".join(profile.split("\n")[3:])))
        except ValueError:
            return 1
    return 1


def exif_orientation(block: bytes) -> int:
    """Tag 0x0112 of the first directory of an EXIF block (TIFF 6.0, section 2), 1 where anything is odd."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for entry in range(min(count, _MOST_ENTRIES)):
            tag, kind, _, short = struct.unpack_from(order + "HHIH", block, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return short if kind == 3 and 1 <= short <= 8 else 1
    except struct.error:
        return 1
    return 1


def jpeg_begins(file: IO[bytes]) -> bool:
    """Whether the pixels of a JPEG begin after whole segments, with little between them that belongs to none.

    Pillow looks for the next segment byte by byte, so a large file of rubbish would keep it busy for an hour. A file that
    ends early is for the decoder to judge.
    """
    file.seek(2)
    rubbish = 0
    while rubbish <= _MOST_RUBBISH:
        start = file.read(2)
        if len(start) < 2:
            return True
        if start[0] != 0xFF or start[1] in (0x00, 0xFF):
            rubbish += 1
            file.seek(-1, os.SEEK_CUR)
        elif start[1] in (0xD9, 0xDA):  # the picture's end; the pixels
            return True
        elif not (0xD0 <= start[1] <= 0xD8 or start[1] == 0x01):  # markers that stand alone
            file.seek(max(0, int.from_bytes(file.read(2), "big") - 2), os.SEEK_CUR)
    return False


def plain_jpeg(data: bytes) -> tuple[bytes, bytes]:
    """The JPEG without its application segments but JFIF and Adobe, and the EXIF block that was among them."""
    kept, exif, at = [data[:2]], b"", 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:  # the pixels begin
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at:end]
        if 0xE0 <= marker <= 0xEF and marker not in _KEPT:
            exif = exif or (segment[4:] if segment[4:10] == b"Exif\0\0" else b"")
        elif marker != 0xFE:  # comments go too
            kept.append(segment)
        at = end
    return b"".join(kept) + data[at:], exif


def plain_png(data: bytes) -> tuple[bytes, bytes]:
    """The PNG with nothing but what its pixels need, and the EXIF block that was in it."""
    kept, exif, at = [data[:8]], b"", 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if name[:1].isupper() or name == b"tRNS":
            kept.append(data[at:end])
        elif name == b"eXIf":
            exif = data[at + 8 : end - 4]
        at = end
    return b"".join(kept), exif
