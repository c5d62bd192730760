"""Pictures and folders of pictures for all tests, drawn when they are needed; good ones, and all kinds of bad ones."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

WEB_PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"


def make_folder(
    root: Path,
    classes: Iterable[str] | Mapping[str, int] = ("cat", "dog"),
    count: int = 6,
    size: int | tuple[int, int] = 40,
    seed: int = 0,
    suffix: str = ".png",
) -> Path:
    """A class folder for each name with `count` pictures (a mapping gives each its own), easy to tell apart.

    `size` is the side, or (width, height). The same arguments give the same bytes.
    """
    counts = dict(classes) if isinstance(classes, Mapping) else dict.fromkeys(classes, count)
    for label, (name, number) in enumerate(counts.items()):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(number):
            picture = class_picture(label, index, size, seed)
            picture.save(folder / f"{index:03}{suffix}", quality=95)  # what PNG makes nothing of
    return root


def make_parts(root: Path, counts: Mapping[str, Mapping[str, int]], size: int = 24) -> Path:
    """Parts that hold class folders, for example {"train": {"cat": 3, "dog": 3}, "test": {"cat": 1, "dog": 1}}."""
    for seed, (part, classes) in enumerate(counts.items()):
        make_folder(root / part, classes, size=size, seed=seed)
    return root


def class_picture(label: int, index: int, size: int | tuple[int, int] = 40, seed: int = 0) -> Image.Image:
    """A picture of class `label`: stripes whose direction and width are the class's, in any colours, with noise."""
    width, height = (size, size) if isinstance(size, int) else size
    random = np.random.default_rng((seed, label, index))
    rows, columns = np.mgrid[0:height, 0:width] / max(width, height)
    angle, waves = label * 0.7, 3 + 2 * (label // 4)
    phase = (columns * np.cos(angle) + rows * np.sin(angle)) * waves + random.random()
    stripes = (np.sin(phase * 2 * np.pi) > 0)[..., None]
    light, dark = random.integers(150, 256, 3), random.integers(0, 106, 3)
    pixels = np.where(stripes, light, dark) + random.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def noise(width: int = 64, height: int = 48, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A picture that compresses badly, so that every byte of its file counts."""
    data = np.random.default_rng(seed).bytes(width * height * len(Image.new(mode, (1, 1)).getbands()))
    return Image.frombytes(mode, (width, height), data)


def smooth(width: int = 64, height: int = 48) -> Image.Image:
    """A picture with a different colour in each corner: survives JPEG nearly unchanged, and shows how it was turned."""
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pixels = np.stack([columns * 255, rows * 255, (1 - columns) * (1 - rows) * 255], axis=-1)
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def scene(seed: int, side: int = 240) -> Image.Image:
    """Soft patches of all colours with some sharp things on them, 4:3; another scene for each seed, as photographs differ."""
    random = np.random.default_rng(seed)
    patches = Image.fromarray(random.integers(0, 256, (4, 5, 3), np.uint8))
    soft = patches.resize((320, 240), Image.Resampling.BICUBIC)
    for shade in ("white", "black", "yellow", "black", "white", "blue", "black", "white"):
        left, top = int(random.integers(0, 290)), int(random.integers(0, 200))
        soft.paste(shade, (left, top, left + 26, top + 34))
    return soft if side == 240 else soft.resize((side * 4 // 3, side), Image.Resampling.LANCZOS)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The picture as the bytes of a file of that kind."""
    if kind == "HEIF":  # Pillow itself writes none
        from pillow_heif import register_heif_opener

        register_heif_opener()
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def written(path: Path, data: bytes) -> Path:
    """Write a file, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def truncated(path: Path, kind: str = "JPEG", keep: float = 0.5) -> Path:
    """A picture's file that ends after `keep` of its bytes."""
    data = encoded(noise(), kind)
    return written(path, data[: int(len(data) * keep)])


def web_page(path: Path) -> Path:
    """A web page that was saved under a picture's name."""
    return written(path, WEB_PAGE)


def fifo(path: Path) -> Path:
    """A named pipe that nobody writes to: whoever opens it like a file waits for ever."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


def pixels(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """The picture's pixels as an array (height, width, channels)."""
    return np.asarray(picture)


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every file and folder below `root` with its size and dates, to show that nothing was written."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(root))] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def shuffled(items: Iterable[Any], seed: int) -> list[Any]:
    """The items in another order."""
    mixed = list(items)
    Random(seed).shuffle(mixed)
    return mixed
