"""The one evaluation transform: what it cuts, what it keeps, which channels it gives."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.pictures import noise, pixels, smooth
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.pictures.resizing import to_array


@pytest.mark.parametrize("resize", ["square", "crop"])
@pytest.mark.parametrize("size", [(1, 1), (500, 30), (30, 500), (64, 64), (63, 200)])
def test_that_every_picture_becomes_a_square_of_bytes(resize: str, size: tuple[int, int]) -> None:
    array = to_array(noise(*size), Preprocessing(image_size=48, resize=resize))
    assert array.shape == (48, 48, 3)
    assert array.dtype == np.uint8


def test_that_a_square_keeps_all_corners_of_the_picture() -> None:
    array = to_array(smooth(300, 100), Preprocessing(image_size=32)).astype(int)
    corners = [array[0, 0], array[0, -1], array[-1, 0], array[-1, -1]]
    assert np.abs(np.array(corners) - [[0, 0, 255], [255, 0, 0], [0, 255, 0], [255, 255, 0]]).max() < 12


def test_that_crop_keeps_the_middle_and_the_aspect() -> None:
    picture = Image.new("RGB", (300, 100), "red")
    picture.paste("blue", (100, 0, 200, 100))
    array = to_array(picture, Preprocessing(image_size=50, resize="crop", resize_side=50))
    assert array[:, 2:-2].reshape(-1, 3).tolist() == [[0, 0, 255]] * (50 * 46)


def test_that_crop_is_torchvisions_to_the_byte() -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    theirs = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    for size in [(500, 375), (375, 500), (301, 299), (640, 427), (427, 640), (256, 256)]:
        picture = smooth(*size)
        ours = to_array(picture, Preprocessing(image_size=224, resize="crop"))
        assert np.array_equal(ours, pixels(theirs(picture))), size


def test_that_crop_of_a_very_long_picture_stays_small_and_keeps_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def noted(self: Image.Image, size: tuple[int, int], resample: int) -> Image.Image:
        sizes.append(size)
        return resize(self, size, resample)

    monkeypatch.setattr(Image.Image, "resize", noted)
    picture = Image.new("RGB", (100_000, 2), "red")
    picture.paste("blue", (49_990, 0, 50_010, 2))
    array = to_array(picture, Preprocessing(image_size=32, resize="crop"))
    assert array.reshape(-1, 3).tolist() == [[0, 0, 255]] * (32 * 32)
    assert max(map(max, sizes)) < 1000


def test_that_scaling_down_averages_instead_of_picking() -> None:
    checks = Image.fromarray((np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)).convert("RGB")
    array = to_array(checks, Preprocessing(image_size=32))
    assert np.abs(array.astype(int) - 127).max() <= 2


def test_that_channels_are_grey_saturation_colours_and_grey_beside_colours() -> None:
    picture = Image.new("RGB", (8, 8), (200, 100, 100))
    of = {
        count: to_array(picture, Preprocessing(image_size=4, channels=count))[0, 0].tolist() for count in (1, 2, 3, 4)
    }
    assert of == {1: [130], 2: [130, 127], 3: [200, 100, 100], 4: [200, 100, 100, 130]}


def test_that_the_picture_itself_is_not_changed() -> None:
    picture = noise()
    to_array(picture, Preprocessing(image_size=16, resize="crop"))
    assert np.array_equal(pixels(picture), pixels(noise()))
