"""How fast this machine decodes JPEGs, measured on pictures that exist in memory alone."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 640, 480
_QUALITY = 90  # with the grain below 2.5 bits a pixel, as photographs have


def decode_speed(threads: int, seconds: float = 0.3) -> float:
    """Pixels of JPEG decoded in a second by all threads together, measured for about so many seconds."""
    data = _photograph()
    with ThreadPoolExecutor(threads, thread_name_prefix="decoding") as pool:
        began = time.perf_counter()
        counts = list(pool.map(lambda _: _decode_until(data, began + seconds), range(threads)))
        taken = time.perf_counter() - began
    return sum(counts) * WIDTH * HEIGHT / taken


def _decode_until(data: bytes, end: float) -> int:
    count = 0
    while count == 0 or time.perf_counter() < end:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            picture.load()
        count += 1
    return count


def _photograph() -> bytes:
    """A JPEG with slopes, edges and grain, the same each time."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    slopes = 120 + 60 * np.sin(rows / 37) * np.cos(columns / 53) + 40 * ((rows // 60 + columns // 80) % 2)
    grain = np.random.default_rng(0).normal(0, 8, (HEIGHT, WIDTH, 3))
    pixels = np.clip(slopes[..., None] + grain, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
