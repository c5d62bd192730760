"""Views of a picture: a few fixed variations, so that each is computed by the frozen part once and not in every round.

View 0 is the picture, view 1 its mirror image, views from 2 on are crops, half of them mirrored. What a crop shows depends on
the picture's content and the view's number alone, so it is the same in every run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vgg_studio.engine import draws

PLAIN, MIRRORED, CROPS = 0, 1, 2
_SEED = 0  # of the crops: not the run's, so that runs share them


def drawn(variation: str, crops: int, seed: int, epoch: int, count: int) -> npt.NDArray[np.intp]:
    """Which view each of `count` pictures is learned from in a round: the same draw that mirrors pictures without a cache."""
    if variation == "none":
        return np.zeros(count, np.intp)
    chance = draws.uniform(seed, epoch, np.arange(count), 1)[:, 0]
    if variation == "flip":
        return np.where(chance < 0.5, MIRRORED, PLAIN)
    return CROPS + (chance * crops).astype(np.intp)


def every(variation: str, crops: int) -> tuple[int, ...]:
    """All views that a variation can draw."""
    return {"none": (PLAIN,), "flip": (PLAIN, MIRRORED)}.get(variation, tuple(range(CROPS, CROPS + crops)))


def varied(
    pictures: npt.NDArray[np.uint8], views: Sequence[int], digests: Sequence[bytes]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32] | None]:
    """Pictures (N, side, side, channels), mirrored in place where their view says so, and the boxes (N, 4) of the crops.

    The boxes are left, top, width, height in fractions of the side; None where no view is a crop.
    """
    numbers = np.asarray(views)
    crops = numbers >= CROPS
    drawn_for = np.array([_draw(digest, view) for digest, view in zip(digests, views, strict=True)])
    mirrored = np.where(crops, drawn_for[:, 0] < 0.5, numbers == MIRRORED)
    pictures[mirrored] = pictures[mirrored, :, ::-1]
    if not crops.any():
        return pictures, None
    boxes = np.where(crops[:, None], draws.crop_boxes(drawn_for), [0.0, 0.0, 1.0, 1.0])
    return pictures, boxes.astype(np.float32)


def _draw(digest: bytes, view: int) -> npt.NDArray[np.float64]:
    number = int.from_bytes(digest[:8], "little") >> 1
    return draws.uniform(_SEED, view, [number], draws.FOR_VIEW).reshape(draws.FOR_VIEW)
