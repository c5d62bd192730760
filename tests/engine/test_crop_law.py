"""Crops by the law of torchvision's RandomResizedCrop, and what "upside down" makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torchvision.transforms import RandomResizedCrop

from vgg_studio.engine.batches import cropped
from vgg_studio.pictures.varying import drawn_for

COUNT, SIDE = 4000, 1000
LEVELS = np.linspace(0.02, 0.98, 25)


@pytest.fixture(scope="module")
def theirs() -> npt.NDArray[np.float64]:
    torch.manual_seed(1)
    picture = torch.empty(1, SIDE, SIDE)
    drawn = [RandomResizedCrop.get_params(picture, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(COUNT)]
    return np.array([(left, top, width, height) for top, left, height, width in drawn]) / SIDE


def ours(kind: str = "crop", epoch: int = 1) -> npt.NDArray[np.float32]:
    boxes = drawn_for(kind, 5, epoch, np.arange(COUNT)).boxes
    assert boxes is not None
    return boxes


@pytest.mark.parametrize(
    "what",
    ["left", "top", "width", "height", "area", "ratio", "right"],
)
def test_that_crops_are_distributed_as_torchvisions(theirs: npt.NDArray[np.float64], what: str) -> None:
    def measured(boxes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        left, top, width, height = boxes.T
        every: dict[str, npt.NDArray[Any]] = {"left": left, "top": top, "width": width, "height": height}
        every |= {"area": width * height, "ratio": width / height, "right": left + width}
        return every[what]

    # Kolmogorov and Smirnov's distance of two samples of 4,000 of one law is below 0.05 in all but one of 10,000 cases.
    one, other = np.sort(measured(ours())), np.sort(measured(theirs))
    values = np.quantile(np.concatenate([one, other]), LEVELS)
    distance = np.abs(np.searchsorted(one, values) - np.searchsorted(other, values)).max() / COUNT
    assert distance < 0.05


def test_that_a_crop_stays_within_the_picture_and_within_its_bounds() -> None:
    left, top, width, height = ours().T.astype(np.float64)

    assert min(left.min(), top.min()) >= 0
    assert max((left + width).max(), (top + height).max()) <= 1 + 1e-6
    assert (width * height).min() >= 0.08 - 1e-6
    assert (width / height).min() >= 3 / 4 - 1e-5
    assert (width / height).max() <= 4 / 3 + 1e-5


def test_that_a_crop_depends_on_seed_round_and_picture_alone() -> None:
    some = drawn_for("crop", 5, 1, np.arange(100, 200)).boxes
    assert some is not None
    assert np.array_equal(ours()[100:200], some)
    assert not np.array_equal(ours(), ours(epoch=2))


def test_that_half_of_the_crops_are_shown_upside_down_and_hold_what_they_would_upright() -> None:
    turned, upright = ours("crop_upside_down"), ours()
    flipped = turned[:, 3] < 0
    assert 0.47 < flipped.mean() < 0.53
    assert np.array_equal(turned[~flipped], upright[~flipped])

    some = np.flatnonzero(flipped)[:6]
    pictures = torch.rand(6, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    shown = cropped(pictures, torch.from_numpy(turned[some]))
    wanted = cropped(pictures, torch.from_numpy(upright[some])).flip(2)
    assert torch.allclose(shown, wanted, atol=1e-5)
