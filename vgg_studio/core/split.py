"""Which picture trains, which checks, which is kept for the final score: a pure function of the listing and a seed.

A picture's place depends on its own name, its class and the seed alone: each class is ordered by a hash of those and cut.
So the order of listing does not matter, and new pictures move few of the old ones. Pictures that are the same or nearly the
same (their group is known) stand in one part: who learned from one of them knows the others.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from typing import Literal

import msgspec

from vgg_studio.core.cutting import Unit, cut
from vgg_studio.core.data_jobs import HELD_BACK
from vgg_studio.core.errors import RunDamaged
from vgg_studio.core.events import LeftOut, Part, PictureRef

Layout = Literal["classes", "train_val_test", "train_test", "train_val"]

PARTS: tuple[Part, ...] = ("train", "val", "test")
# What is cut in a layout; other parts came with the folder.
CUT: dict[str, tuple[Part, ...]] = {"classes": ("val", "test"), "train_test": ("val",)}
_HEADER = ("part", "label", "class", "path", "raw", "row")
_GROUP = "group"  # a column more where some pictures belong together
_FORMULA = tuple("=+-@\t\r'")


class Item(msgspec.Struct, frozen=True):
    """A picture and the number of its class in the list of classes."""

    picture: PictureRef
    label: int


class Listing(msgspec.Struct, kw_only=True):
    """What a folder holds by names alone. With layout `classes` all items stand under `train`."""

    folder: str  # may hold surrogate escapes; `pictures.files.shown` makes it text
    layout: Layout
    classes: list[str]
    items: dict[Part, list[Item]]
    ignored: int = 0
    suggestion: str = ""
    left_out: list[LeftOut] = []  # folders that may not be read


class Split(msgspec.Struct, kw_only=True):
    """The parts of a training. `val` or `test` is empty where the folder gives none and none may be cut.

    In `groups` pictures that are the same or nearly the same share a number; those that are like no other are not in it.
    """

    classes: list[str]
    train: list[Item] = []
    val: list[Item] = []
    test: list[Item] = []
    groups: dict[PictureRef, int] = {}

    def part(self, name: Part) -> list[Item]:
        """The items of one part."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


def make(
    listing: Listing,
    seed: int,
    val_percent: int = HELD_BACK,
    test_percent: int = HELD_BACK,
    groups: Mapping[PictureRef, int] | None = None,
) -> Split:
    """Split a listing: given parts stay as they are, what is missing is cut from `train`, class by class.

    `classes` is cut into all three, `train_test` gives `val_percent` of train to val, `train_val` has no test. What shares a
    number in `groups` is cut as one piece. Without groups each class gets its share to the picture.
    """
    given: dict[Part, list[Item]] = {part: list(listing.items.get(part, ())) for part in PARTS}
    groups = groups or {}
    if parts := CUT.get(listing.layout, ()):
        percents = {"val": val_percent, "test": test_percent}
        items = given["train"]
        held = cut(_units(items, listing.classes, seed, groups), [percents[part] for part in parts])
        taken: set[int] = set()
        for part, units in zip(parts, held, strict=True):
            places = [place for unit in units for place in unit.places]
            given[part] += [items[place] for place in places]
            taken.update(places)
        given["train"] = [item for place, item in enumerate(items) if place not in taken]
    for items in given.values():
        items.sort(key=_key)
    there = {item.picture: groups[item.picture] for part in PARTS for item in given[part] if item.picture in groups}
    return Split(classes=list(listing.classes), **given, groups=there)


