"""Where things stand in a chart: ends of the axes, their numbers, and labels that keep out of each other's way. No Qt."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

LABEL_GAP = 20.0  # px between the middles of two labels: a line of text and a little air
MAX_X_NUMBERS = 16
FIRST_X_END = 10
# Round numbers, and into how many even steps each is cut.
TOPS: dict[float, int] = {1: 5, 1.5: 3, 2: 4, 2.5: 5, 3: 3, 4: 4, 5: 5, 6: 3, 8: 4, 10: 5}


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
