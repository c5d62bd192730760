"""How many of the processor's threads a network is worth, and how networks side by side share them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from vgg_studio.core import vgg
from vgg_studio.engine.device import Device, real_cores

# Multiply-accumulates of one step (some 30 ms of one core) below which threads wait for each other more than they help:
# measured on two busy cores, a slim network on 64 px learns 50 pictures a second with two threads and 370 with one.
SMALL_STEP = 2e9
_BACKWARD = 2  # passes back cost twice the one forward


def use(device: Device, wanted: int) -> int:
    """Compute with so many threads from now on; returns how many that are. Graphics cards are not concerned."""
    if device.torch.type == "cpu" and wanted > 0:
        torch.set_num_threads(wanted)
    return torch.get_num_threads()


def for_training(shape: vgg.Shape, image_size: int, batch: int) -> int:
    """Threads for learning in batches of this size: one, or all there are."""
    return _worth((1 + _BACKWARD) * vgg.macs(shape, image_size) * batch)


def for_answers(shape: vgg.Shape, image_size: int, batch: int) -> int:
    """Threads for answers in batches of this size."""
    return _worth(vgg.macs(shape, image_size) * batch)


def most() -> int:
    """All threads that the engine may use: what was asked from outside, else one for each real core."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # "4,2": within each of four, two more
    return (int(asked) if asked.isdecimal() else 0) or real_cores()


def side_by_side(compute: Callable[[Tensor], Tensor], given: Tensor, workers: int) -> Tensor:
    """What a function without gradients makes of a batch (N, ...) that `workers` share, each on its part of the threads.

    All parts have the same size, the last filled up with zeros, so that a row's numbers do not depend on where it stands.
    """
    if workers == 1 or len(given) == 1:
        with torch.no_grad():
            return compute(given)
    size = -(-len(given) // workers)
    missing = -len(given) % size
    filled = torch.cat([given, given.new_zeros(missing, *given.shape[1:])]) if missing else given
    before = torch.get_num_threads()
    run = partial(_alone, compute, max(1, before // workers))
    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="network") as pool:
            return torch.cat(list(pool.map(run, torch.split(filled, size))))[: len(given)]
    finally:
        torch.set_num_threads(before)  # what the workers asked for holds for every thread that is new to torch


def _alone(compute: Callable[[Tensor], Tensor], count: int, given: Tensor) -> Tensor:
    torch.set_num_threads(count)
    with torch.no_grad():
        return compute(given)


def _worth(step: float) -> int:
    return 1 if step < SMALL_STEP else most()
