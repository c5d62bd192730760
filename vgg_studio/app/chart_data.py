"""A training's numbers as arrays for the plots, and what they say at one round. Accuracies are in per cent here. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vgg_studio.core.events import EpochRow
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress
from vgg_studio.core.wording import percent

Numbers = NDArray[np.float64]

FLAT_AT = 3.0  # a loss above this many times the first one leaves the plot instead of flattening everything else
NOTHING = "–"


@dataclass(frozen=True)
class Reading:
    """What the curves say at one place; not a number where they say nothing."""

    at: float
    train_loss: float = math.nan
    train_accuracy: float = math.nan
    val_loss: float = math.nan
    val_accuracy: float = math.nan


class ChartData:
    """The curves of one training. The training curve grows in place: only new points are converted."""

    def __init__(self) -> None:
        self.count = 0
        self._last: object = None
        self._points = np.empty((3, 1024))
        self._rows: list[EpochRow] = []

    def follow(self, progress: Progress) -> None:
        """Take over what was added; start anew where the curve was cut (after a resume) or is another one."""
        curve = progress.curve
        if self.count > len(curve) or (self.count and curve[self.count - 1] is not self._last):
            self.count = 0
        while self._points.shape[1] < len(curve):
            self._points = np.concatenate([self._points, np.empty_like(self._points)], axis=1)
        if fresh := curve[self.count :]:
            self._points[:, self.count : len(curve)] = np.array(fresh, dtype=np.float64).T  # None becomes NaN
            self.count, self._last = len(curve), curve[-1]
        self._rows = progress.rows

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw yet."""
        return not self.count and not self._rows

    @property
    def train(self) -> tuple[Numbers, Numbers, Numbers]:
        """Rounds, losses, accuracies of the training curve."""
        return self._points[0, : self.count], self._points[1, : self.count], 100 * self._points[2, : self.count]

    @property
    def val(self) -> tuple[Numbers, Numbers, Numbers]:
        """Rounds, losses, accuracies of the validation curve."""
        found = np.array([(row.epoch, row.val_loss, row.val_accuracy) for row in self._rows], dtype=np.float64)
        rounds, losses, shares = found.reshape(-1, 3).T
        return rounds, losses, 100 * shares

    def highest_loss(self) -> float:
        """The first loss, or a later one where that is higher, within reason."""
        train = self.train[1]
        known = [*train[np.isfinite(train)], *(row.val_loss for row in self._rows if row.val_loss is not None)]
        return float(min(max(known), FLAT_AT * known[0])) if known else 0.0

    def at(self, x: float) -> Reading | None:
        """The round that is nearest to `x` if one is near, else the nearest point of the training curve."""
        near = min(self._rows, key=lambda row: abs(row.epoch - x), default=None)
        if near is not None and abs(near.epoch - x) <= 0.5:
            return Reading(
                at=near.epoch,
                train_loss=_number(near.train_loss),
                train_accuracy=100 * _number(near.train_accuracy),
                val_loss=_number(near.val_loss),
                val_accuracy=100 * _number(near.val_accuracy),
            )
        if not self.count:
            return None
        rounds, losses, shares = self.train
        index = int(np.abs(rounds - x).argmin())
        return Reading(float(rounds[index]), float(losses[index]), float(shares[index]))


def loss_words(value: float | None) -> str:
    """A loss as it is written at its curve."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.2f}"


def share_words(value: float | None) -> str:
    """An accuracy in per cent as it is written at its curve."""
    return NOTHING if value is None or not math.isfinite(value) else percent(value / 100)


def reading_words(reading: Reading) -> tuple[str, str]:
    """What the title rows say of a reading: losses and accuracies."""
    found = []
    for words, train, val in (
        (loss_words, reading.train_loss, reading.val_loss),
        (share_words, reading.train_accuracy, reading.val_accuracy),
    ):
        template = _("round {round}: training {train}")
        if math.isfinite(val):
            template = _("round {round}: training {train}, validation {val}")
        shown = f"{reading.at:.0f}" if reading.at == round(reading.at) else f"{reading.at:.1f}"
        found.append(template.format(round=shown, train=words(train), val=words(val)))
    return found[0], found[1]


def _number(value: float | None) -> float:
    return math.nan if value is None else value
