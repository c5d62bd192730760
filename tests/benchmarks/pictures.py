"""Folders of pictures for the measurements: copies of real ones where there are any, else the drawn samples.

More pictures than there are become crops with other contents, so that no cache can take one for another.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from PIL import Image

from vgg_studio.core.jobs import DrawSamplesJob, Stop
from vgg_studio.pictures.demo import draw_samples

ROOT = Path(__file__).resolve().parents[2]
CLASSES = 5
LARGE = (4000, 3000)  # pixels of a photo from a telephone


def real_data() -> Path:
    """The folder with real pictures and weights, which may not be there."""
    return Path(os.environ.get("VGG_STUDIO_REAL_DATA") or ROOT.parent / "shared")


def weights() -> str:
    """The convolutions of VGG-16, or nothing: speed is the same."""
    file = real_data() / "weights" / "vgg16_features.pth"
    return str(file) if file.exists() else ""


class Pictures:
    """A stock of source pictures by class, from which each folder takes its own, none twice."""

    def __init__(self, work: Path, count: int = 0) -> None:
        """`work` is for what must be drawn; `count` limits how many sources are used (0: all)."""
        flowers = real_data() / "data" / "flowers"
        self.kind = "photos of flowers" if flowers.is_dir() else "drawn samples"
        self._work = work
        self._sources = _by_class(flowers if flowers.is_dir() else _drawn(work / "samples"))
        self._stock = _endless(self._sources, count)

    def folder(self, name: str, train: int, val: int, side: int = 0) -> Path:
        """A folder train/<class>/, val/<class>/ of new pictures, `side` px square where asked for."""
        place = self._work / name
        for part, count in (("train", train), ("val", val)):
            for number, (label, source, turn) in enumerate(islice(self._stock, count)):
                target = place / part / label / f"{number:05}.jpg"
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(source, target, turn, side)
        return place

    def large(self, name: str, count: int) -> Path:
        """A folder train/<class>/ of photos of twelve million pixels."""
        place = self._work / name
        for number, (label, source, _) in enumerate(islice(self._stock, count)):
            target = place / "train" / label / f"{number:05}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(source) as picture:
                picture.convert("RGB").resize(LARGE).save(target, quality=90)
        return place


def _drawn(place: Path) -> Path:
    for _ in draw_samples(DrawSamplesJob(folder=str(place)), Stop()):
        pass
    return place


def _by_class(root: Path) -> dict[str, list[Path]]:
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())[:CLASSES]
    return {name: sorted(file for file in (root / name).rglob("*") if file.is_file()) for name in names}


def _endless(sources: dict[str, list[Path]], count: int) -> Iterator[tuple[str, Path, int]]:
    """(class, file, turn), the classes in turn; turn 0 is the picture itself, each later one another crop of it."""
    turn = 0
    most = max(len(files) for files in sources.values())
    limit = count // len(sources) if count else most
    while True:
        for place in range(min(most, limit)):
            for label, files in sources.items():
                yield label, files[place % len(files)], turn
        turn += 1


def _write(source: Path, target: Path, turn: int, side: int) -> None:
    if turn == 0 and not side and source.suffix.lower() in (".jpg", ".jpeg"):
        shutil.copyfile(source, target)
        return
    with Image.open(source) as picture:
        colour = picture.convert("RGB")
        wide, high = colour.size
        edge = min(wide, high)
        keep = int(edge * (0.98 - 0.02 * (turn % 20)))
        left, top = (wide - keep) * (turn % 3) // 2, (high - keep) * (turn // 3 % 3) // 2
        crop = colour.crop((left, top, left + keep, top + keep))
        (crop.resize((side, side)) if side else crop).save(target, quality=92 - turn % 5)
