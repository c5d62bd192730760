"""MNIST's own format of arrays: a header of big-endian numbers, then bytes; mostly compressed.

Source: the description of the format beside MNIST (Y. LeCun, C. Cortes, C. Burges): magic 0x0801 for one dimension of bytes,
0x0803 for three, then the length of each dimension as 32 bits.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from vgg_studio.core.errors import DataSetDamaged
from vgg_studio.pictures.files import ordinary_file, shown

_BYTES = 0x0800  # the kind of numbers; the dimensions' count is added
_LONGEST_SIDE = 1024  # px
_MOST_BYTES = 2 << 30  # of one file, unpacked
_RATIO, _FREE_OF_RATIO = 100, 64 << 20  # pictures hardly pack: more than a hundredfold is a bomb


def read_pictures(path: str) -> npt.NDArray[np.uint8]:
    """Grey pictures (N, height, width). Raises DataSetDamaged, PictureRefused."""
    pictures = _read(path, 3)
    if min(pictures.shape) < 1 or max(pictures.shape[1:]) > _LONGEST_SIDE:
        raise _damaged(path, "odd_numbers_inside")
    return pictures


def read_labels(path: str) -> npt.NDArray[np.uint8]:
    """The classes' numbers (N). Raises DataSetDamaged, PictureRefused."""
    return _read(path, 1)


def _read(path: str, dimensions: int) -> npt.NDArray[np.uint8]:
    with ordinary_file(path) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        most = min(_MOST_BYTES, _FREE_OF_RATIO + _RATIO * raw.seek(0, os.SEEK_END))
        raw.seek(0)
        try:
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                return _content(cast("IO[bytes]", file), path, dimensions, most)
        except (EOFError, zlib.error, OSError) as error:
            raise _damaged(path, "damaged") from error


def _content(file: IO[bytes], path: str, dimensions: int, most: int) -> npt.NDArray[np.uint8]:
    head = file.read(4 * (dimensions + 1))
    if len(head) < 4 * (dimensions + 1):
        raise _damaged(path, "damaged")
    magic, *shape = struct.unpack(f">{dimensions + 1}I", head)
    size = 1
    for length in shape:
        size *= length
    if magic != _BYTES + dimensions:
        raise _damaged(path, "other_kind")
    if size > most:
        raise _damaged(path, "too_large_inside")
    data = file.read(size + 1)  # never more than announced, whatever it unpacks to
    if len(data) != size:
        raise _damaged(path, "damaged")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _damaged(path: str, detail: str) -> DataSetDamaged:
    return DataSetDamaged(path=shown(path.encode(errors="surrogateescape")), detail=detail)
