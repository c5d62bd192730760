"""Layers for evaluation: batch normalisation folded into the convolution before it, and maps told from linear layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_SPATIAL = (nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.LocalResponseNorm)


def folded(modules: Sequence[nn.Module]) -> list[nn.Module]:
    """The same layers for evaluation only, with fewer of them: no dropout, no batch normalisation behind a convolution.

    Convolutions without batch normalisation are handed on as they are, so their weights are shared.
    """
    found: list[nn.Module] = []
    for module in modules:
        last = found[-1] if found else None
        if isinstance(module, nn.BatchNorm2d) and isinstance(last, nn.Conv2d):
            found[-1] = _joined(last, module)
        elif not isinstance(module, nn.Dropout):
            found.append(module)
    return found


def parted(layers: Sequence[nn.Module]) -> tuple[list[nn.Module], list[nn.Module]]:
    """What computes on maps of features, and what follows: average pool and linear layers.

    The latter are bound by reading their weights once for each call, so they want all pictures together.
    """
    count = next((number for number, layer in enumerate(layers) if not isinstance(layer, _SPATIAL)), len(layers))
    return list(layers[:count]), list(layers[count:])


def _joined(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution for w * x + b, then (y - mean) / sqrt(var + eps) * gamma + beta (Ioffe and Szegedy 2015, section 3.1)."""
    scale, shift = _linear_map(norm)
    with torch.device("meta"):
        joined = nn.Conv2d(convolution.in_channels, convolution.out_channels, kernel_size=3, padding=1)
    bias = torch.zeros_like(shift) if convolution.bias is None else convolution.bias.detach()
    weight = convolution.weight.detach() * scale[:, None, None, None].to(convolution.weight.dtype)
    joined.weight = nn.Parameter(weight, requires_grad=False)
    joined.bias = nn.Parameter((bias * scale + shift).to(weight.dtype), requires_grad=False)
    return joined.eval()


def _linear_map(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What the normalisation multiplies each channel with, and what it adds; both are worked out in double precision."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("batch normalisation without statistics")
    scale = norm.weight.detach().double() / (variance.double() + norm.eps).sqrt()
    return scale, norm.bias.detach().double() - mean.double() * scale