def _units(items: list[Item], classes: list[str], seed: int, groups: Mapping[PictureRef, int]) -> list[Unit]:
    """What is cut as one piece, each at the place of the first of its pictures: so a large group is not more often taken."""
    together: dict[int, list[int]] = {}
    alone: list[list[int]] = []
    for place, item in enumerate(items):
        if groups and (number := groups.get(item.picture)) is not None:
            together.setdefault(number, []).append(place)
        else:
            alone.append([place])
    units = []
    for places in (*alone, *together.values()):
        first = items[places[0]] if len(places) == 1 else min((items[place] for place in places), key=_key)
        sizes: dict[int, int] = {}
        for place in places:
            sizes[items[place].label] = sizes.get(items[place].label, 0) + 1
        units.append(Unit(_rank(first, classes[first.label], seed), places, sizes))
    return units


def split_counts(
    listing: Listing,
    seed: int,
    val_percent: int = HELD_BACK,
    test_percent: int = HELD_BACK,
    groups: Mapping[PictureRef, int] | None = None,
) -> dict[str, int]:
    """Pictures in each part of the split to come."""
    split = make(listing, seed, val_percent, test_percent, groups)
    return {part: len(split.part(part)) for part in PARTS}


def leaked(split: Split, part: Part) -> frozenset[PictureRef]:
    """The pictures of a part that took part in the training too, as the same picture or nearly the same.

    Those of train were learned from, those of val chose the best round: pictures of test should have done neither.
    """
    before = PARTS[: PARTS.index(part)]
    used = {split.groups.get(item.picture) for earlier in before for item in split.part(earlier)} - {None}
    return frozenset(item.picture for item in split.part(part) if split.groups.get(item.picture) in used)


def to_csv(split: Split) -> bytes:
    """The file `split.csv`: a row a picture; a class without pictures is a row without part.

    Where there are groups, a column more has their numbers (empty: like no other).
    A field that a spreadsheet would take for a formula gets an apostrophe in front, which `from_csv` takes away.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # both in it, so that a name with either is quoted
    grouped = bool(split.groups)
    writer.writerow((*_HEADER, _GROUP) if grouped else _HEADER)
    found = {item.label for part in PARTS for item in split.part(part)}
    for label, name in enumerate(split.classes):
        if label not in found:
            writer.writerow(("", label, _guarded(name), "", "", -1, *([""] if grouped else [])))
    for part in PARTS:
        for item in split.part(part):
            picture = item.picture
            names = _guarded(split.classes[item.label]), _guarded(picture.path), _guarded(picture.raw)
            group = [split.groups.get(picture, "")] if grouped else []
            writer.writerow((part, item.label, *names, picture.row, *group))
    return text.getvalue().encode("utf-8")


def from_csv(data: bytes) -> Split:
    """Read `split.csv`. Raises RunDamaged."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
        if tuple(rows[0]) not in (_HEADER, (*_HEADER, _GROUP)):
            raise ValueError("header")
        names: dict[int, str] = {}
        groups: dict[PictureRef, int] = {}
        parts: dict[str, list[Item]] = {"": [], **{part: [] for part in PARTS}}
        for fields in rows[1:]:
            part, label, name, path, raw, row, *group = fields
            if len(fields) != len(rows[0]):
                raise ValueError("columns")
            names[int(label)] = _unguarded(name)
            picture = PictureRef(path=_unguarded(path), raw=_unguarded(raw), row=int(row))
            parts[part].append(Item(picture, int(label)))
            if any(group):
                groups[picture] = int(group[0])
        classes = [names[label] for label in range(len(names))]
    except (ValueError, LookupError, csv.Error) as error:
        raise RunDamaged(path="split.csv", detail=str(error)) from error
    return Split(classes=classes, train=parts["train"], val=parts["val"], test=parts["test"], groups=groups)


def _key(item: Item) -> tuple[str, str, int, int]:
    return item.picture.path, item.picture.raw, item.picture.row, item.label


def _rank(item: Item, class_name: str, seed: int) -> tuple[bytes, tuple[str, str, int, int]]:
    picture = item.picture
    text = "\0".join((str(seed), class_name, picture.path, picture.raw, str(picture.row)))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), _key(item)


def _guarded(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def _unguarded(text: str) -> str:
    return text.removeprefix("'")
