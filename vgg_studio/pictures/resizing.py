"""The one evaluation transform: the same for validation, test and prediction, and the first half of training's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from vgg_studio.core.preprocessing import Preprocessing

_LONGEST = 8  # beyond this ratio of sides the ends are cut before `crop` scales: they would be cut anyway


def to_array(picture: Image.Image, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """The RGB picture as an array (side, side, channels) of bytes, scaled with an antialiased bilinear filter.

    1 channel is grey (ITU-R 601 luma), 2 are grey and saturation (HSV), 3 are red, green, blue, 4 add grey to those.
    """
    return with_channels(scaled(picture, preprocessing), preprocessing.channels)


def scaled(picture: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The picture as a square of `image_size` px, by `square` or `crop` (torchvision's Resize and CenterCrop)."""
    side = preprocessing.image_size
    if preprocessing.resize == "square":
        return picture.resize((side, side), Image.Resampling.BILINEAR)
    picture = _without_far_ends(picture)
    width, height = picture.size
    short = preprocessing.shorter_side
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    return picture.crop((left, top, left + side, top + side))


def many_to_arrays(pictures: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """Square pictures of one size, (N, side, side, 1 or 3), as `to_array` would give each: a new array (N, side, side, channels).

    All of them go through the filter as one tall picture, first across, then down: what Pillow does to each, to the byte.
    """
    side = preprocessing.image_size if preprocessing.resize == "square" else preprocessing.shorter_side
    across = _stretched(pictures, side)
    both = _stretched(across.transpose(0, 2, 1, 3), side).transpose(0, 2, 1, 3)
    first = round((side - preprocessing.image_size) / 2)
    square = both[:, first : first + preprocessing.image_size, first : first + preprocessing.image_size]
    if square.shape[3] == preprocessing.channels:
        return np.array(square, order="C")
    tall = with_channels(_tall(square).convert("RGB"), preprocessing.channels)
    return np.array(tall).reshape(*square.shape[:3], preprocessing.channels)


def _stretched(pictures: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    """Pictures (N, height, any width, channels) with another width: no row knows of the next one."""
    if pictures.shape[2] == width:
        return pictures
    tall = _tall(pictures)
    scaled_tall = np.asarray(tall.resize((width, tall.height), Image.Resampling.BILINEAR))
    return scaled_tall.reshape(len(pictures), -1, width, pictures.shape[3])


def _tall(pictures: npt.NDArray[np.uint8]) -> Image.Image:
    """Pictures (N, height, width, 1 or 3), one below the other."""
    _, _, width, channels = pictures.shape
    rows = np.ascontiguousarray(pictures).reshape(-1, width, channels)
    return Image.fromarray(rows[..., 0] if channels == 1 else rows)


def with_channels(picture: Image.Image, channels: int) -> npt.NDArray[np.uint8]:
    """The RGB picture as an array (height, width, channels); see `to_array` for what the channels are."""
    if channels == 3:
        return np.asarray(picture)
    grey = np.asarray(picture.convert("L"))[..., None]
    if channels == 1:
        return grey
    if channels == 2:
        return np.concatenate([grey, np.asarray(picture.convert("HSV"))[..., 1:2]], axis=2)
    return np.concatenate([np.asarray(picture), grey], axis=2)


def _without_far_ends(picture: Image.Image) -> Image.Image:
    # A picture of 100,000 x 2 px would else be scaled to 12,800,000 x 256.
    width, height = picture.size
    longest = _LONGEST * min(width, height)
    if max(width, height) <= longest:
        return picture
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return picture.crop((left, top, left + min(width, longest), top + min(height, longest)))
