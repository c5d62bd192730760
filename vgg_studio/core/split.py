"""Which picture trains, which checks, which is kept for the final score: a pure function of the listing and a seed.

A picture's place depends on its own name, its class and the seed alone: each class is ordered by a hash of those and cut.
So the order of listing does not matter, and new pictures move few of the old ones.
"""

from __future__ import annotations

import csv
import hashlib
import io
from typing import Literal

import msgspec

from vgg_studio.core.data_jobs import HELD_BACK
from vgg_studio.core.errors import RunDamaged
from vgg_studio.core.events import LeftOut, Part, PictureRef

Layout = Literal["classes", "train_val_test", "train_test", "train_val"]

PARTS: tuple[Part, ...] = ("train", "val", "test")
_CUT: dict[Layout, tuple[Part, ...]] = {"classes": ("val", "test"), "train_test": ("val",)}
_HEADER = ("part", "label", "class", "path", "raw", "row")
_FORMULA = tuple("=+-@\t\r'")


class Item(msgspec.Struct, frozen=True):
    """A picture and the number of its class in the list of classes."""

    picture: PictureRef
    label: int


class Listing(msgspec.Struct, kw_only=True):
    """What a folder holds by names alone. With layout `classes` all items stand under `train`."""

    folder: str  # may hold surrogate escapes; `pictures.opening.shown` makes it text
    layout: Layout
    classes: list[str]
    items: dict[Part, list[Item]]
    ignored: int = 0
    suggestion: str = ""
    left_out: list[LeftOut] = []  # folders that may not be read


class Split(msgspec.Struct, kw_only=True):
    """The parts of a training. `val` or `test` is empty where the folder gives none and none may be cut."""

    classes: list[str]
    train: list[Item] = []
    val: list[Item] = []
    test: list[Item] = []

    def part(self, name: Part) -> list[Item]:
        """The items of one part."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


def make(listing: Listing, seed: int) -> Split:
    """Split a listing: given parts stay as they are, what is missing is cut from `train`, class by class.

    `classes` is cut 70 / 15 / 15, `train_test` gives 15 % of train to val, `train_val` has no test.
    """
    given: dict[Part, list[Item]] = {part: list(listing.items.get(part, ())) for part in PARTS}
    cut = _CUT.get(listing.layout, ())
    if cut:
        by_class: dict[int, list[Item]] = {}
        for item in given.pop("train"):
            by_class.setdefault(item.label, []).append(item)
        given["train"] = []
        for items in by_class.values():
            items.sort(key=lambda item: _rank(item, listing.classes[item.label], seed))
            held = shares(len(items), len(cut))
            for part, share in zip(cut, held, strict=True):
                given[part] += items[:share]
                del items[:share]
            given["train"] += items
    for items in given.values():
        items.sort(key=_key)
    return Split(classes=list(listing.classes), train=given["train"], val=given["val"], test=given["test"])


def shares(count: int, parts: int) -> tuple[int, ...]:
    """How many of a class's `count` pictures go to each of `parts` held-back parts: 15 % each, rounded, at least one.

    Training always keeps at least one: with too few for all, val comes before test (2 pictures: one trains, one checks).
    """
    share = max(1, (HELD_BACK * count + 50) // 100)
    spare = max(0, count - 1)
    return tuple(min(share, max(0, spare - share * before)) for before in range(parts))


def split_counts(listing: Listing, seed: int) -> dict[str, int]:
    """Pictures in each part of the split to come."""
    split = make(listing, seed)
    return {part: len(split.part(part)) for part in PARTS}


def to_csv(split: Split) -> bytes:
    """The file `split.csv`: a row a picture; a class without pictures is a row without part.

    A field that a spreadsheet would take for a formula gets an apostrophe in front, which `from_csv` takes away.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # both in it, so that a name with either is quoted
    writer.writerow(_HEADER)
    found = {item.label for part in PARTS for item in split.part(part)}
    for label, name in enumerate(split.classes):
        if label not in found:
            writer.writerow(("", label, _guarded(name), "", "", -1))
    for part in PARTS:
        for item in split.part(part):
            picture = item.picture
            name = split.classes[item.label]
            writer.writerow(
                (part, item.label, _guarded(name), _guarded(picture.path), _guarded(picture.raw), picture.row)
            )
    return text.getvalue().encode("utf-8")


def from_csv(data: bytes) -> Split:
    """Read `split.csv`. Raises RunDamaged."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
        if tuple(rows[0]) != _HEADER:
            raise ValueError("header")
        names: dict[int, str] = {}
        parts: dict[str, list[Item]] = {"": [], **{part: [] for part in PARTS}}
        for part, label, name, path, raw, row in rows[1:]:
            names[int(label)] = _unguarded(name)
            picture = PictureRef(path=_unguarded(path), raw=_unguarded(raw), row=int(row))
            parts[part].append(Item(picture, int(label)))
        classes = [names[label] for label in range(len(names))]
    except (ValueError, LookupError, csv.Error) as error:
        raise RunDamaged(path="split.csv", detail=str(error)) from error
    return Split(classes=classes, train=parts["train"], val=parts["val"], test=parts["test"])


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
