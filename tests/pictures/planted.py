"""A copy of a set of pictures with faults planted in it, and what of them a scan finds.

    python -m tests.pictures.planted DATA      # makes the copy in a temporary folder, scans it, prints the figures

Planted: broken files, exact and near copies (half of them in another part, half in another class), blurred and dark pictures.
Wrong labels and strangers are planted, too, for those who look for them with a network.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from tests.pictures import WEB_PAGE, noise
from vgg_studio.core.events import FindingsMade, PictureLeftOut
from vgg_studio.core.jobs import ScanJob, Stop
from vgg_studio.pictures.scan import scan

PARTS = {"train": 0.7, "val": 0.15, "test": 0.15}
COPIES = ("duplicate", "near_duplicate", "two_classes", "across_parts")


@dataclass
class Planted:
    """Paths below the copy's root; copies stand with the picture that they are copies of."""

    root: Path
    broken: set[str] = field(default_factory=set)
    exact: dict[str, str] = field(default_factory=dict)
    near: dict[str, str] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    blurred: set[str] = field(default_factory=set)
    dark: set[str] = field(default_factory=set)


@dataclass
class Figures:
    """How many of the planted faults of a kind were found, and how much else was taken for one."""

    planted: int
    found: int
    false_alarms: list[str]


def plant(source: Path, root: Path, each: int = 20, strangers: int = 10, limit: int = 0, seed: int = 0) -> Planted:
    """Copy `limit` pictures of each class (0: all) from `source` into parts below `root`, and plant `each` of every fault."""
    random = Random(seed)
    planted = Planted(root)
    names = [folder.name for folder in sorted(source.iterdir()) if folder.is_dir()]
    there = [path for name in names for path in _divided(source / name, root, limit, random)]
    random.shuffle(there)
    victims = iter(there)
    for number, (change, _) in zip(range(each), itertools.cycle(_BREAKING), strict=False):
        path = next(victims)
        path.write_bytes(change(path.read_bytes(), number))
        planted.broken.add(_name(root, path))
    for number in range(each):
        path = next(victims)
        twin = _across(path, f"exact-{number}.jpg", names, number)
        shutil.copyfile(path, twin)
        planted.exact[_name(root, twin)] = _name(root, path)
    for number, (copied, what) in zip(range(each), itertools.cycle(_NEAR), strict=False):
        path = next(victims)
        twin = _across(path, f"near-{what}-{number}.jpg", names, number)
        with Image.open(path) as picture:
            copied(picture.convert("RGB"), random).save(twin, quality=80)
        planted.near[_name(root, twin)] = _name(root, path)
    _plant_labels(planted, victims, names, each, strangers)
    _plant_spoiled(planted, victims, each)
    return planted


def _divided(folder: Path, root: Path, limit: int, random: Random) -> Iterator[Path]:
    files = sorted(folder.glob("*.jpg"))
    random.shuffle(files)
    files = files[: limit or len(files)]
    start = 0.0
    for part, share in PARTS.items():
        target = root / part / folder.name
        target.mkdir(parents=True)
        for file in files[round(start * len(files)) : round((start + share) * len(files))]:
            yield Path(shutil.copyfile(file, target / file.name))
        start += share


