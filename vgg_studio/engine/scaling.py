"""Bytes to what a network takes in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vgg_studio.core.preprocessing import Preprocessing


class Scaling:
    """Bytes to what the network takes in: (value / 255 - mean) / std for each channel, on the device."""

    def __init__(self, prep: Preprocessing, device: torch.device) -> None:
        self._mean = _channels(prep.mean).mul(255).to(device)
        self._factor = _channels(prep.std).mul(255).reciprocal().to(device)
        self._device = device

    def __call__(self, pictures: Tensor) -> Tensor:
        """(N, side, side, channels) bytes to (N, channels, side, side) floats, laid out channels last."""
        moved = pictures.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        return moved.to(torch.float32).sub(self._mean).mul(self._factor)


def _channels(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1)
