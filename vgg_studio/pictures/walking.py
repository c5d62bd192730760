"""Reading folders: what is a picture by its name, what a system left there, and no folder twice however links lead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from vgg_studio.core.events import LeftOut
from vgg_studio.core.jobs import Stop
from vgg_studio.pictures.files import reason_of, refer

# By name a picture: what is read, and kinds that people keep among pictures, so that they are named when they cannot be read.
_READ = "jpg jpeg jpe jfif jif pjpeg png apng webp gif tif tiff bmp dib ppm pgm pbm pnm pfm avif heic heif hif"
_NAMED = "jp2 j2k jxl cr2 cr3 nef nrw arw srf sr2 dng raf orf rw2 pef srw x3f mrw iiq 3fr erf kdc dcr"
EXTENSIONS = frozenset(b"." + name.encode() for name in f"{_READ} {_NAMED}".split())

# Left by systems, archives and programs (compared in lower case); names that begin with a dot come on top.
_SYSTEM = frozenset(
    name.encode()
    for name in (
        "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "$recycle.bin", "recycler", "#recycle", "@eadir",
        "system volume information", "lost+found", "__pycache__", "found.000",
    )
)  # fmt: skip
_LOOK_EVERY = 1000  # entries between two looks at the stop


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """The walk was asked to end."""


class Entries(NamedTuple):
    """A folder's own entries, sorted by name: folders (full path, whether it is a link) and names of pictures."""

    folders: list[tuple[bytes, bool]]
    pictures: list[bytes]


class Walk:
    """One reading of a tree: counts what it passes by, remembers folders that were seen and those that may not be read."""

    def __init__(self, root: bytes, stop: Stop | None = None) -> None:
        self.root = root
        self.ignored = 0
        self.left_out: list[LeftOut] = []
        self._stop = stop
        self._known: dict[bytes, Entries] = {}
        self._taken: set[tuple[int, int]] = set()
        self._used: set[tuple[int, int]] = set()

    def entries(self, folder: bytes) -> Entries:
        """What stands in a folder, read once. A folder that may not be read is empty and named in `left_out`."""
        if folder not in self._known:
            try:
                self._known[folder] = self._read(folder)
            except OSError as error:
                if folder == self.root:
                    raise
                self.left_out.append(LeftOut(picture=refer(folder, self.root), reason=reason_of(error)))
                self._known[folder] = Entries([], [])
        return self._known[folder]

    def holds_pictures(self, folder: bytes) -> bool:
        """Whether there is any picture in the folder or below."""
        waiting, seen = [folder], set()
        while waiting:
            entries = self.entries(waiting.pop())
            if entries.pictures:
                return True
            for path, _ in reversed(entries.folders):
                if (key := _identity(path)) not in seen:
                    seen.add(key)
                    waiting.append(path)
        return False

    def take(self, folder: bytes) -> bool:
        """Claim a folder; False if it was claimed before, through whatever link."""
        key = _identity(folder)
        if key in self._taken:
            return False
        self._taken.add(key)
        return True

    def pictures_below(self, folder: bytes) -> Iterator[bytes]:
        """Full paths of all pictures in a claimed folder and in what is below and not claimed yet; links come last."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            entries = self.entries(here)
            self._used.add(_identity(here))
            for count, name in enumerate(entries.pictures, 1):
                if count % _LOOK_EVERY == 0:
                    self._look()
                yield os.path.join(here, name)
            for path, _ in sorted(entries.folders, key=lambda entry: entry[1], reverse=True):
                if self.take(path):
                    waiting.append(path)
                else:
                    self.ignored += 1
            del self._known[here]  # the names of a large tree need not be kept twice

    def passed_by(self) -> int:
        """Everything in the tree that is in no class, once all classes were walked."""
        waiting, seen, pictures = [self.root], {_identity(self.root)}, 0
        while waiting:
            entries = self.entries(waiting.pop())
            pictures += len(entries.pictures)
            for path, _ in entries.folders:
                key = _identity(path)
                if key not in seen and key not in self._used:
                    seen.add(key)
                    waiting.append(path)
        return self.ignored + pictures

    def _read(self, folder: bytes) -> Entries:
        self._look()
        folders: list[tuple[bytes, bool]] = []
        pictures: list[bytes] = []
        ignored = 0
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries, 1):
                if count % _LOOK_EVERY == 0:
                    self._look()
                if is_system(entry.name):
                    ignored += 1
                elif entry.is_dir():
                    folders.append((entry.path, entry.is_symlink()))
                elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:
                    pictures.append(entry.name)
                else:
                    ignored += 1
        self.ignored += ignored
        return Entries(sorted(folders), sorted(pictures))

    def _look(self) -> None:
        if self._stop is not None and self._stop.how is not None:
            raise Stopped


def is_system(name: bytes) -> bool:
    """Whether a file or folder is hidden or made by a system rather than by a person."""
    return name.startswith((b".", b"~$")) or name.lower() in _SYSTEM


def _identity(folder: bytes) -> tuple[int, int]:
    try:
        status = os.stat(folder)
    except OSError:
        return (-1, hash(folder))
    return status.st_dev, status.st_ino
