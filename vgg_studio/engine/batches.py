"""Batches of a round: in what order, varied how, read ahead while the network computes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import PictureRef
from vgg_studio.core.split import Item
from vgg_studio.engine.card_store import DeviceStore
from vgg_studio.engine.data import Bytes, PictureStore, Refusal, ahead, workers
from vgg_studio.pictures import varying
from vgg_studio.pictures.varying import plan as plan


@dataclass(frozen=True)
class Batch:
    """Pictures (N, side, side, channels) as bytes, or their features; their classes (N), and those that could not be read.

    `boxes` (N, 4) are the crops as left, top, width, height in fractions of the side, or None; a negative height shows what
    lies above `top`, upside down. `mirrored` are the features of the mirror images, where an answer needs them too.
    """

    pictures: Tensor
    labels: Tensor
    boxes: Tensor | None = None
    refused: list[Refusal] = field(default_factory=list)
    mirrored: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Variation:
    """What is varied in one round: a pure function of seed, epoch and the picture's number in its part."""

    kind: str
    seed: int
    epoch: int


def stream(
    store: PictureStore,
    items: Sequence[Item],
    numbers: Sequence[npt.NDArray[np.intp]],
    variation: Variation | None = None,
    pinned: bool = False,
) -> Generator[Batch, None, None]:
    """The batches whose items' numbers are given, read and varied ahead of time by threads. Close it to end them.

    `pinned` lays them where a CUDA device fetches them by itself. From a store on a device they come on that device.
    """
    if isinstance(store, DeviceStore):
        return _on_device(store, items, numbers, variation)
    tasks = (partial(_batch, store, items, some, variation, pinned) for some in numbers)
    threads = 1 if store.keeps else workers()
    return ahead(tasks, threads, depth=2 * threads)


def cropped(pictures: Tensor, boxes: Tensor) -> Tensor:
    """Each of (N, channels, side, side) cut to its box and scaled back to the full side, bilinear."""
    left, top, width, height = boxes.unbind(1)
    zero = torch.zeros_like(left)
    across = torch.stack([width, zero, 2 * left + width - 1], 1)
    down = torch.stack([zero, height, 2 * top + height - 1], 1)
    grid = F.affine_grid(torch.stack([across, down], 1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _batch(
    store: PictureStore,
    items: Sequence[Item],
    numbers: npt.NDArray[np.intp],
    variation: Variation | None,
    pinned: bool,
) -> Batch:
    arrays: list[Bytes] = []
    good, refused = _usable(items, numbers, lambda picture: arrays.append(store.read(picture)))
    side, channels = store.prep.image_size, store.prep.channels
    pictures = torch.empty((len(good), side, side, channels), dtype=torch.uint8, pin_memory=pinned)
    values = pictures.numpy()
    if good:
        np.stack(arrays, out=values)
    drawn = _drawn(good, variation)
    varying.turn(values, drawn)
    return Batch(pictures, _labels(items, good), _boxes(drawn), refused)


def _on_device(
    store: DeviceStore, items: Sequence[Item], numbers: Sequence[npt.NDArray[np.intp]], variation: Variation | None
) -> Generator[Batch, None, None]:
    """Batches gathered on the device; threads read what is not there yet, ahead of time."""
    tasks = (partial(_usable, items, some, store.load) for some in numbers)
    with contextlib.closing(ahead(tasks, workers(), depth=2 * workers())) as loading:
        for good, refused in loading:
            drawn = _drawn(good, variation)
            boxes = _boxes(drawn)
            pictures = store.gather([items[number].picture for number in good], drawn.mirrored)
            labels = _labels(items, good).to(store.device, non_blocking=True)
            moved = None if boxes is None else boxes.to(store.device, non_blocking=True)
            yield Batch(pictures, labels, moved, refused)


def _usable(
    items: Sequence[Item], numbers: npt.NDArray[np.intp], use: Callable[[PictureRef], None]
) -> tuple[list[int], list[Refusal]]:
    """Use the pictures of items one after the other: the numbers of those that could be read, and the others."""
    good: list[int] = []
    refused: list[Refusal] = []
    for number in numbers.tolist():
        try:
            use(items[number].picture)
            good.append(number)
        except PictureRefused as refusal:
            refused.append((items[number].picture, refusal))
    return good, refused


def _labels(items: Sequence[Item], numbers: list[int]) -> Tensor:
    return torch.tensor([items[number].label for number in numbers], dtype=torch.int64)


def _drawn(numbers: list[int], variation: Variation | None) -> varying.Drawn:
    if variation is None:
        return varying.Drawn()
    return varying.drawn_for(variation.kind, variation.seed, variation.epoch, numbers)


def _boxes(drawn: varying.Drawn) -> Tensor | None:
    return None if drawn.boxes is None else torch.from_numpy(drawn.boxes)


def missing(items: Sequence[Item], refused: set[PictureRef]) -> npt.NDArray[np.bool_]:
    """Which items cannot be used: their numbers stay theirs, so that the others are varied as if nothing were missing."""
    return np.fromiter((item.picture in refused for item in items), bool, len(items))


def in_order(count: int, size: int) -> Iterator[npt.NDArray[np.intp]]:
    """Numbers 0 to `count` in batches, for scores."""
    return (np.arange(start, min(start + size, count)) for start in range(0, count, size))
