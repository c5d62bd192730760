"""Tiny data sets in the formats of the published ones, made when they are needed."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.pictures import class_picture

COUNTS = {"train": 24, "t10k": 12}


def make_idx(
    folder: Path,
    classes: int = 3,
    side: int = 28,
    packed: bool = True,
    counts: Mapping[str, int] = COUNTS,
    shades: bool = False,
) -> Path:
    """MNIST's four files; classes take turns. With `shades` the classes differ in brightness, which is learned at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, count) in enumerate(counts.items()):
        pixels = np.stack([grey_picture(row % classes, row, side, seed) for row in range(count)])
        labels = np.arange(count, dtype=np.uint8) % classes
        if shades:
            pixels = (pixels // 4 + labels[:, None, None] * (180 // classes)).astype(np.uint8)
        write_idx(folder / f"{name}-images-idx3-ubyte", pixels, packed)
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels, packed)
    return folder


def grey_picture(label: int, index: int, side: int = 28, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A grey picture of a class, (side, side)."""
    return np.asarray(class_picture(label, index, side, seed).convert("L"))


def write_idx(file: Path, values: npt.NDArray[np.uint8], packed: bool = True) -> Path:
    """An array of bytes as an idx file; packed ones end in .gz."""
    data = struct.pack(f">{values.ndim + 1}I", 0x0800 + values.ndim, *values.shape) + values.tobytes()
    file = file.with_name(f"{file.name}.gz") if packed else file
    file.write_bytes(gzip.compress(data, 1) if packed else data)
    return file


def make_cifar(folder: Path, rows: int = 10) -> dict[str, str]:
    """CIFAR-10's files with `rows` pictures each; returns the md5 of each file, for which the published ones are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for seed, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        data = np.random.default_rng(seed).integers(0, 256, (rows, 3072), np.uint8)
        sums[name] = write_batch(folder / name, old_pickle(data, [row % 10 for row in range(rows)]))
    sums["batches.meta"] = write_batch(folder / "batches.meta", b"\x80\x02}.")
    return sums


def old_pickle(data: npt.NDArray[Any], labels: list[Any]) -> bytes:
    """A batch as Python 2 wrote the published ones: text is bytes, and an array is rebuilt by numpy's old names."""
    shape = b"".join(b"J" + struct.pack("<i", length) for length in data.shape)
    kind = data.dtype.str[1:].encode()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + _text(b"b") + b"\x87R"
        b"(K\x01" + shape + (b"\x86" if data.ndim == 2 else b"\x85") + b"cnumpy\ndtype\n" + _text(kind) + b"K\x00K\x01\x87R"
        b"(K\x03" + _text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb" + b"\x89" + _text(data.tobytes()) + b"tb"
    )  # fmt: skip
    numbers = pickle.dumps(labels, protocol=2)[2:-1]
    return b"\x80\x02}(" + _text(b"labels") + numbers + _text(b"data") + array + b"u."


def _text(data: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(data)) + data


def write_batch(file: Path, data: bytes) -> str:
    """A file and its md5."""
    file.write_bytes(data)
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
