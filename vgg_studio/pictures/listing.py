"""From a folder to classes and pictures, by names alone: nothing is opened, nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterable

from vgg_studio.core.data_sets import find
from vgg_studio.core.errors import (
    DataError,
    FolderEmpty,
    FolderFlat,
    FolderMissing,
    FolderUnreadable,
    OneClass,
    SplitImpossible,
    TooFewPictures,
)
from vgg_studio.core.events import ClassCount, Part, PictureRef
from vgg_studio.core.jobs import Stop
from vgg_studio.core.split import PARTS, Item, Listing
from vgg_studio.pictures import datasets, layout
from vgg_studio.pictures.files import refer, shown
from vgg_studio.pictures.located import folder_of
from vgg_studio.pictures.walking import Walk

LEAST = 2  # pictures that a class needs: one to learn from, one to check with
_NAMES_SHOWN = 5

_Found = dict[Part, dict[bytes, list[PictureRef]]]


def list_folder(path: str, stop: Stop | None = None) -> Listing:
    """The classes of a folder in the order of their names, with all pictures in and below them; how much was passed by.

    `path` may also be a data set's address or an archive (see `located`); a data set without picture files has rows.
    Raises FolderMissing, FolderUnreadable, FolderEmpty, FolderFlat and OneClass (both with `suggestion`, a folder above or below
    that fits better or "", among their values), SplitImpossible; `walking.Stopped` when `stop` asks.
    """
    path = folder_of(path, stop)
    if find(path):
        return datasets.listing(path)
    root = os.path.abspath(os.fsencode(path))
    walk = Walk(root, stop)
    _check_readable(walk)
    plan = layout.find(walk, root)
    inside = layout.inside(walk) if plan.parts == {"train": root} else ""  # before folders are walked and forgotten
    found = _pictures(walk, plan.parts)
    _check(walk, found, inside)
    names = sorted({name for classes in found.values() for name in classes}, key=shown)
    items: dict[Part, list[Item]] = {
        part: [
            Item(picture, label) for label, name in enumerate(names) for picture in found.get(part, {}).get(name, ())
        ]
        for part in PARTS
    }
    return Listing(
        folder=os.fsdecode(root),
        layout=plan.layout,
        classes=_distinct(names),
        items=items,
        ignored=walk.passed_by(),
        suggestion=inside or (layout.better(walk) if plan.layout == "classes" else ""),
        left_out=walk.left_out,
    )


def usable(listing: Listing, refused: set[PictureRef]) -> Listing:
    """The listing without refused pictures and without the classes that `too_small` names.

    Raises TooFewPictures when fewer than two classes are left.
    """
    items = _without(listing, refused)
    counts = class_counts(listing.classes, items)
    labels = [label for label, count in enumerate(counts) if _enough(count)]
    if len(labels) < 2:
        raise TooFewPictures(path=shown(os.fsencode(listing.folder)))
    new = {label: place for place, label in enumerate(labels)}
    return Listing(
        folder=listing.folder,
        layout=listing.layout,
        classes=[listing.classes[label] for label in labels],
        items={part: [Item(i.picture, new[i.label]) for i in found if i.label in new] for part, found in items.items()},
        ignored=listing.ignored,
        suggestion=listing.suggestion,
        left_out=listing.left_out,
    )


def too_small(listing: Listing, refused: set[PictureRef]) -> list[tuple[str, int]]:
    """The classes with fewer than two usable pictures, or none to learn from; each with how many it has."""
    counts = class_counts(listing.classes, _without(listing, refused))
    return [(count.name, total(count)) for count in counts if not _enough(count)]


def class_counts(classes: list[str], items: dict[Part, list[Item]]) -> list[ClassCount]:
    """How many pictures each class has in each part, in the order of the classes."""
    counts = {part: [0] * len(classes) for part in PARTS}
    for part, part_items in items.items():
        for item in part_items:
            counts[part][item.label] += 1
    rows = zip(classes, counts["train"], counts["val"], counts["test"], strict=True)
    return [ClassCount(name=name, train=train, val=val, test=test) for name, train, val, test in rows]


def total(count: ClassCount) -> int:
    """Pictures of a class in all parts."""
    return count.train + count.val + count.test


def _enough(count: ClassCount) -> bool:
    return total(count) >= LEAST and count.train > 0


def _without(listing: Listing, refused: set[PictureRef]) -> dict[Part, list[Item]]:
    return {part: [item for item in items if item.picture not in refused] for part, items in listing.items.items()}


def _check_readable(walk: Walk) -> None:
    try:
        walk.entries(walk.root)
    except PermissionError as error:
        raise FolderUnreadable(path=shown(walk.root)) from error
    except OSError as error:
        raise FolderMissing(path=shown(walk.root)) from error


def _pictures(walk: Walk, parts: dict[Part, bytes]) -> _Found:
    """The pictures of each class folder of each part. Real folders are claimed before links, so a link never takes theirs."""
    for folder in (walk.root, *parts.values()):
        walk.take(folder)
    folders = [(is_link, path, part) for part, above in parts.items() for path, is_link in walk.entries(above).folders]
    claimed = [(path, part, walk.take(path)) for _, path, part in sorted(folders)]
    found: _Found = {part: {} for part in parts}
    for path, part, ours in claimed:
        pictures = (refer(picture, walk.root) for picture in walk.pictures_below(path)) if ours else ()
        found[part][os.path.basename(path)] = sorted(pictures, key=lambda ref: (ref.path, ref.raw))
    return found


def _check(walk: Walk, found: _Found, inside: str) -> None:
    """Raise the error that fits what was found, if it cannot be learned from."""
    root = shown(walk.root)
    filled = {name for classes in found.values() for name, pictures in classes.items() if pictures}
    if not filled:
        raise _nothing(walk)
    if len(filled) == 1:
        raise OneClass(
            path=root, name=shown(filled.pop()), suggestion=shown(os.fsencode(inside or layout.better(walk)))
        )
    learned = {name for name, pictures in found["train"].items() if pictures}
    if strangers := sorted(filled - learned):
        raise SplitImpossible(path=root, names=", ".join(shown(name) for name in strangers[:_NAMES_SHOWN]))


def _nothing(walk: Walk) -> DataError:
    root = shown(walk.root)
    if not walk.entries(walk.root).pictures and not walk.passed_by() > walk.ignored:
        return FolderEmpty(path=root)
    return FolderFlat(path=root, suggestion=shown(os.fsencode(layout.better(walk))))


def _distinct(names: Iterable[bytes]) -> list[str]:
    """The names as text. Two that read alike because their bytes are no text get a number."""
    texts: dict[str, None] = {}
    for name in names:
        text, count = shown(name), 1
        while text in texts:
            count += 1
            text = f"{shown(name)} ({count})"
        texts[text] = None
    return list(texts)
