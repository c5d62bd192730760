"""CIFAR-10's batches, which are pickled: read only if they are the published ones, and even then nothing in them can run.

The reader knows containers, numbers, text and one kind of array, for which it has stand-ins of its own: no function and no
class that a file names is ever called.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vgg_studio.core.data_sets import CIFAR_SUMS
from vgg_studio.core.errors import DataSetDamaged
from vgg_studio.pictures.files import ordinary_file, shown

SIDE, CHANNELS, CLASSES = 32, 3, 10
_ROW = SIDE * SIDE * CHANNELS
_MOST_BYTES = 64 << 20  # of one file; the published ones have 31 MB
_ODD = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, MemoryError, OverflowError,
)  # fmt: skip


class Batch(NamedTuple):
    """Pictures (N, 32, 32, 3) and their classes' numbers (N)."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def read_batch(path: str, sums: Mapping[str, str] = CIFAR_SUMS) -> Batch:
    """One file of CIFAR-10. Raises DataSetDamaged unless its md5 is that of `sums` and it holds what it should."""
    data = _published(path, sums)
    try:
        values = _SafeUnpickler(io.BytesIO(data), encoding="bytes").load()
    except _UnsafeError as error:
        raise _damaged(path, "more_than_numbers") from error
    except _ODD as error:
        raise _damaged(path, "damaged") from error
    named = {_text(name): value for name, value in values.items()} if isinstance(values, dict) else {}
    pixels, labels = named.get("data"), named.get("labels")
    if not isinstance(pixels, _Array) or not isinstance(labels, list) or len(pixels.raw) != len(labels) * _ROW:
        raise _damaged(path, "odd_numbers_inside")
    if not labels or not all(type(label) is int and 0 <= label < CLASSES for label in labels):
        raise _damaged(path, "odd_numbers_inside")
    planes = np.frombuffer(pixels.raw, np.uint8).reshape(-1, CHANNELS, SIDE, SIDE)
    return Batch(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(labels, np.uint8))


def _published(path: str, sums: Mapping[str, str]) -> bytes:
    with ordinary_file(path) as file:
        data = file.read(_MOST_BYTES)
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != sums.get(os.path.basename(path)):
        raise _damaged(path, "other_sum")
    return data


class _UnsafeError(Exception):
    """The file names something that is no array of bytes."""


class _Type:
    """Stands for the type of the numbers; only bytes are known."""

    def __init__(self, kind: object, *_rest: object) -> None:
        if kind not in ("u1", b"u1"):
            raise _UnsafeError

    def __setstate__(self, state: object) -> None:
        """Byte order and the like, of which single bytes have none."""


class _Array:
    """Stands for an array of bytes: its content, whatever its shape."""

    def __init__(self, *_rest: object) -> None:
        self.raw = b""

    def __setstate__(self, state: object) -> None:
        """Take in version, shape, type, order and content, as numpy's arrays are written."""
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _Type) or state[3]:
            raise _UnsafeError
        if not isinstance(state[4], bytes):
            raise _UnsafeError
        self.raw = state[4]


_STAND_INS: dict[tuple[str, str], type] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _SafeUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for what an array is made of; everything else ends the reading."""
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise _UnsafeError from None

    def persistent_load(self, _name: object) -> Any:
        """Nothing lies outside of the file."""
        raise _UnsafeError


def _text(name: object) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)


def _damaged(path: str, detail: str) -> DataSetDamaged:
    return DataSetDamaged(path=shown(os.fsencode(path)), detail=detail)
