"""Pictures that probably stand in the wrong class: networks that did not learn from them name them otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vgg_studio.core.data_events import Finding
from vgg_studio.core.events import Part
from vgg_studio.core.split import Item

Chances = npt.NDArray[np.float64]


def suspects(chances: Chances, labels: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The rows of (N, classes) probabilities whose given class is doubtful; each comes from a network that did not learn from it.

    Confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068): a class is confidently likely for a picture where
    its probability reaches the mean that the class has among the pictures that are given it. Doubtful are those whose likeliest
    confident class is another than the given one, the smallest normalised margin (given less largest other) first.
    """
    rows = np.arange(len(labels))
    classes = chances.shape[1]
    means = [chances[labels == label, label].mean() if (labels == label).any() else np.inf for label in range(classes)]
    confident = np.where(chances >= np.array(means), chances, -1.0)
    named = confident.argmax(axis=1)
    margins = _margins(chances, labels)
    doubtful = (confident[rows, named] >= 0) & (named != labels) & (margins < 0)
    found = np.flatnonzero(doubtful)
    return found[np.argsort(margins[found], kind="stable")]


def _margins(chances: Chances, labels: npt.NDArray[np.intp]) -> Chances:
    """The probability of the given class less that of the likeliest other one."""
    rows = np.arange(len(labels))
    others = chances.copy()
    others[rows, labels] = -1.0
    margins: Chances = chances[rows, labels] - others.max(axis=1)
    return margins


def findings(entries: Sequence[tuple[Item, Part]], chances: Chances, classes: list[str]) -> list[Finding]:
    """What is said of pictures with these probabilities (N, classes): of those that are doubtful, most suspicious first."""
    labels = np.array([item.label for item, _ in entries], np.intp)
    found = []
    for row in suspects(chances, labels).tolist():
        (item, part), named = entries[row], int(chances[row].argmax())
        found.append(
            Finding(
                kind="wrong_label",
                pictures=[item.picture],
                classes=[classes[item.label]],
                parts=[part],
                values={"named": classes[named], "probability": round(float(chances[row, named]), 4)},
            )
        )
    return found
