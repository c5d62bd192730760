"""Views of a picture: a few fixed variations, so that each is computed by the frozen part once and not in every round.

View 0 is the picture, view 1 its mirror image, views from 2 on are crops, half of them mirrored; crops by other laws have
numbers of their own. What a crop shows depends on the picture's content and the view's number alone, so it is the same in
every run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vgg_studio.pictures import varying
from vgg_studio.pictures.varying import Drawn, uniform

PLAIN, MIRRORED, CROPS = 0, 1, 2
_FIRST = {"flip_crop": CROPS, "crop": 100, "crop_upside_down": 200}
_MOST = 64  # views of one law: what a job may have
_SEED = 0  # of the crops: not the run's, so that runs share them


def drawn(variation: str, crops: int, seed: int, epoch: int, count: int) -> npt.NDArray[np.intp]:
    """Which view each of `count` pictures is learned from in a round: the same draw that mirrors pictures without a cache."""
    if variation == "none":
        return np.zeros(count, np.intp)
    chance = uniform(seed, epoch, np.arange(count), 1)[:, 0]
    if variation == "flip":
        return np.where(chance < 0.5, MIRRORED, PLAIN)
    return _FIRST[variation] + (chance * crops).astype(np.intp)


def every(variation: str, crops: int) -> tuple[int, ...]:
    """All views that a variation can draw."""
    if variation in _FIRST:
        return tuple(range(_FIRST[variation], _FIRST[variation] + crops))
    return (PLAIN, MIRRORED) if variation == "flip" else (PLAIN,)


def varied(
    pictures: npt.NDArray[np.uint8], views: Sequence[int], digests: Sequence[bytes]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32] | None]:
    """Pictures (N, side, side, channels), mirrored in place where their view says so, and the boxes (N, 4) of the crops.

    The boxes are left, top, width, height in fractions of the side (`pictures.varying`); None where no view is a crop.
    """
    numbers = np.asarray(views)
    mirrored = numbers == MIRRORED
    boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (len(numbers), 1))
    for variation, first in _FIRST.items():
        some = np.flatnonzero((numbers >= first) & (numbers < first + _MOST))
        if len(some):
            crops = _crops(variation, [(digests[at], views[at]) for at in some.tolist()])
            boxes[some] = crops.boxes
            mirrored[some] = False if crops.mirrored is None else crops.mirrored
    varying.turn(pictures, Drawn(mirrored))
    return pictures, boxes if (numbers >= CROPS).any() else None


def _crops(variation: str, named: Sequence[tuple[bytes, int]]) -> Drawn:
    count = varying.count_for(variation)
    values = [uniform(_SEED, view, [int.from_bytes(digest[:8], "little") >> 1], count) for digest, view in named]
    return varying.decided(variation, np.concatenate(values))
