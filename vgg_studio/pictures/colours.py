"""Every way that pixels are stored, turned into red, green and blue of 8 bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

_SIXTEEN_BITS = 65535.0
_MOST_PROFILE_BYTES = 4 << 20
_PROFILE_SPACES = {"RGB": b"RGB ", "CMYK": b"CMYK"}


def to_rgb(picture: Image.Image) -> Image.Image:
    """A decoded picture in mode RGB: depth scaled, palette looked up, transparency over white, colour profile applied."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _from_depth(picture)
    if picture.has_transparency_data:
        return _over_white(picture)
    if picture.mode in _PROFILE_SPACES:
        return _with_profile(picture)
    if picture.mode == "LAB":
        return _from_lab(picture)
    return _plain(picture)


def _plain(picture: Image.Image) -> Image.Image:
    """In RGB without regard to profiles. What is RGB already is no copy: 100 megapixels take 400 MB each time."""
    if picture.mode == "RGB":
        return picture._new(picture.im)  # noqa: SLF001 - a public way without a copy is not there
    return picture.convert("RGB")


def _from_depth(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits or of fractions, scaled by its depth.

    Pillow's own conversion cuts at 255 and turns nearly everything white. 16 bits are told by the mode; in the wider modes
    the depth is not kept, so the smallest of 1 (fractions only), 255, 65535 that holds the values is taken, else their range.
    """
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return _grey(values.astype(np.float32) * (255.0 / _SIXTEEN_BITS))
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(0.0, float(numbers.min())), float(numbers.max())
    steps = (1.0, 255.0, _SIXTEEN_BITS) if picture.mode == "F" else (255.0, _SIXTEEN_BITS)
    top = next((step for step in steps if low == 0.0 and high <= step), high)
    return _grey((numbers - low) * (255.0 / ((top - low) or 1.0)))


def _grey(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).convert("RGB")


def _over_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBa", "La"):
        picture = picture.convert("RGBA" if picture.mode == "RGBa" else "LA")
    layered = picture.convert("RGBA")
    alpha = layered.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return _with_profile(layered.convert("RGB"), picture.info.get("icc_profile"))
    white = Image.new("RGB", layered.size, "white")
    white.paste(layered, mask=alpha)
    return white


def _with_profile(picture: Image.Image, profile: bytes | None = None) -> Image.Image:
    """Pixels of CMYK and wide colour spaces in sRGB, by the picture's own profile where that is sound."""
    profile = profile or picture.info.get("icc_profile")
    if not isinstance(profile, bytes) or not _worth_it(profile, picture.mode):
        return _plain(picture)
    try:
        converted = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture.convert("RGB")
    return converted if converted is not None else picture.convert("RGB")


def _worth_it(profile: bytes, mode: str) -> bool:
    if len(profile) > _MOST_PROFILE_BYTES or profile[16:20] != _PROFILE_SPACES[mode] or profile[36:40] != b"acsp":
        return False
    return b"sRGB" not in profile and b"s\0R\0G\0B" not in profile  # what already is sRGB stays byte for byte


def _from_lab(picture: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("no conversion")
    return converted
