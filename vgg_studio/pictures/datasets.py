"""Data sets without picture files: CIFAR-10's batches and MNIST's arrays, each picture named by its row.

Rows count through the training part, then through the test part. A set that was opened stays in memory, because
each of its pictures takes microseconds from there and seconds from the files.
"""

from __future__ import annotations

import os
import threading
import time
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from vgg_studio.core.data_sets import CIFAR_TEST, CIFAR_TRAIN, IDX_FILES, SETS, Found, find, idx_file
from vgg_studio.core.errors import DataSetDamaged, PictureRefused
from vgg_studio.core.events import Part, PictureRef
from vgg_studio.core.split import Item, Listing
from vgg_studio.pictures import cifar_files, idx_files
from vgg_studio.pictures.files import shown

_KEPT = 2  # opened sets
_YOUNG = 1.0  # seconds in which the files are not looked at again: a round asks for each picture
_DIGEST = 16  # bytes
_LEVELS = 3  # of a picture's path below its set: part, class, number

Pixels = npt.NDArray[np.uint8]


class PixelSet(NamedTuple):
    """A data set in memory: `pixels` (N, height, width, channels) and `labels` (N) of each part."""

    folder: str
    classes: tuple[str, ...]
    train: Pixels
    test: Pixels
    train_labels: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]

    def row(self, row: int) -> Pixels:
        """The pixels (height, width, channels) of one picture. Raises PictureRefused where there is no such row."""
        count = len(self.train)
        if not 0 <= row < count + len(self.test):
            raise PictureRefused("missing", path=self.folder)
        pixels: Pixels = self.train[row] if row < count else self.test[row - count]
        return pixels

    def rows(self, rows: npt.NDArray[np.intp]) -> Pixels:
        """The pixels (N, height, width, channels) of several pictures, all of them there."""
        count = len(self.train)
        found = np.empty((len(rows), *self.train.shape[1:]), np.uint8)
        first = rows < count
        found[first] = self.train[rows[first]]
        found[~first] = self.test[rows[~first] - count]
        return found


_opened: dict[tuple[str, str], PixelSet] = {}
_opening = threading.Lock()
_looked: tuple[str, float, PixelSet] | None = None  # the set that was asked for last, and when its files were looked at


def opened(folder: str) -> PixelSet:
    """The data set in a folder, read once as long as its files stay as they are. Safe for several threads.

    Raises DataSetDamaged; PictureRefused where there is no data set, or one of its files cannot be read.
    """
    global _looked
    with _opening:
        if _looked and _looked[0] == folder and time.monotonic() - _looked[1] < _YOUNG:
            return _looked[2]
        found = find(folder)
        if found is None:
            raise PictureRefused("missing", path=shown(os.fsencode(folder)))
        key = (os.path.abspath(folder), _stamp(found))
        if key not in _opened:
            while len(_opened) >= _KEPT:
                del _opened[next(iter(_opened))]
            _opened[key] = _cifar(found.folder) if found.kind == "cifar" else _idx(found.folder)
        _looked = (folder, time.monotonic(), _opened[key])
        return _opened[key]


def listing(folder: str) -> Listing:
    """What a data set holds, with the parts it was published in, and its classes in the published order.

    Raises as `opened` does.
    """
    found = opened(folder)
    items: dict[Part, list[Item]] = {"train": [], "val": [], "test": []}
    first = 0
    parts: tuple[tuple[Part, npt.NDArray[np.uint8]], ...] = (("train", found.train_labels), ("test", found.test_labels))
    for part, labels in parts:
        names = [f"{part}/{name.replace('/', '-')}" for name in found.classes]
        items[part] = [
            Item(PictureRef(path=f"{names[label]}/{number:05}", row=first + number), label)
            for number, label in enumerate(labels.tolist())
        ]
        first += len(labels)
    return Listing(
        folder=os.path.abspath(folder),
        layout="train_test" if len(found.test) else "classes",
        classes=list(found.classes),
        items=items,
    )


