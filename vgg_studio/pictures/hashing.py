"""A picture's perceptual hash: 64 signs of its slow waves, which a copy keeps when it is encoded, resized or lit otherwise.

The discrete cosine transform of a small grey copy, of which the 8 x 8 slowest waves but the mean are kept (after C. Zauner,
Implementation and Benchmarking of Perceptual Image Hash Functions, 2010). Signs instead of comparisons with the median make
the mirror image's hash known from the picture's own: every second wave across turns its sign.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIDE = 32  # px of the grey copy
_WAVES = 8


def _waves(count: int, side: int) -> npt.NDArray[np.float64]:
    wave, place = np.mgrid[0:count, 0:side]
    waves: npt.NDArray[np.float64] = np.cos(np.pi * (2 * place + 1) * wave / (2 * side))
    return waves


_DOWN, _ACROSS = _waves(_WAVES, SIDE), _waves(_WAVES + 1, SIDE).T
_LEAST = 1e-6  # grey levels: the waves of an even area are 0 but for rounding


def hash_of(grey: npt.NDArray[np.uint8]) -> int:
    """The hash of a grey copy of shape (SIDE, SIDE): a whole number below 2**64. A picture of one colour has 0."""
    waves = _DOWN @ grey.astype(np.float64) @ _ACROSS
    kept = waves[:, :_WAVES].ravel()
    kept[0] = waves[0, _WAVES]  # the mean says nothing of what is shown
    return int.from_bytes(np.packbits(kept > _LEAST).tobytes(), "big")


def _turned() -> int:
    across = np.zeros((_WAVES, _WAVES), bool)
    across[:, 1::2] = True
    return int.from_bytes(np.packbits(across.ravel()).tobytes(), "big")


MIRROR = np.uint64(_turned())


def mirrored(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The hashes that the mirror images (left and right exchanged) of pictures with these hashes have."""
    return hashes ^ MIRROR
