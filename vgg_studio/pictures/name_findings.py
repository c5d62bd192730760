"""What the doctor finds in names alone: classes that read alike, files and folders that other systems cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from vgg_studio.core.data_events import Finding
from vgg_studio.core.split import PARTS, Listing
from vgg_studio.pictures import names
from vgg_studio.pictures.opening import locate


def of_names(listing: Listing) -> list[Finding]:
    """Findings on classes, then on pictures; a folder's odd name is told once, with the first picture below it."""
    alike = [
        Finding(kind="same_name", classes=group.names, values={"why": group.why})
        for group in names.alike(listing.classes)
    ]
    return [*alike, *_odd(listing)]


def _odd(listing: Listing) -> Iterator[Finding]:
    told: set[bytes] = set()  # folders
    length = len(listing.folder) + 1
    for part in PARTS:
        for item in listing.items[part]:
            if item.picture.row >= 0:
                continue
            folder, _, file = locate(item.picture).rpartition(b"/")
            for why in _reasons(folder, file, told, length + len(item.picture.path)):
                classes = [listing.classes[item.label]]
                yield Finding(
                    kind="odd_name", pictures=[item.picture], classes=classes, parts=[part], values={"why": why}
                )


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
