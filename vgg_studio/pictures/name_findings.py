"""What the doctor finds in names alone: classes that read alike, files and folders that other systems cannot hold."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

from vgg_studio.core.data_events import Finding
from vgg_studio.core.events import PictureRef
from vgg_studio.core.split import PARTS, Listing
from vgg_studio.pictures import names
from vgg_studio.pictures.copies import Progress
from vgg_studio.pictures.files import locate

_EVERY = 2000  # names between two signs of progress


def of_names(listing: Listing, refused: Collection[PictureRef] = ()) -> Generator[Progress, None, list[Finding]]:
    """Yield progress; return findings on classes, then on pictures: a folder's odd name is told once, with a picture below it."""
    found = [
        Finding(kind="same_name", classes=group.names, values={"why": group.why})
        for group in names.alike(listing.classes)
    ]
    entries = [(item, part) for part in PARTS for item in listing.items[part] if item.picture.row < 0]
    told: set[bytes] = set()  # folders
    length = len(listing.folder) + 1
    for done, (item, part) in enumerate(entries, 1):
        if done % _EVERY == 0:
            yield Progress(done, len(entries))
        if item.picture in refused:
            continue
        folder, _, file = locate(item.picture).rpartition(b"/")
        classes = [listing.classes[item.label]]
        found += (
            Finding(kind="odd_name", pictures=[item.picture], classes=classes, parts=[part], values={"why": why})
            for why in _reasons(folder, file, told, length + len(item.picture.path))
        )
    return found


def _reasons(folder: bytes, file: bytes, told: set[bytes], length: int) -> Iterator[str]:
    """What is odd about a file's name, about those of folders that no other file told before, and about all of them together."""
    while folder and folder not in told:
        told.add(folder)
        folder, _, name = folder.rpartition(b"/")
        if why := names.odd(name):
            yield why
    if why := names.odd(file):
        yield why
    elif length > names.LONGEST:
        yield "long"
