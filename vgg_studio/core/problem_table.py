"""What is wrong with a set of pictures as a CSV file: one row a problem."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vgg_studio.core import finding_words
from vgg_studio.core.data_events import Finding
from vgg_studio.core.tables import BYTE_ORDER_MARK, harmless
from vgg_studio.core.wording import picture_text

_HEAD = ("class", "path", "kind", "reason", "other")


class Problem(NamedTuple):
    """One row: `kind` is English in every language, `reason` a sentence, `other` the picture that this one is a copy of."""

    class_name: str
    path: str
    kind: str
    reason: str
    other: str = ""


def of_finding(finding: Finding) -> Iterator[Problem]:
    """A row for each picture but the one that would stay; for findings on classes a row for each class."""
    words = finding_words.reason(finding)
    if not finding.pictures:
        for name in finding.classes:
            yield Problem(name, "", finding.kind, words)
        return
    first, *others = (picture_text(picture) for picture in finding.pictures)
    classes = finding.classes or [""] * len(finding.pictures)
    if not others:
        yield Problem(classes[0], first, finding.kind, words)
    for name, other in zip(classes[1:], others, strict=True):
        yield Problem(name, other, finding.kind, words, first)


def problems_csv(rows: Iterable[Problem]) -> bytes:
    """The table: class, path, kind, reason, other. Guarded against formulas and encoded like `core.tables`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEAD)
    writer.writerows(tuple(map(harmless, row)) for row in rows)
    content = text.getvalue()
    return (content if content.isascii() else BYTE_ORDER_MARK + content).encode("utf-8", "backslashreplace")
