"""A training's numbers for the plots: as arrays, in words at one round, and where they stand on the axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vgg_studio.core.events import EpochRow
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress
from vgg_studio.core.wording import percent

LABEL_GAP = 20.0  # px between the middles of two labels: a line of text and a little air
MAX_X_NUMBERS = 16
FIRST_X_END = 10
# Round numbers, and into how many even steps each is cut.
TOPS: dict[float, int] = {1: 5, 1.5: 3, 2: 4, 2.5: 5, 3: 3, 4: 4, 5: 5, 6: 3, 8: 4, 10: 5}
Numbers = NDArray[np.float64]
FLAT_AT = 3.0  # a loss above this many times the first one leaves the plot instead of flattening everything else
NOTHING = "–"


def x_end(rounds: float, room: float = 0.0) -> int:
    """The last round on the axis: at least 10, with a fifth of it free, a multiple of 5.

    `room` is the share of the axis (0 to 0.9) that the labels at the lines' ends need; the axis grows until they have it.
    """
    free = min(0.9, max(0.2, room))
    return max(FIRST_X_END, 5 * math.ceil(round(rounds / (1 - free) / 5, 6)))


def x_numbers(end: int) -> list[int]:
    """The rounds that are written under the axis: even steps from 0, reaching its end where that can be, at most sixteen."""
    few = list(itertools.islice((step for step in _steps() if end // step < MAX_X_NUMBERS), 4))
    step = next((step for step in few if end % step == 0), few[0])
    return list(range(0, end + 1, step))


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 25, 50, 100, 200, 250 … without end."""
    yield from (1, 2, 5)
    for power in itertools.count(1):
        yield from (10**power, 2 * 10**power, 5 * 10**power // 2, 5 * 10**power)


def loss_top(highest: float) -> float:
    """A round number at or above the highest loss: one of TOPS times a power of ten; 2 while there is no loss."""
    if not highest > 0:
        return 2.0
    power: float = 10.0 ** math.floor(math.log10(highest))
    return next(top * power for top in TOPS if top * power >= highest * (1 - 1e-9))


def loss_numbers(top: float) -> list[tuple[float, str]]:
    """The numbers at the loss axis from 0 to `top` in even steps, with as many decimals as the steps need."""
    power = 10.0 ** math.floor(math.log10(top) + 1e-9)
    steps = min(TOPS.items(), key=lambda item: abs(item[0] * power - top))[1]
    step = top / steps
    decimals = 0 if top > 20 else max(1, -math.floor(math.log10(step) + 1e-9))
    return [(index * step, f"{index * step:.{decimals}f}") for index in range(steps + 1)]


def spread(wanted: Sequence[float], low: float, high: float, gap: float = LABEL_GAP) -> list[float]:
    """Move labels apart until they are `gap` px from each other, keeping their order, between `low` and `high` px."""
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    placed = [min(max(wanted[index], low), high) for index in order]
    for index in range(1, len(placed)):
        missing = placed[index - 1] + gap - placed[index]
        if missing > 0:  # both give way by half, so that neither label leaves its line far behind
            placed[index] += missing / 2
            placed[index - 1] -= missing / 2
    placed = _within(placed, low, high, gap)
    result = [0.0] * len(wanted)
    for place, index in zip(placed, order, strict=True):
        result[index] = place
    return result


def _within(placed: list[float], low: float, high: float, gap: float) -> list[float]:
    floor, kept = low, []
    for place in placed:
        kept.append(max(place, floor))
        floor = kept[-1] + gap
    ceiling, result = high, []
    for place in reversed(kept):
        result.append(min(place, ceiling))
        ceiling = result[-1] - gap
    return result[::-1]


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
        """The first losses, or a later one where that is higher, within reason."""
        train, val = (losses[np.isfinite(losses)] for losses in (self.train[1], self.val[1]))
        known, first = np.concatenate([train, val]), np.concatenate([train[:1], val[:1]])
        return float(min(known.max(), FLAT_AT * first.max())) if known.size else 0.0

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