def picture(ref: PictureRef, root: str) -> Image.Image:
    """The picture of a row in mode RGB. Raises PictureRefused."""
    pixels = _pixels(ref, root)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return image if image.mode == "RGB" else image.convert("RGB")


def digest(ref: PictureRef, root: str) -> bytes:
    """BLAKE2b of the picture's size and pixels, 16 bytes. Raises PictureRefused."""
    pixels = _pixels(ref, root)
    return blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=_DIGEST).digest()


def rooted(ref: PictureRef, root: str) -> str:
    """The folder of the set that a row belongs to: `root`, or for a picture with a whole path what stands before its part."""
    if root:
        return root
    folder = ref.path
    for _ in range(_LEVELS):
        folder = os.path.dirname(folder)
    return folder


def whole(root: str) -> list[PictureRef]:
    """All pictures of a data set by whole paths, as a prediction names them: training part first. Raises as `opened` does."""
    items = listing(root).items
    base = os.path.abspath(root)
    return [
        PictureRef(path=os.path.join(base, *item.picture.path.split("/")), row=item.picture.row)
        for part in ("train", "test")
        for item in items[part]
    ]


def stamp(root: str) -> str:
    """The state of the files of a data set: changes with their sizes and dates. Raises PictureRefused without a set."""
    found = find(root)
    if found is None:
        raise PictureRefused("missing", path=shown(os.fsencode(root)))
    return _stamp(found)


def _pixels(ref: PictureRef, root: str) -> Pixels:
    try:
        return opened(rooted(ref, root)).row(ref.row)
    except DataSetDamaged as error:
        raise PictureRefused("damaged", path=ref.path) from error


def _stamp(found: Found) -> str:
    try:
        entries = [entry.stat() for entry in sorted(os.scandir(found.folder), key=lambda entry: entry.name)]
    except OSError as error:
        raise PictureRefused("unreadable", path=shown(os.fsencode(found.folder))) from error
    return repr([(entry.st_size, entry.st_mtime_ns, entry.st_ino) for entry in entries])


def _cifar(folder: str) -> PixelSet:
    train = [cifar_files.read_batch(os.path.join(folder, name)) for name in CIFAR_TRAIN]
    test = cifar_files.read_batch(os.path.join(folder, CIFAR_TEST))
    return PixelSet(
        folder,
        SETS["cifar10"].classes,
        np.concatenate([batch.pixels for batch in train]),
        test.pixels,
        np.concatenate([batch.labels for batch in train]),
        test.labels,
    )


def _idx(folder: str) -> PixelSet:
    train, train_labels = _part(folder, "train")
    there = all(idx_file(folder, name) for name in IDX_FILES["test"])
    test, test_labels = _part(folder, "test") if there else (train[:0], train_labels[:0])
    count = 1 + max(int(labels.max()) for labels in (train_labels, test_labels) if len(labels))
    if test.shape[1:] != train.shape[1:]:
        raise DataSetDamaged(path=shown(os.fsencode(folder)), detail="odd_numbers_inside")
    fashion = SETS["fashion-mnist"].classes
    names = fashion[:count] if "fashion" in os.path.abspath(folder).lower() and count <= len(fashion) else ()
    classes = names or tuple(str(number) for number in range(count))  # MNIST's files are called the same
    return PixelSet(folder, classes, train, test, train_labels, test_labels)


def _part(folder: str, part: str) -> tuple[Pixels, npt.NDArray[np.uint8]]:
    pictures, labels = (idx_file(folder, name) for name in IDX_FILES[part])
    pixels, classes = idx_files.read_pictures(pictures)[..., None], idx_files.read_labels(labels)
    if len(pixels) != len(classes):
        raise DataSetDamaged(path=shown(os.fsencode(labels)), detail="odd_numbers_inside")
    return pixels, classes
