"""Chance as a pure function: what is drawn for a picture depends on (seed, epoch, picture) and on nothing that happened before.

So resuming, caching, other batch sizes and several devices cannot change an order, a flip or a crop.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_ORDER = 1 << 40  # keeps the order's draws apart from those of the pictures
_SMALLEST_CROP = 0.4  # of the picture's area; below, crops of small pictures often miss what they show
_FLATTEST = 3 / 4  # sides of a crop
FOR_VIEW = 5  # values that a varied picture takes: flip; crop's area, ratio, left, top


def uniform(seed: int, epoch: int, numbers: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    """`count` values in [0, 1) for each of `numbers`: shape (len(numbers), count).

    SplitMix64 as a counter-based generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    """
    key = _mixed(_mixed(np.uint64(seed & _MASK)) ^ np.uint64(epoch & _MASK))
    rows = _mixed(key + np.asarray(numbers, np.uint64) * np.uint64(_GOLDEN))
    columns = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    bits = _mixed(rows[:, None] + columns[None, :])
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def order(seed: int, epoch: int, count: int) -> npt.NDArray[np.intp]:
    """The order in which `count` pictures are learned from in this epoch."""
    return np.argsort(uniform(seed, epoch, np.arange(count) + _ORDER, 1)[:, 0], kind="stable")


def crop_boxes(drawn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Left, top, width, height of each crop (Szegedy et al., arXiv 1409.4842: random area, random ratio of sides)."""
    area = _SMALLEST_CROP + (1 - _SMALLEST_CROP) * drawn[:, 1]
    ratio = _FLATTEST ** (1 - 2 * drawn[:, 2])
    width, height = np.minimum(1, np.sqrt(area * ratio)), np.minimum(1, np.sqrt(area / ratio))
    return np.stack([drawn[:, 3] * (1 - width), drawn[:, 4] * (1 - height), width, height], axis=1)


def step_seed(seed: int, epoch: int, step: int) -> int:
    """The seed for torch's generators (dropout) in one step, below 2**63."""
    return int(_mixed(_mixed(np.uint64(seed & _MASK)) ^ np.uint64((epoch << 32) + step + 1)) >> np.uint64(1))


def for_rank(seed: int, rank: int) -> int:
    """The seed that one of several processes makes of a step's: rank 0's is the step's own."""
    return seed if rank == 0 else step_seed(seed, rank, 0)


def _mixed(value: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):  # counting modulo 2**64 is the point
        state = np.asarray(value, np.uint64) + np.uint64(_GOLDEN)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))
