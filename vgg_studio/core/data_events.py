"""Facts about pictures and folders: what one look at a picture saw, what the doctor found, what was written or drawn of them."""

from __future__ import annotations

from typing import Literal

from vgg_studio.core.facts import BaseEvent, PictureRef, Record

FindingKind = Literal[
    "duplicate",  # the same bytes, in one class and one part
    "near_duplicate",  # the same pixels or almost, in other bytes, in one class and one part
    "two_classes",  # the same or almost the same picture in two classes
    "across_parts",  # the same or almost the same picture in two parts of a set that came divided
    "blurry",
    "dark",
    "one_colour",
    "wrong_label",  # named otherwise by networks that did not learn from it
    "tiny_class",
    "imbalance",
    "same_name",  # two classes whose names read alike: Unicode twins, look-alikes, upper and lower case
    "odd_name",  # a name that other systems cannot hold, or that is no text
    "first_frame",  # animated or of several pages: only the first is used
]


class Seen(Record, frozen=True, kw_only=True):
    """What one look at a picture saw: numbers that the doctor compares, all from one small grey copy of it.

    `hash` is a perceptual hash of 64 bits; `sharpness`, `brightness` and `contrast` are fractions as `pictures.looks` defines.
    `frames` is 2 for several frames or pages where the file does not tell how many.
    """

    width: int
    height: int
    kind: str = ""
    frames: int = 1
    hash: int = 0
    sharpness: float = 1.0
    brightness: float = 0.5
    contrast: float = 0.25


class Finding(Record, frozen=True, kw_only=True):
    """One thing that the doctor found. Of several pictures the first is the one that would stay.

    `classes` and `parts` stand beside the pictures, one for each (for findings on classes: the classes' names alone).
    """

    kind: FindingKind
    pictures: list[PictureRef] = []
    classes: list[str] = []
    parts: list[str] = []
    values: dict[str, str | int | float] = {}


class FindingsMade(BaseEvent, tag="findings", frozen=True, kw_only=True):
    """Some of what the doctor found (at most 200 an event); nothing of it keeps a folder from being used."""

    findings: list[Finding]


class PreviewMade(BaseEvent, tag="preview_made", frozen=True, kw_only=True):
    """One picture as training sees it: a small JPEG in the cache folder. `variant` counts the variations of a picture."""

    picture: PictureRef
    file: str
    label: str = ""
    variant: int = 0


class SplitWritten(BaseEvent, tag="split_written", frozen=True, kw_only=True):
    """The parts of a split were copied into folders of their own."""

    folder: str
    parts: dict[str, int]


class DataFetched(BaseEvent, tag="data_fetched", frozen=True, kw_only=True):
    """A data set or an unpacked archive lies ready in this folder. `name` is "" for an archive of somebody's own."""

    name: str
    folder: str
