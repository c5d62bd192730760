"""Pictures kept as bytes in a graphics card's own memory: decoded once, then gathered and mirrored there.

After the first round no picture crosses the bus any more, and no core of the processor is needed to feed the card.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vgg_studio.core import recipes, vgg
from vgg_studio.core.events import PictureRef
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine.data import Bytes, PictureStore
from vgg_studio.engine.device import Device

_SHARE = 3  # parts of the card's free memory of which one may hold pictures: learning needs the rest


class DeviceStore(PictureStore):
    """A store whose pictures lie on `device`, (N, side, side, channels) bytes; each is read once, when it is first asked for.

    Safe to read from several threads. Works on every device, also on the processor's own memory.
    """

    def __init__(self, root: str, pictures: Sequence[PictureRef], prep: Preprocessing, device: torch.device) -> None:
        super().__init__(root, pictures, prep, memory=0)
        self.device = device
        self._held = torch.empty(_shape(len(self._rows), prep), dtype=torch.uint8, device=device)
        self._there = np.zeros(len(self._rows), bool)
        # A copy waits for what its stream still has to do: on the stream of the learning that would be whole steps.
        self._copying = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    @property
    def keeps(self) -> bool:
        """Pictures are kept once read."""
        return True

    def read(self, picture: PictureRef) -> Bytes:
        """One picture, (side, side, channels), in the computer's memory. Raises PictureRefused."""
        row = self._rows[picture]
        if self._there[row]:
            held: Bytes = self._held[row].cpu().numpy()
            return held
        return self._loaded(picture, row)

    def load(self, picture: PictureRef) -> None:
        """See to it that a picture lies on the device. Raises PictureRefused."""
        row = self._rows[picture]
        if not self._there[row]:
            self._loaded(picture, row)

    def put(self, pictures: Sequence[PictureRef], arrays: Bytes) -> None:
        """Keep pictures, (N, side, side, channels), that somebody has read all at once."""
        rows = torch.tensor([self._rows[picture] for picture in pictures], dtype=torch.int64)
        with torch.cuda.stream(self._copying) if self._copying else contextlib.nullcontext():
            self._held[rows.to(self.device)] = torch.from_numpy(arrays).to(self.device)
        if self._copying:
            self._copying.synchronize()
        self._there[rows.numpy()] = True

    def gather(self, pictures: Sequence[PictureRef], mirrored: npt.NDArray[np.bool_] | None = None) -> Tensor:
        """Loaded pictures in order, (N, side, side, channels) on the device, those that are `mirrored` turned left to right."""
        rows = torch.tensor([self._rows[picture] for picture in pictures], dtype=torch.int64)
        found = self._held.index_select(0, rows.to(self.device, non_blocking=True))
        if mirrored is None:
            return found
        turned = torch.from_numpy(mirrored).to(self.device, non_blocking=True)
        return torch.where(turned.reshape(-1, 1, 1, 1), found.flip(2), found)

    def _loaded(self, picture: PictureRef, row: int) -> Bytes:
        array = super().read(picture)
        with torch.cuda.stream(self._copying) if self._copying else contextlib.nullcontext():
            self._held[row].copy_(torch.from_numpy(np.array(array)))  # returns when it is there
        self._there[row] = True
        return array


def store_for(root: str, pictures: Sequence[PictureRef], prep: Preprocessing, device: torch.device) -> PictureStore:
    """Where a job's pictures are kept: on its graphics card if all of them fit into a third of what is free, else here."""
    count = len(set(pictures))
    if device.type == "cuda" and math.prod(_shape(count, prep)) <= torch.cuda.mem_get_info(device)[0] // _SHARE:
        return DeviceStore(root, pictures, prep, device)
    return PictureStore(root, pictures, prep)


def store_of(
    job: TrainJob, root: str, pictures: Sequence[PictureRef], prep: Preprocessing, chosen: Device
) -> PictureStore:
    """Where the job's pictures are kept: in memory if they are learned from, nowhere if it is their features."""
    if recipes.train_from(job) != vgg.STAGES[0]:
        return PictureStore(root, pictures, prep, memory=0)
    return store_for(root, pictures, prep, chosen.torch)


def _shape(count: int, prep: Preprocessing) -> tuple[int, int, int, int]:
    return count, prep.image_size, prep.image_size, prep.channels