def _across(path: Path, name: str, names: list[str], number: int) -> Path:
    """By turns in another part and in another class of the same part."""
    part, label = path.parent.parent, path.parent.name
    if number % 2:
        return part / names[(names.index(label) + 1) % len(names)] / name
    others = [other for other in PARTS if other != part.name]
    return part.parent / others[number // 2 % len(others)] / label / name


def _plant_labels(planted: Planted, victims: Iterator[Path], names: list[str], each: int, strangers: int) -> None:
    for _ in range(each):
        path = next(victims)
        label = names[(names.index(path.parent.name) + 2) % len(names)]
        moved = path.rename(path.parent.parent / label / f"wrong-{path.name}")
        planted.wrong.add(_name(planted.root, moved))
    for number in range(strangers):
        path = next(victims).parent / f"stranger-{number}.png"
        noise(200, 150, seed=number).resize((400, 300)).save(path)
        planted.strangers.add(_name(planted.root, path))


def _plant_spoiled(planted: Planted, victims: Iterator[Path], each: int) -> None:
    for _ in range(each):
        blurred, dark = next(victims), next(victims)
        with Image.open(blurred) as picture:
            spoiled = picture.convert("RGB").filter(ImageFilter.GaussianBlur(0.015 * max(picture.size)))
        spoiled.save(blurred, quality=90)
        with Image.open(dark) as picture:
            night = ImageEnhance.Brightness(picture.convert("RGB")).enhance(0.15)
        night.save(dark, quality=90)
        planted.blurred.add(_name(planted.root, blurred))
        planted.dark.add(_name(planted.root, dark))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


_Breaking = tuple[Callable[[bytes, int], bytes], str]
_BREAKING: tuple[_Breaking, ...] = (
    (lambda data, number: data[: len(data) * (1 + number % 8) // 10], "cut off"),
    (lambda data, number: WEB_PAGE, "web page"),  # noqa: ARG005 - all have the same face
    (lambda data, number: b"", "empty"),  # noqa: ARG005
    (lambda data, number: b"%PDF-1.7\n" + data[:1000], "document"),  # noqa: ARG005
    (lambda data, number: b"\0" * len(data), "zeros"),  # noqa: ARG005
)


def _cut(picture: Image.Image, random: Random) -> Image.Image:
    """3 % of each side gone, at a random place."""
    width, height = picture.size
    left, top = random.uniform(0, 0.03 * width), random.uniform(0, 0.03 * height)
    return picture.crop((round(left), round(top), round(left + 0.97 * width), round(top + 0.97 * height)))


_NEAR: tuple[tuple[Callable[[Image.Image, Random], Image.Image], str], ...] = (
    (lambda picture, _: picture, "saved"),
    (lambda picture, _: picture.resize((picture.width // 2, picture.height // 2)), "half"),
    (_cut, "cut"),
    (lambda picture, _: ImageEnhance.Brightness(picture).enhance(1.2), "bright"),
    (lambda picture, _: ImageOps.mirror(picture), "mirrored"),
)


def judge(planted: Planted) -> dict[str, Figures]:
    """Scan the copy and compare with what was planted."""
    events = list(scan(ScanJob(data=str(planted.root)), Stop()))
    left_out = {event.picture.path for event in events if isinstance(event, PictureLeftOut)}
    findings = [finding for event in events if isinstance(event, FindingsMade) for finding in event.findings]
    groups = [{picture.path for picture in finding.pictures} for finding in findings if finding.kind in COPIES]
    figures = {"broken": _compared(planted.broken, left_out)}
    for kind, pairs in (("exact copies", planted.exact), ("near copies", planted.near)):
        found = sum(any({twin, first} <= group for group in groups) for twin, first in pairs.items())
        figures[kind] = Figures(len(pairs), found, [])
    copies = planted.exact | planted.near
    known = {*copies, *copies.values()}
    figures["near copies"].false_alarms = [str(sorted(group)) for group in groups if not group <= known]
    for kind, truth in (("blurry", planted.blurred), ("dark", planted.dark)):
        named = {picture.path for finding in findings if finding.kind == kind for picture in finding.pictures}
        figures[kind] = _compared(truth, named)
    return figures


def _compared(truth: set[str], named: set[str]) -> Figures:
    return Figures(len(truth), len(truth & named), sorted(named - truth))


def main(source: str) -> None:
    """Plant, scan, print."""
    with tempfile.TemporaryDirectory() as folder:
        figures = judge(plant(Path(source), Path(folder) / "planted"))
    for kind, row in figures.items():
        print(f"{kind:13} planted {row.planted:3}  found {row.found:3}  false alarms {len(row.false_alarms)}")
        for name in row.false_alarms:
            print(f"              {name}")


if __name__ == "__main__":
    main(sys.argv[1])
