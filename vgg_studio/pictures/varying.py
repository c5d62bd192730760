"""How training varies pictures: chance as a pure function, and what it does to a picture. Training and previews share it.

What is drawn for a picture depends on (seed, epoch, picture) and on nothing that happened before, so resuming, caching, other
batch sizes and several devices cannot change an order, a flip or a crop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
_ORDER = 1 << 40  # keeps the order's draws apart from those of the pictures
_SMALLEST_CROP = 0.4  # of the picture's area; below, crops of small pictures often miss what they show
_FLATTEST = 3 / 4  # sides of a crop
_SMALLEST_RESIZED, _TRIES = 0.08, 10  # RandomResizedCrop's own
FOR_VIEW = 5  # values that a varied picture takes: flip; crop's area, ratio, left, top
_FOR_RESIZED = 3 + 2 * _TRIES  # flip; crop's left, top; area and ratio of each try


class Drawn(NamedTuple):
    """What chance decides for some pictures: which are mirrored (N), and their crops (N, 4) as `crop_boxes` has them.

    A crop with a negative height shows what lies above its `top`, upside down.
    """

    mirrored: npt.NDArray[np.bool_] | None = None
    boxes: npt.NDArray[np.float32] | None = None


def uniform(seed: int, epoch: int, numbers: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    """`count` values in [0, 1) for each of `numbers`: shape (len(numbers), count).

    SplitMix64 as a counter-based generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    """
    key = mixed(mixed(np.uint64(seed & MASK)) ^ np.uint64(epoch & MASK))
    rows = mixed(key + np.asarray(numbers, np.uint64) * np.uint64(GOLDEN))
    columns = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    bits = mixed(rows[:, None] + columns[None, :])
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def order(seed: int, epoch: int, count: int) -> npt.NDArray[np.intp]:
    """The order in which `count` pictures are learned from in this epoch."""
    return np.argsort(uniform(seed, epoch, np.arange(count) + _ORDER, 1)[:, 0], kind="stable")


def plan(order: npt.NDArray[np.intp], size: int) -> list[npt.NDArray[np.intp]]:
    """Cut an order into batches of `size`; a single picture at the end joins the batch before it.

    (Batch normalisation has nothing to measure on one picture.)
    """
    cuts = list(range(size, len(order), size))
    if cuts and len(order) - cuts[-1] == 1 and size > 1:
        cuts.pop()
    return np.split(order, cuts)


def crop_boxes(drawn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Left, top, width, height of each crop (Szegedy et al., arXiv 1409.4842: random area, random ratio of sides)."""
    area = _SMALLEST_CROP + (1 - _SMALLEST_CROP) * drawn[:, 1]
    ratio = _FLATTEST ** (1 - 2 * drawn[:, 2])
    width, height = np.minimum(1, np.sqrt(area * ratio)), np.minimum(1, np.sqrt(area / ratio))
    return np.stack([drawn[:, 3] * (1 - width), drawn[:, 4] * (1 - height), width, height], axis=1)


def resized_boxes(drawn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Left, top, width, height of each crop by the law of torchvision's RandomResizedCrop, for a square picture.

    8 to 100 % of the area, sides from 3:4 to 4:3; a crop that would reach beyond the picture is drawn again, ten times in all,
    then it is the whole picture. (`crop_boxes` cuts off what reaches beyond.)
    """
    area = _SMALLEST_RESIZED + (1 - _SMALLEST_RESIZED) * drawn[:, 3::2]
    ratio = _FLATTEST ** (1 - 2 * drawn[:, 4::2])
    widths, heights = np.sqrt(area * ratio), np.sqrt(area / ratio)
    fits = (widths <= 1) & (heights <= 1)
    first, found = fits.argmax(axis=1)[:, None], fits.any(axis=1)
    width = np.where(found, np.take_along_axis(widths, first, 1)[:, 0], 1.0)
    height = np.where(found, np.take_along_axis(heights, first, 1)[:, 0], 1.0)
    return np.stack([drawn[:, 1] * (1 - width), drawn[:, 2] * (1 - height), width, height], axis=1)


def upside_down(boxes: npt.NDArray[np.float64], turned: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The boxes, some of which show what is in them upside down: counted from their bottom, with a negative height."""
    left, top, width, height = boxes.T
    return np.stack([left, np.where(turned, top + height, top), width, np.where(turned, -height, height)], axis=1)


def count_for(kind: str) -> int:
    """How many values a variation takes for each picture."""
    return _FOR_RESIZED if kind.startswith("crop") else FOR_VIEW


def decided(kind: str, drawn: npt.NDArray[np.float64]) -> Drawn:
    """What a variation makes of the values (N, count_for(kind)) that were drawn for pictures."""
    match kind:
        case "flip":
            return Drawn(drawn[:, 0] < 0.5)
        case "flip_crop":
            return Drawn(drawn[:, 0] < 0.5, crop_boxes(drawn).astype(np.float32))
        case "crop":
            return Drawn(None, resized_boxes(drawn).astype(np.float32))
        case "crop_upside_down":
            return Drawn(None, upside_down(resized_boxes(drawn), drawn[:, 0] < 0.5).astype(np.float32))
        case _:
            return Drawn()


def drawn_for(kind: str, seed: int, epoch: int, numbers: npt.ArrayLike) -> Drawn:
    """What a variation (`core.jobs.VARIATIONS`) does in one round to the pictures with these numbers in their part."""
    if kind == "none" or not np.size(numbers):
        return Drawn()
    return decided(kind, uniform(seed, epoch, numbers, count_for(kind)))


def turn(pictures: npt.NDArray[np.uint8], drawn: Drawn) -> None:
    """Mirror in place those of the pictures (N, side, side, channels) that are to be."""
    if drawn.mirrored is not None:
        pictures[drawn.mirrored] = pictures[drawn.mirrored, :, ::-1]


def mixed(value: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    """SplitMix64's step: each bit of what goes in changes each bit of what comes out."""
    with np.errstate(over="ignore"):  # counting modulo 2**64 is the point
        state = np.asarray(value, np.uint64) + np.uint64(GOLDEN)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))
