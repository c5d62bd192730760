"""Batches of a round: in what order, varied how, read ahead while the network computes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
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
from vgg_studio.engine import draws
from vgg_studio.engine.data import Bytes, PictureStore, Refusal, ahead, workers



@dataclass(frozen=True)
class Batch:
    """Pictures (N, side, side, channels) as bytes, their classes (N), and those that could not be read.

    `boxes` (N, 4) are the crops as left, top, width, height in fractions of the side, or None.
    """

    pictures: Tensor
    labels: Tensor
    boxes: Tensor | None = None
    refused: list[Refusal] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Variation:
    """What is varied in one round: a pure function of seed, epoch and the picture's number in its part."""

    kind: str
    seed: int
    epoch: int


def plan(order: npt.NDArray[np.intp], size: int) -> list[npt.NDArray[np.intp]]:
    """Cut an order into batches of `size`; a single picture at the end joins the batch before it.

    (Batch normalisation has nothing to measure on one picture.)
    """
    cuts = list(range(size, len(order), size))
    if cuts and len(order) - cuts[-1] == 1 and size > 1:
        cuts.pop()
    return np.split(order, cuts)


def stream(
    store: PictureStore,
    items: Sequence[Item],
    numbers: Sequence[npt.NDArray[np.intp]],
    variation: Variation | None = None,
) -> Generator[Batch, None, None]:
    """The batches whose items' numbers are given, read and varied ahead of time by threads. Close it to end them."""
    tasks = (partial(_batch, store, items, some, variation) for some in numbers)
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
    store: PictureStore, items: Sequence[Item], numbers: npt.NDArray[np.intp], variation: Variation | None
) -> Batch:
    refused: list[Refusal] = []
    good: list[int] = []
    arrays: list[Bytes] = []
    for number in numbers.tolist():
        try:
            arrays.append(store.read(items[number].picture))
            good.append(number)
        except PictureRefused as refusal:
            refused.append((items[number].picture, refusal))
    side, channels = store.prep.image_size, store.prep.channels
    pictures = np.stack(arrays) if arrays else np.empty((0, side, side, channels), np.uint8)
    labels = torch.tensor([items[number].label for number in good], dtype=torch.int64)
    boxes = _vary(pictures, good, variation) if variation and good else None
    return Batch(torch.from_numpy(pictures), labels, boxes, refused)


def _vary(pictures: Bytes, numbers: list[int], variation: Variation) -> Tensor | None:
    if variation.kind == "none":
        return None
    drawn = draws.uniform(variation.seed, variation.epoch, numbers, draws.FOR_VIEW)
    mirrored = drawn[:, 0] < 0.5
    pictures[mirrored] = pictures[mirrored, :, ::-1]
    return torch.from_numpy(draws.crop_boxes(drawn).astype(np.float32)) if variation.kind == "flip_crop" else None


def missing(items: Sequence[Item], refused: set[PictureRef]) -> npt.NDArray[np.bool_]:
    """Which items cannot be used: their numbers stay theirs, so that the others are varied as if nothing were missing."""
    return np.fromiter((item.picture in refused for item in items), bool, len(items))


def in_order(count: int, size: int) -> Iterator[npt.NDArray[np.intp]]:
    """Numbers 0 to `count` in batches, for scores."""
    return (np.arange(start, min(start + size, count)) for start in range(0, count, size))
