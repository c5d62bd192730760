"""What is known of the open folder of pictures: a fold over the events of a scan."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from vgg_studio.core import events as ev
from vgg_studio.core.data_sets import is_archive
from vgg_studio.core.errors import FolderNameNoText
from vgg_studio.core.facts import picture_ref


@dataclass
class ScanState:
    """The folder as its scan tells it, class by class. `pictures` fills while the scan goes on."""

    folder: str = ""
    layout: str = ""
    classes: list[ev.ClassCount] = field(default_factory=list)
    pictures: dict[str, list[ev.PictureRef]] = field(default_factory=dict)
    split: dict[str, int] = field(default_factory=dict)  # train, val, test: known when finished
    left_out: list[ev.LeftOut] = field(default_factory=list)
    left_out_count: int = 0
    by_hand: int = 0  # of those that were left out: by a person, told elsewhere
    home: dict[ev.PictureRef, str] = field(default_factory=dict)  # the folder's own class of what was touched by hand
    findings: list[ev.Finding] = field(default_factory=list)
    classes_left_out: list[ev.ClassLeftOut] = field(default_factory=list)
    ignored: int = 0
    suggestion: str = ""
    done: int = 0
    total: int = 0
    unpacking: bool = False  # an archive: `folder` is where its pictures are once it is over
    comparing: bool = False  # everything was read; copies are looked for
    compared: int = 0
    to_compare: int = 0
    running: bool = False
    finished: bool = False  # everything was read and the split is known
    stopped: bool = False
    failure: ev.Failure | None = None

    @property
    def count(self) -> int:
        """Pictures that can be used as far as is known."""
        return sum(class_total(row) for row in self.classes)

    @property
    def usable(self) -> bool:
        """Whether a training can start."""
        return self.finished and self.failure is None and len(self.classes) > 1

    def fold(self, event: ev.Event) -> None:
        """Take in one event of the scan; others are ignored."""
        match event:
            case ev.ClassesListed():
                self._list(event)
            case ev.PicturesListed():
                self.pictures.setdefault(event.class_name, []).extend(event.pictures)
            case ev.PhaseStarted():
                self.unpacking, self.comparing = event.phase == "unpacking", event.phase == "comparing"
                self.compared, self.to_compare = 0, event.total
                self.total = event.total if event.phase == "reading" else self.total
            case ev.PhaseProgress(phase="reading"):
                self.done, self.total = event.done, event.total or self.total
            case ev.PhaseProgress(phase="comparing"):
                self.compared, self.to_compare = event.done, event.total
            case ev.PictureLeftOut(reason="by_hand"):
                self.by_hand += 1
                self.home[event.picture] = str(event.values.get("class_name", ""))
            case ev.FindingsMade():
                self.findings.extend(event.findings)
            case ev.PictureLeftOut():
                self.left_out_count += 1
                self.left_out.append(ev.LeftOut(picture=event.picture, reason=event.reason, values=event.values))
            case ev.ClassLeftOut():
                self.classes_left_out.append(event)
            case ev.FolderScanned():
                self._finish(event)
            case ev.JobEnded():
                self.running, self.failure = False, event.failure
                self.stopped = event.outcome == "stopped"

    def _list(self, event: ev.ClassesListed) -> None:
        if is_archive(self.folder):
            self.folder = event.folder
        self.unpacking = False
        self.layout, self.classes, self.ignored = event.layout, list(event.classes), event.ignored
        self.suggestion = event.suggestion
        self.pictures = {row.name: [] for row in event.classes}

    def _finish(self, event: ev.FolderScanned) -> None:
        self.layout, self.classes, self.split = event.layout, list(event.classes), dict(event.split)
        self.left_out_count, self.ignored = event.left_out_count - self.by_hand, event.ignored
        gone = {entry.picture for entry in self.left_out}
        known = {row.name for row in event.classes} | {entry.name for entry in self.classes_left_out}
        self.pictures = {
            name: [ref for ref in refs if ref not in gone] for name, refs in self.pictures.items() if name in known
        }
        self.done, self.finished = self.total, True

    def put(self, pictures: Collection[ev.PictureRef], to: str | None) -> None:
        """Show at once what was done by hand: pictures in the class `to`, out of all of them (""), or (None) where they were."""
        touched = set(pictures)
        places = {ref: name for name, refs in self.pictures.items() for ref in touched.intersection(refs)}
        leaving: set[ev.PictureRef] = set()
        coming: dict[str, list[ev.PictureRef]] = {}
        more: Counter[str] = Counter()
        for picture in pictures:
            if to is None and picture not in self.home:
                continue  # where it was is told when the folder has been read again
            here = places.get(picture, "")
            there = self.home.get(picture, "") if to is None else to
            self.home.setdefault(picture, here)
            if here == there or (there and there not in self.pictures):
                continue
            leaving.add(picture)
            more[here] -= 1
            if there:
                coming.setdefault(there, []).append(picture)
                more[there] += 1
        self.pictures = {
            name: [ref for ref in refs if ref not in leaving] + coming.get(name, []) if name in more else refs
            for name, refs in self.pictures.items()
        }
        self.classes = [msgspec.structs.replace(row, train=max(0, row.train + more[row.name])) for row in self.classes]


def class_total(row: ev.ClassCount) -> int:
    """Pictures of a class over all parts."""
    return row.train + row.val + row.test


def begun(path: str) -> ScanState:
    """The scan of a folder at its start; already failed where the name is no text, which neither order nor run could hold."""
    name = picture_ref(os.fsencode(path))
    if name.raw:
        return ScanState(folder=name.path, failure=FolderNameNoText(path=name.path).fact())
    return ScanState(folder=path, running=True)
