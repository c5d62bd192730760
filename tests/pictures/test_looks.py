"""One look at a picture: what its numbers say, and what they leave alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.pictures import class_picture, encoded, noise, written
from vgg_studio.core.data_events import Seen
from vgg_studio.pictures.looks import is_blurry, is_dark, is_one_colour, look_at
from vgg_studio.pictures.opening import open_picture


def _bits_apart(one: Seen, other: Seen) -> int:
    return (one.hash ^ other.hash).bit_count()


def _saved(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, "JPEG", quality=quality))).convert("RGB")


def _darkened(picture: Image.Image, to: float) -> Image.Image:
    return picture.point([round(value * to) for value in range(256)] * 3)


def _photo(seed: int = 0) -> Image.Image:
    """Large soft patches with sharp borders: has both low frequencies and edges."""
    random = np.random.default_rng(seed)
    patches = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize((640, 480), Image.Resampling.BICUBIC)
    patches.paste(class_picture(seed, 0, (200, 160)), (60 * seed % 400, 90))
    return patches


def test_that_a_picture_scaled_and_saved_again_keeps_its_fingerprint_and_another_has_its_own() -> None:
    first = look_at(_photo(0))
    assert _bits_apart(first, look_at(_saved(_photo(0).resize((400, 300)), 60))) <= 6
    assert all(_bits_apart(first, look_at(_photo(seed))) > 12 for seed in range(1, 6))
    assert 0 <= first.hash < 1 << 64


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_that_blur_is_measured_by_the_pictures_size_and_not_by_its_pixels(scale: int) -> None:
    sharp = _photo().resize((320 * scale, 240 * scale), Image.Resampling.BICUBIC)
    assert not is_blurry(look_at(sharp))
    assert is_blurry(look_at(sharp.filter(ImageFilter.GaussianBlur(0.02 * sharp.width))))


def test_that_a_dark_picture_is_called_dark_and_not_blurry() -> None:
    dark = look_at(_darkened(_photo(), 0.12))
    assert (is_dark(dark), is_blurry(dark), is_one_colour(dark)) == (True, False, False)
    assert not is_dark(look_at(_photo()))


def test_that_a_dark_picture_with_a_light_in_it_is_not_called_dark() -> None:
    night = _darkened(_photo(), 0.05)
    night.paste("white", (0, 0, 160, 160))
    assert not is_dark(look_at(night))


@pytest.mark.parametrize("grain", [0, 4])
def test_that_a_picture_of_one_colour_is_called_so_and_not_blurry(grain: int) -> None:
    values = np.random.default_rng(0).normal((150, 120, 90), grain, (300, 400, 3))
    seen = look_at(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)))
    assert (is_one_colour(seen), is_blurry(seen), is_dark(seen)) == (True, False, False)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (2, 2), (5000, 50)])
def test_that_any_shape_can_be_looked_at(size: tuple[int, int]) -> None:
    seen = look_at(noise(*size))
    assert (seen.width, seen.height) == size
    assert all(0 <= value <= 1 for value in (seen.sharpness, seen.brightness, seen.contrast))


@pytest.mark.real
def test_that_real_photographs_rarely_raise_an_alarm_and_spoiled_ones_do(real_data: Path, tmp_path: Path) -> None:
    files = sorted((real_data / "data" / "flowers").glob("*/*.jpg"))[::10]
    photos = [open_picture(file, at_least=128) for file in files]
    seen = [look_at(photo) for photo in photos]
    alarms = [one for one in seen if is_blurry(one) or is_dark(one) or is_one_colour(one)]
    blurred = [look_at(photo.filter(ImageFilter.GaussianBlur(0.01 * max(photo.size)))) for photo in photos]
    darkened = [look_at(_darkened(photo, 0.2)) for photo in photos]
    assert len(alarms) <= 0.01 * len(seen)
    assert sum(map(is_blurry, blurred)) >= 0.95 * len(blurred)
    assert sum(map(is_dark, darkened)) >= 0.9 * len(darkened)


def test_that_a_fingerprint_is_the_same_on_every_machine(tmp_path: Path) -> None:
    picture = open_picture(written(tmp_path / "x.png", encoded(class_picture(1, 1, 64))))
    assert f"{look_at(picture).hash:016x}" == "adf8adf852075207"
