"""Damaged pictures: cut off at any byte, changed at any byte. Each is used whole or refused; nothing else may happen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.pictures import encoded, noise, pixels, smooth, written
from vgg_studio.core.errors import REASONS, PictureRefused
from vgg_studio.pictures.opening import open_picture

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {"quality": 90}),
    "progressive JPEG": ("JPEG", {"progressive": True}),
    "PNG": ("PNG", {}),
    "WEBP": ("WEBP", {"quality": 80}),
    "lossless WEBP": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
    "TIFF": ("TIFF", {}),
    "packed TIFF": ("TIFF", {"compression": "tiff_lzw"}),
    "BMP": ("BMP", {}),
    "PPM": ("PPM", {}),
    "AVIF": ("AVIF", {}),
    "HEIC": ("HEIF", {}),
}


@pytest.mark.parametrize(("kind", "options"), KINDS.values(), ids=KINDS.keys())
def test_that_a_picture_cut_off_at_any_byte_is_refused_or_still_whole(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    data = encoded(noise(24, 18), kind, **options)
    path = written(tmp_path / "x.jpg", data)
    whole = pixels(open_picture(path))
    reasons: Counter[str] = Counter()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        try:
            assert np.array_equal(pixels(open_picture(path)), whole), length
        except PictureRefused as refusal:
            reasons[refusal.reason] += 1
    assert reasons["empty"] == 1
    assert set(reasons) <= {"empty", "cut_off", "damaged", "not_a_picture", "kind_not_allowed"}
    assert reasons["cut_off"] > 0.9 * len(range(0, len(data), 5))


@pytest.mark.parametrize("at_least", [0, 16])
def test_that_half_a_photo_is_refused_at_any_size(tmp_path: Path, at_least: int) -> None:
    data = encoded(smooth(640, 480), "JPEG", quality=95)
    path = written(tmp_path / "x.jpg", data[: len(data) // 2])
    with pytest.raises(PictureRefused) as refusal:
        open_picture(path, at_least=at_least)
    assert refusal.value.reason == "cut_off"


@pytest.mark.parametrize(("kind", "options"), KINDS.values(), ids=KINDS.keys())
def test_that_a_picture_with_changed_bytes_is_used_or_refused_and_nothing_else(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    random = Random(f"{kind} {options}")
    good = encoded(noise(20, 16), kind, **options)
    path = tmp_path / "x.jpg"
    seen = set()
    for _ in range(150):
        data = bytearray(good)
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            place = random.randrange(random.choice((64, len(data))))
            data[place] = random.choice((0, 255, random.randrange(256), data[place] ^ 1 << random.randrange(8)))
        path.write_bytes(data)
        try:
            opened = open_picture(path, at_least=random.choice((0, 8)))
            assert opened.mode == "RGB"
            seen.add("used")
        except PictureRefused as refusal:
            seen.add(refusal.reason)
    assert "used" in seen
    assert {"used"} < seen <= {"used", *REASONS}
