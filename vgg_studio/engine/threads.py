"""How many of the processor's threads a network is worth, and how networks side by side share them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier

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


class SideBySide:
    """A function without gradients whose batches (N, ...) several workers share, each on its part of all threads.

    All parts of a batch have the same size, the last filled up with zeros, so that a row's numbers do not depend on where it
    stands. Several threads may call it at a time: a worker that is done with one batch takes its part of the next.
    """

    def __init__(self, compute: Callable[[Tensor], Tensor], workers: int) -> None:
        self._compute = compute
        self._workers = workers
        share = max(1, most() // workers)
        self._pool = ThreadPoolExecutor(workers, "network", initializer=_use_here, initargs=(share,))
        before, all_there = torch.get_num_threads(), Barrier(workers)
        try:
            wait([self._pool.submit(all_there.wait) for _ in range(workers)])
        finally:
            all_there.abort()  # where the system refused a thread, the others wait no longer
        torch.set_num_threads(before)  # what the workers asked for holds for every thread that is new to torch

    def __call__(self, given: Tensor) -> Tensor:
        """What the function makes of the batch, in its order."""
        size = -(-len(given) // self._workers)
        missing = -len(given) % size
        filled = torch.cat([given, given.new_zeros(missing, *given.shape[1:])]) if missing else given
        return torch.cat(list(self._pool.map(self._one, torch.split(filled, size))))[: len(given)]

    def _one(self, given: Tensor) -> Tensor:
        with torch.no_grad():
            return self._compute(given)


def _use_here(count: int) -> None:
    torch.get_num_threads()  # what torch does first on a thread is to take over the number that holds for all
    torch.set_num_threads(count)


def _worth(step: float) -> int:
    return 1 if step < SMALL_STEP else most()
