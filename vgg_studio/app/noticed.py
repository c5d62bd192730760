"""What deserves a look in the open folder, by kind: from the scan, the quick look, and what was put right by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from vgg_studio.app.scan_state import ScanState
from vgg_studio.core import events as ev
from vgg_studio.core.data_events import FindingKind

UNREADABLE, CLASS_LEFT_OUT, LEFT_OUT, MOVED = "unreadable", "class_left_out", "left_out", "moved"
GROUPS = ("across_parts", "two_classes", "duplicate", "near_duplicate")  # of several pictures that are alike
COPIES = ("duplicate", "near_duplicate")  # where all but the first can go
OF_CLASSES = ("imbalance", "tiny_class", "same_name")
KINDS: tuple[FindingKind, ...] = (  # what spoils a score first
    "across_parts",
    "two_classes",
    "wrong_label",
    "duplicate",
    "near_duplicate",
    "imbalance",
    "tiny_class",
    "same_name",
    "one_colour",
    "dark",
    "blurry",
    "first_frame",
    "odd_name",
)
_QUIET = ("first_frame", "odd_name", *OF_CLASSES)  # told, but no picture that a person has to look at
Standing = Mapping[ev.PictureRef, str]


@dataclass
class Noticed:
    """Everything that was noticed, as it stands after what was done by hand."""

    unreadable: list[ev.LeftOut] = field(default_factory=list)
    unreadable_count: int = 0
    findings: dict[str, list[ev.Finding]] = field(default_factory=dict)
    classes_left_out: list[ev.ClassLeftOut] = field(default_factory=list)
    left_out: list[ev.PictureRef] = field(default_factory=list)  # by hand
    moved: dict[ev.PictureRef, str] = field(default_factory=dict)  # by hand, with the class that each was put into

    def kinds(self) -> list[str]:
        """The kinds of which there is something, in the order in which they are told."""
        there = [UNREADABLE, *KINDS, CLASS_LEFT_OUT, LEFT_OUT, MOVED]
        return [kind for kind in there if self.findings.get(kind) or self._others().get(kind)]

    def count(self, kind: str) -> int:
        """How many pictures (for kinds about classes: how many classes) a kind is about."""
        if kind in self._others():
            return self._others()[kind]
        found = self.findings.get(kind, [])
        if kind in OF_CLASSES:
            return len({name for finding in found for name in finding.classes})
        return len({picture for finding in found for picture in finding.pictures}) or len(found)

    def _others(self) -> dict[str, int]:
        """What is no finding of the doctor's, with how many there are."""
        return {
            UNREADABLE: self.unreadable_count,
            CLASS_LEFT_OUT: len(self.classes_left_out),
            LEFT_OUT: len(self.left_out),
            MOVED: len(self.moved),
        }

    def to_look_at(self) -> int:
        """Pictures that deserve a look, each counted once."""
        told = (finding for kind, found in self.findings.items() if kind not in _QUIET for finding in found)
        return len({picture for finding in told for picture in finding.pictures}) + self.unreadable_count


def noticed(scan: ScanState, suspects: Iterable[ev.Finding], standing: Standing) -> Noticed:
    """What there is to tell; `standing` tells how each picture stands that was touched by hand (`core.corrections`)."""
    found = Noticed(
        unreadable=scan.left_out,
        unreadable_count=scan.left_out_count,
        classes_left_out=scan.classes_left_out,
        left_out=[picture for picture, to in standing.items() if not to],
        moved={picture: to for picture, to in standing.items() if to},
    )
    seen: set[tuple[str, tuple[ev.PictureRef, ...], tuple[str, ...]]] = set()
    for finding in still_so([*scan.findings, *suspects], standing):
        key = (finding.kind, tuple(finding.pictures), tuple(finding.classes))
        if key not in seen:
            seen.add(key)
            found.findings.setdefault(finding.kind, []).append(finding)
    return found


def still_so(findings: Iterable[ev.Finding], standing: Standing) -> Iterator[ev.Finding]:
    """The findings that what was done by hand has not settled yet: at once, before the folder is read again."""
    for finding in findings:
        if not finding.pictures or not any(picture in standing for picture in finding.pictures):
            yield finding
            continue
        changed = _without_settled(finding, standing)
        if changed is not None:
            yield changed


def _without_settled(finding: ev.Finding, standing: Standing) -> ev.Finding | None:
    if finding.kind == "wrong_label":
        return None  # a person has decided
    places = [at for at, picture in enumerate(finding.pictures) if standing.get(picture) != ""]
    beside = len(finding.classes) == len(finding.pictures)
    classes = [standing.get(finding.pictures[at], finding.classes[at]) for at in places] if beside else finding.classes
    parts = [finding.parts[at] for at in places] if len(finding.parts) == len(finding.pictures) else finding.parts
    alone = finding.kind in GROUPS and len(places) < 2
    agreed = finding.kind == "two_classes" and len(set(classes)) < 2
    if not places or alone or agreed:
        return None
    pictures = [finding.pictures[at] for at in places]
    return msgspec.structs.replace(finding, pictures=pictures, classes=classes, parts=parts)
