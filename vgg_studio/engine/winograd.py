"""3 x 3 convolutions with a quarter of the multiplications, from torch's own matrix products: fp32 on a processor.

Winograd's minimal filtering F(4 x 4, 3 x 3): with U = G g G^T (the weights, once) and V = B^T d B (tiles of 6 x 6 that overlap
by 2), a tile of 4 x 4 answers is A^T (U * V) A, 36 products instead of 144 (Lavin and Gray 2015, arXiv 1509.09308, section
4.3). Summed over the channels, U * V is 36 matrix products; B^T d B and A^T m A are one each, with the Kronecker squares of B^T
and A^T. torch itself computes direct convolutions only on a processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import Tensor, nn

_OUT, _IN = 4, 6  # sides of a tile of answers and of what it is computed from
_PRODUCTS = _IN * _IN
# Rows of B^T, G and A^T for the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray, section 4.3)
_BT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_G = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_AT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
_FEWEST_INPUTS = 16  # channels; below, a tile's way there and back costs more than its products
# Tiles at a time: few, so that all that belongs to them stays in a core's cache (some 2 MB); more where the weights, read
# once for each such part, are large (measured on Zen 4 with 1 MB for each core).
_TILES, _OUTPUTS_A_TILE = 96, 2


def with_winograd(modules: Sequence[nn.Module]) -> list[nn.Module]:
    """The same layers for evaluation, with convolutions and the ReLU behind them computed by Winograd where that pays."""
    found: list[nn.Module] = []
    for module in modules:
        last = found[-1] if found else None
        if _fits(module):
            found.append(WinogradConvolution(module))
        elif isinstance(module, nn.ReLU) and isinstance(last, WinogradConvolution):
            last.relu = True
        else:
            found.append(module)
    return found


def _fits(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    if not isinstance(module, nn.Conv2d) or module.in_channels < _FEWEST_INPUTS:
        return False
    return (module.kernel_size, module.padding, module.stride) == ((3, 3), (1, 1), (1, 1))


class WinogradConvolution(nn.Module):
    """A convolution of 3 x 3, padded by 1, on frozen weights: (N, channels, height, width) to (N, outputs, height, width).

    Four times the convolution's weights in memory. Give it pictures that lie channels-last, and get such; others are copied.
    A picture's numbers do not depend on its neighbours as long as N stays the same.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.relu = False  # whether what is below zero is cut off
        weight = convolution.weight.detach()
        outputs, inputs = weight.shape[:2]
        half = torch.tensor(_G, dtype=torch.float64)  # double: rounded once, at the end
        tiles = torch.einsum("ai,kcij,bj->abck", half, weight.double(), half)
        self.weight = tiles.reshape(_PRODUCTS, inputs, outputs).to(weight.dtype).contiguous()
        self.bias = None if convolution.bias is None else convolution.bias.detach()
        self._there, self._back = (_square(rows).to(weight.dtype) for rows in (_BT, _AT))

    def forward(self, pictures: Tensor) -> Tensor:
        """The answers, channels-last."""
        given = pictures.permute(0, 2, 3, 1)
        count, height, width, _ = given.shape
        outputs = self.weight.shape[2]
        answers = given.new_empty(count, height, width, outputs)
        for part in _parts(count, height, width, max(_TILES, outputs // _OUTPUTS_A_TILE)):
            strip = answers[part.pictures, part.rows]
            strip.copy_(self._answers(_framed(given, part), part)[:, : strip.shape[1], :width])
            if self.bias is not None:
                strip.add_(self.bias)
            if self.relu:
                strip.relu_()
        return answers.permute(0, 3, 1, 2)

    def _answers(self, framed: Tensor, part: _Part) -> Tensor:
        """Whole tiles of answers (pictures, rows, columns, outputs) from what lies under and around them."""
        count, inputs, outputs = len(framed), *self.weight.shape[1:]
        down, across = part.down, part.across
        picture, row, column, _ = framed.stride()
        tiles = framed.as_strided(
            (_IN, _IN, count, down, across, inputs), (row, column, picture, _OUT * row, _OUT * column, 1)
        )
        there = torch.mm(self._there, tiles.reshape(_PRODUCTS, -1))
        products = torch.bmm(there.view(_PRODUCTS, -1, inputs), self.weight)
        back = torch.mm(self._back, products.view(_PRODUCTS, -1))
        answers = back.view(_OUT, _OUT, count, down, across, outputs).permute(2, 3, 0, 4, 1, 5)
        return answers.reshape(count, _OUT * down, _OUT * across, outputs)


@dataclass(frozen=True)
class _Part:
    """Some rows of tiles, of some pictures or of one."""

    pictures: slice
    rows: slice  # of answers
    down: int  # tiles
    across: int


def _parts(count: int, height: int, width: int, most: int) -> Iterator[_Part]:
    """All tiles of a batch in parts of about `most`: whole pictures, equally many in each part, or rows of one."""
    down, across = -(-height // _OUT), -(-width // _OUT)
    together = max(1, min(count, most // (down * across)))
    together = max(size for size in range(1, together + 1) if count % size == 0)
    rows = down if together > 1 else max(1, min(down, most // across))
    for picture in range(0, count, together):
        for row in range(0, down, rows):
            some = min(rows, down - row)
            yield _Part(
                slice(picture, min(count, picture + together)), slice(_OUT * row, _OUT * (row + some)), some, across
            )


def _framed(given: Tensor, part: _Part) -> Tensor:
    """What a part's tiles are computed from: its rows and one around them, with zeros where the picture ends."""
    some = given[part.pictures]
    count, height, width, inputs = some.shape
    framed = given.new_zeros(count, _OUT * part.down + 2, _OUT * part.across + 2, inputs)
    first, end = max(0, part.rows.start - 1), min(height, part.rows.stop + 1)
    top = first - (part.rows.start - 1)
    framed[:, top : top + end - first, 1 : width + 1] = some[:, first:end]
    return framed


def _square(rows: Sequence[Sequence[float]]) -> Tensor:
    """The Kronecker product of a matrix with itself: what is done to rows and to columns as one matrix product."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(matrix, matrix)
