"""What a person has put right in a set of pictures, kept by the program and never in the set itself: left out, other class, undo.

One small JSON file for each folder, named by a digest of its real path. The folder where these files lie is the caller's
to name (`paths.corrections_folder`). A file that is damaged or about another folder counts as none, and is kept as a backup.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from vgg_studio.core import writing
from vgg_studio.core.errors import from_os_error
from vgg_studio.core.facts import LeftOut, PictureRef, Record, picture_ref
from vgg_studio.core.split import PARTS, Item, Listing, Split

FORMAT = 1
BY_HAND = "by_hand"  # the reason of what a person has left out
BACKUP = ".backup"
_LARGEST = 256 << 20  # bytes: far more than all pictures of the largest set that can be listed

What = Literal["leave_out", "move", "take_back"]


class Step(Record, frozen=True, kw_only=True):
    """One thing that a person did: to these pictures, at once. `to` is the class that they were put into."""

    what: What
    pictures: list[PictureRef]
    to: str = ""


class Corrections(Record, frozen=True, kw_only=True):
    """What was done to one folder, oldest first; `undone` is what can be done again, the last undone last."""

    folder: str  # the real path, as text to show
    steps: list[Step] = []
    undone: list[Step] = []
    class_weights: bool = False  # the next training counts every class the same
    format: int = FORMAT

    def standing(self) -> dict[PictureRef, str]:
        """How each picture stands that was touched: the class that it was put into, "" where it is left out."""
        found: dict[PictureRef, str] = {}
        for step in self.steps:
            for picture in step.pictures:
                found.pop(picture, None)
                if step.what != "take_back":
                    found[picture] = step.to if step.what == "move" else ""
        return found

    def digest(self) -> str:
        """The same for the same state of pictures, whatever the steps to it; "" where nothing differs from the folder."""
        standing = sorted((picture.path, picture.raw, picture.row, to) for picture, to in self.standing().items())
        return hashlib.sha256(msgspec.json.encode(standing)).hexdigest()[:16] if standing else ""

    def with_step(self, step: Step) -> Corrections:
        """With one thing more done; what was undone before cannot be done again."""
        return msgspec.structs.replace(self, steps=[*self.steps, step], undone=[]) if step.pictures else self

    def undo(self) -> Corrections:
        """Without the last step; the same where there is none."""
        if not self.steps:
            return self
        return msgspec.structs.replace(self, steps=self.steps[:-1], undone=[*self.undone, self.steps[-1]])

    def redo(self) -> Corrections:
        """With the step that was undone last; the same where there is none."""
        if not self.undone:
            return self
        return msgspec.structs.replace(self, steps=[*self.steps, self.undone[-1]], undone=self.undone[:-1])


def leave_out(pictures: Iterable[PictureRef]) -> Step:
    """Do not use these pictures."""
    return Step(what="leave_out", pictures=list(pictures))


def move(pictures: Iterable[PictureRef], to: str) -> Step:
    """Use these pictures as pictures of the class `to`."""
    return Step(what="move", pictures=list(pictures), to=to)


def take_back(pictures: Iterable[PictureRef]) -> Step:
    """Use these pictures as the folder has them, whatever was done to them before."""
    return Step(what="take_back", pictures=list(pictures))


def file_of(folder: str, place: Path) -> Path:
    """The file below `place` that belongs to a folder."""
    digest = hashlib.sha256(_real(folder)).hexdigest()
    return place / f"{digest[:32]}.json"


def load(folder: str, place: Path) -> Corrections:
    """The corrections of a folder; none where nothing was ever done, or where the file is damaged or about another folder."""
    fresh = Corrections(folder=_text(folder))
    try:
        file = file_of(folder, place)
        if file.stat().st_size > _LARGEST:
            return fresh
        found = msgspec.json.decode(file.read_bytes(), type=Corrections)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return fresh
    return found if found.format == FORMAT and found.folder == fresh.folder else fresh


def save(corrections: Corrections, folder: str, place: Path) -> None:
    """Write the corrections of a folder below `place`, which is made where it is not there yet. Raises StorageError.

    A file that stands there and cannot be read is kept aside.
    """
    file = file_of(folder, place)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, str(place)) from error
    if file.exists() and load(folder, place) == Corrections(folder=corrections.folder):
        with contextlib.suppress(OSError):
            file.replace(file.with_name(file.name + BACKUP))
    writing.write_json(file, corrections)


def apply(listing: Listing, corrections: Corrections) -> Listing:
    """The listing as it was put right; a picture or a class that is no longer there is passed over.

    What is left out by hand is among `left_out` with the class that the folder gives it. Parts stay as they are.
    """
    standing = corrections.standing()
    if not standing:
        return listing
    out = [
        LeftOut(picture=item.picture, reason=BY_HAND, values={"class_name": listing.classes[item.label]})
        for part in PARTS
        for item in listing.items.get(part, ())
        if standing.get(item.picture) == ""
    ]
    items = {part: _corrected(found, listing.classes, standing) for part, found in listing.items.items()}
    return msgspec.structs.replace(listing, items=items, left_out=[*listing.left_out, *out])


def apply_to_split(parts: Split, corrections: Corrections) -> Split:
    """A run's parts as they were put right since: for runs that go on from it."""
    standing = corrections.standing()
    if not standing:
        return parts
    found = {part: _corrected(parts.part(part), parts.classes, standing) for part in PARTS}
    return msgspec.structs.replace(parts, **found)


def _corrected(items: list[Item], classes: list[str], standing: dict[PictureRef, str]) -> list[Item]:
    labels = {name: label for label, name in enumerate(classes)}
    found = [
        Item(item.picture, labels.get(standing.get(item.picture, ""), item.label))
        for item in items
        if standing.get(item.picture) != ""
    ]
    return sorted(found, key=lambda item: item.label)  # stable: within a class the folder's order


def _real(folder: str) -> bytes:
    """The folder itself, whatever links lead there: a link may lead to another one tomorrow."""
    return os.path.normcase(os.path.realpath(os.fsencode(folder)))


def _text(folder: str) -> str:
    return picture_ref(_real(folder)).path
