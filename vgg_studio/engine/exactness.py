"""How far a faster way of computing frozen layers is from torch's own fp32, and how far it may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

# Of the relative error. Winograd in fp32 stays near 3e-6; in bf16 near 6e-3, where torch's bf16 is at 1e-2 (VGG-16, 224 px).
LIMITS = {"fp32": 1e-4, "bf16": 2e-2}


def error(compute: Callable[[Tensor], Tensor], modules: Sequence[nn.Module], channels: int, side: int) -> float:
    """How far `compute` is from the modules on a fixed random picture: |a - b| / |b|, Euclidean norms over all features."""
    picture = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(0))
    wanted = picture.clone()  # a ReLU at the front would work in place
    with torch.no_grad():
        for module in modules:
            wanted = module(wanted)
        return difference(compute(picture), wanted)


def difference(found: Tensor, wanted: Tensor) -> float:
    """The relative error of features, or infinity where one of them is no number."""
    if found.shape != wanted.shape or not torch.isfinite(found).all():
        return float("inf")
    size = float(torch.linalg.vector_norm(wanted.float()))
    return float(torch.linalg.vector_norm(found.float() - wanted.float())) / (size or 1.0)
