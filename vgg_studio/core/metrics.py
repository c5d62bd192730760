"""Scores as numbers: intervals, recall and precision of each class."""

from __future__ import annotations

import math

from vgg_studio.core.events import ClassScore

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


def wilson(correct: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, in fractions of 1; (0, 1) where nothing was counted.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927): unlike the normal
    approximation it stays within 0 and 1 and keeps its level for few pictures and for shares near 1.
    """
    if count <= 0:
        return 0.0, 1.0
    share = correct / count
    spread = Z_95 * math.sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    middle = share + Z_95**2 / (2 * count)
    scale = 1 + Z_95**2 / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def class_scores(classes: list[str], confusion: list[list[int]]) -> list[ClassScore]:
    """Recall and precision of each class from a confusion matrix whose rows are the true classes."""
    named = [sum(column) for column in zip(*confusion, strict=True)]
    return [
        ClassScore(
            name=name,
            count=sum(row),
            correct=row[index],
            found=_share(row[index], sum(row)),
            reliable=_share(row[index], named[index]),
        )
        for index, (name, row) in enumerate(zip(classes, confusion, strict=True))
    ]


def balanced(counts: list[int]) -> bool:
    """Whether no class has more than three times the pictures of another."""
    return bool(counts) and max(counts) <= 3 * min(counts)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
