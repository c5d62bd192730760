"""Tables as plain aligned lines: readable on a terminal, in a pipe and in a log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from vgg_studio.core import events as ev
from vgg_studio.core.language import _
from vgg_studio.core.wording import escaped, percent

LARGEST_CONFUSION = 12  # classes; a wider table no longer fits a terminal


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """The rows as lines: the first columns to the left, the others to the right, two spaces between."""
    safe = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*safe, strict=True)]
    return [
        "  ".join(_padded(cell, widths[place], place < left) for place, cell in enumerate(row)).rstrip() for row in safe
    ]


def _padded(cell: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(cell))  # Chinese signs are two cells wide
    return cell + space if left else space + cell


def class_table(evaluation: ev.Evaluation) -> list[str]:
    """Each class with how many of its pictures were named right, and how often its name was right."""
    head = [_("Class"), _("Pictures"), _("Named right"), _("Found"), _("Reliable")]
    rows = [
        [score.name, str(score.count), str(score.correct), percent(score.found), percent(score.reliable)]
        for score in evaluation.by_class
    ]
    return aligned([head, *rows])


def confusion_table(evaluation: ev.Evaluation) -> list[str]:
    """True classes as rows, the names given as columns (by number); nothing for a table that fits no terminal."""
    if len(evaluation.classes) > LARGEST_CONFUSION:
        return []
    numbers = [str(place) for place in range(1, len(evaluation.classes) + 1)]
    head = [_("True class, and what it was named"), *numbers]
    rows = [
        [f"{number} {name}", *map(str, row)]
        for number, name, row in zip(numbers, evaluation.classes, evaluation.confusion, strict=True)
    ]
    return aligned([head, *rows])
