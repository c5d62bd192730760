"""Chance as a pure function, as the engine needs it: orders, flips and crops (`pictures.varying`), and seeds for torch."""

from __future__ import annotations

import numpy as np

from vgg_studio.pictures.varying import (
    FOR_VIEW as FOR_VIEW,
    MASK,
    crop_boxes as crop_boxes,
    mixed,
    order as order,
    uniform as uniform,
)


def step_seed(seed: int, epoch: int, step: int) -> int:
    """The seed for torch's generators (dropout) in one step, below 2**63."""
    return int(mixed(mixed(np.uint64(seed & MASK)) ^ np.uint64((epoch << 32) + step + 1)) >> np.uint64(1))


def for_rank(seed: int, rank: int) -> int:
    """The seed that one of several processes makes of a step's: rank 0's is the step's own."""
    return seed if rank == 0 else step_seed(seed, rank, 0)
