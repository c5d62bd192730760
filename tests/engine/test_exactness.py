from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vgg_studio.engine.exactness import difference, error


def test_that_differences_are_relative_to_the_size_of_what_is_wanted() -> None:
    wanted = torch.tensor([3.0, 4.0])
    assert difference(wanted, wanted) == 0
    assert difference(torch.tensor([3.0, 5.0]), wanted) == pytest.approx(0.2)
    assert difference(torch.tensor([3.0, float("nan")]), wanted) == float("inf")
    assert difference(torch.zeros(3), wanted) == float("inf")


def test_that_the_error_is_taken_on_a_picture_of_the_networks_own_shape() -> None:
    layers = [nn.ReLU(inplace=True), nn.Conv2d(1, 2, kernel_size=3)]
    seen: list[Tensor] = []

    def slightly_off(pictures: Tensor) -> Tensor:
        seen.append(pictures.clone())
        wanted: Tensor = nn.Sequential(*layers)(pictures)
        return wanted * 1.01

    assert error(slightly_off, layers, 1, 8) == pytest.approx(0.01, rel=1e-3)
    assert seen[0].shape == (1, 1, 8, 8)
    assert seen[0].min() < 0  # the layers before have not changed it
