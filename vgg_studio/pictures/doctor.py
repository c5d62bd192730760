"""The doctor: what is doubtful in a set of pictures that can all be used, from names and from what one look at each saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from vgg_studio.core.data_events import Finding, FindingKind, Seen
from vgg_studio.core.errors import PictureRefused
from vgg_studio.core.events import ClassCount, Part, PictureRef
from vgg_studio.core.split import PARTS, Item, Listing
from vgg_studio.pictures import compared, copies, likeness, looks, name_findings
from vgg_studio.pictures.copies import Copies, Looked, Progress
from vgg_studio.pictures.files import locate
from vgg_studio.pictures.known import Known
from vgg_studio.pictures.listing import class_counts, total

FEW = 20  # pictures of a class below which a network hardly learns it
UNEVEN = 3.0  # times as many pictures in the largest class as in the smallest
_USUAL, _LEAST_FOR_USUAL = (
    0.5,
    20,
)  # what is found of more than this share of so many pictures is how they are meant to be
_A_FINDING = 500  # pictures in one
_STAYS: dict[Part, int] = {"test": 0, "val": 1, "train": 2}  # of two parts the one that scores keeps its picture
_EVERY = 256  # pictures between two signs of progress

_LOOKS: dict[FindingKind, Callable[[Seen], bool]] = {
    "dark": looks.is_dark,
    "one_colour": looks.is_one_colour,
    "blurry": looks.is_blurry,
}
_VALUES: dict[FindingKind, str] = {"one_colour": "contrast", "dark": "brightness", "blurry": "sharpness"}
_MEANT = ("dark", "blurry")  # may be how a whole set is meant

_Kind = TypeVar("_Kind")


class Examined(NamedTuple):
    """What was found, and the numbers that pictures share which are the same or nearly so."""

    findings: list[Finding]
    groups: dict[PictureRef, int]


def examine(
    listing: Listing, known: Known, refused: Collection[PictureRef] = ()
) -> Generator[Progress, None, Examined]:
    """Yield progress; return what was found, kind by kind. `refused` are the pictures that cannot be used."""
    looked = yield from _looked(listing, known, refused)
    found = yield from copies.find(looked, partial(_grey, listing.folder, known), compared.in_cache())
    findings = [finding for group in found for finding in _of_copies(group, looked, listing)]
    findings += _of_looks(looked, listing)
    findings += _of_counts(listing, refused)
    findings += yield from name_findings.of_names(listing, refused)
    return Examined(findings, _numbered(found, looked))


def groups(listing: Listing, known: Known) -> dict[PictureRef, int]:
    """Numbers that pictures share which are the same or nearly so; pictures that are like no other are not in it.

    Pictures that nobody has looked at yet count as the same only where their bytes are.
    """
    return _result(grouping(listing, known))


def grouping(listing: Listing, known: Known) -> Generator[Progress, None, dict[PictureRef, int]]:
    """The same step by step: yield progress, return the numbers."""
    looked = yield from _looked(listing, known, ())
    found = yield from copies.find(looked, partial(_grey, listing.folder, known), compared.in_cache())
    return _numbered(found, looked)


def _numbered(found: Sequence[Copies], looked: Sequence[Looked]) -> dict[PictureRef, int]:
    return {looked[place].item.picture: number for number, group in enumerate(found) for place in group.places}


def _result(work: Generator[Progress, None, _Kind]) -> _Kind:
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: _Kind = end.value
            return result


def _looked(listing: Listing, known: Known, refused: Collection[PictureRef]) -> Generator[Progress, None, list[Looked]]:
    """What is known of each picture that can be read."""
    entries = [(item, part) for part in PARTS for item in listing.items[part] if item.picture not in refused]
    looked: list[Looked] = []
    for done, (item, part) in enumerate(entries, 1):
        try:
            digest = known.digest_of(item.picture, listing.folder)
            seen = known.seen(locate(item.picture, listing.folder)) if item.picture.row < 0 else None
            looked.append(Looked(item, part, digest, seen))
        except PictureRefused:  # gone since it was read
            continue
        finally:
            if done % _EVERY == 0:
                yield Progress(done, len(entries))
    return looked


def _grey(folder: str, known: Known, item: Item) -> npt.NDArray[np.uint8]:
    """The small grey copy of a picture that likeness.py compares. Raises PictureRefused."""
    small = Image.fromarray(known.guard.small(locate(item.picture, folder), 2 * likeness.SIDE))
    return np.asarray(small.convert("L").resize((likeness.SIDE, likeness.SIDE), Image.Resampling.BOX))


def _of_copies(group: Copies, looked: Sequence[Looked], listing: Listing) -> Iterator[Finding]:
    """One finding for a group in several classes or parts; else one for each content, and one for contents that are near."""
    members = _staying_first([looked[place] for place in group.places])
    labels, parts = {one.item.label for one in members}, {one.part for one in members}
    if len(labels) > 1 or len(parts) > 1:
        yield from _copies("two_classes" if len(labels) > 1 else "across_parts", members, group.mirrored, listing)
        return
    by_digest: dict[bytes, list[Looked]] = {}
    for one in members:
        by_digest.setdefault(one.digest, []).append(one)
    for same in by_digest.values():
        if len(same) > 1:
            yield from _copies("duplicate", same, False, listing)
    if len(by_digest) > 1:
        yield from _copies("near_duplicate", [same[0] for same in by_digest.values()], group.mirrored, listing)


def _copies(kind: FindingKind, members: list[Looked], mirrored: bool, listing: Listing) -> Iterator[Finding]:
    exact = len({one.digest for one in members}) == 1
    first, others = members[0], members[1:]
    for start in range(0, len(others), _A_FINDING):
        some = [first, *others[start : start + _A_FINDING]]
        yield Finding(
            kind=kind,
            pictures=[one.item.picture for one in some],
            classes=[listing.classes[one.item.label] for one in some],
            parts=[one.part for one in some],
            values={"exact": int(exact), "mirrored": int(mirrored)},
        )


def _staying_first(members: list[Looked]) -> list[Looked]:
    """The order in which copies would stay: in the class that most of them have, in the part that scores, with most pixels."""
    usual = Counter(one.item.label for one in members)

    def rank(one: Looked) -> tuple[int, int, int, str, str]:
        pixels = one.seen.width * one.seen.height if one.seen else 0
        return -usual[one.item.label], _STAYS[one.part], -pixels, one.item.picture.path, one.item.picture.raw

    return sorted(members, key=rank)


def _of_looks(looked: Sequence[Looked], listing: Listing) -> Iterator[Finding]:
    """Of a picture only the first that holds: what is dark has few shades and no sharp edges, too."""
    doubtful: dict[FindingKind, list[tuple[Looked, Seen]]] = {kind: [] for kind in _LOOKS}
    for one in looked:
        if one.seen is None:
            continue
        if one.seen.frames > 1:
            yield _of_one("first_frame", one, listing, {"frames": one.seen.frames, "kind": one.seen.kind})
        if kind := next((kind for kind, shows in _LOOKS.items() if shows(one.seen)), None):
            doubtful[kind].append((one, one.seen))
    for kind, found in doubtful.items():
        if kind in _MEANT and len(looked) >= _LEAST_FOR_USUAL and len(found) > _USUAL * len(looked):
            continue
        for one, seen in found:
            yield _of_one(kind, one, listing, {_VALUES[kind]: round(getattr(seen, _VALUES[kind]), 4)})


def _of_one(kind: FindingKind, one: Looked, listing: Listing, values: dict[str, str | int | float]) -> Finding:
    name = listing.classes[one.item.label]
    return Finding(kind=kind, pictures=[one.item.picture], classes=[name], parts=[one.part], values=values)


def _of_counts(listing: Listing, refused: Collection[PictureRef]) -> Iterator[Finding]:
    """Classes that are very small, and sets whose classes are of very different size, by what there is to learn from."""
    items = {part: [item for item in found if item.picture not in refused] for part, found in listing.items.items()}
    counts = [count for count in class_counts(listing.classes, items) if count.train and total(count) > 1]
    for count in counts:
        if count.train < FEW:
            yield Finding(kind="tiny_class", classes=[count.name], values={"count": count.train})
    if len(counts) > 1:
        smallest, largest = min(counts, key=_learned), max(counts, key=_learned)
        factor = largest.train / smallest.train
        if factor >= UNEVEN:
            names, sizes = [largest.name, smallest.name], {"largest": largest.train, "smallest": smallest.train}
            yield Finding(kind="imbalance", classes=names, values={"factor": round(factor, 1), **sizes})


def _learned(count: ClassCount) -> int:
    return count.train
