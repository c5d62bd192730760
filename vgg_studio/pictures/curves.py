"""The curves of a run as a picture: loss or accuracy of each round, on pictures that are learned from and on others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from vgg_studio.core.facts import EpochRow
from vgg_studio.core.language import N_
from vgg_studio.pictures.canvas import CHECK, GRID, MUTED, PAPER, TEXT, TRAIN, Canvas, said, width_of

WIDTH, HEIGHT = 1600, 1000
_LEFT, _TOP, _RIGHT, _BOTTOM = 130, 170, 60, 130
_TITLE, _WORDS, _NUMBERS = 48, 30, 28
_TICKS = 6  # at most so many numbers at each axis

Values = list[tuple[int, float]]  # round, value


class Axis(NamedTuple):
    """Numbers from `low` to `high`, marked each `step`."""

    low: float
    high: float
    step: float

    @property
    def marks(self) -> list[float]:
        """Where numbers stand."""
        return [self.low + self.step * index for index in range(round((self.high - self.low) / self.step) + 1)]


def loss(rows: Sequence[EpochRow], best: int, title: str) -> Canvas:
    """Loss by rounds; `best` is the round that was kept (0: none)."""
    train = [(row.epoch, row.train_loss) for row in rows if row.train_loss is not None]
    check = [(row.epoch, row.val_loss) for row in rows if row.val_loss is not None]
    highest = max((value for _round, value in train + check), default=1.0)
    return _drawn(train, check, _axis(highest), best, said(N_("Loss")), title, said(N_("loss (cross-entropy)")))


def accuracy(rows: Sequence[EpochRow], best: int, title: str) -> Canvas:
    """Per cent named right by rounds."""
    train = [(row.epoch, 100 * row.train_accuracy) for row in rows if row.train_accuracy is not None]
    check = [(row.epoch, 100 * row.val_accuracy) for row in rows if row.val_accuracy is not None]
    return _drawn(train, check, Axis(0, 100, 20), best, said(N_("Accuracy")), title, said(N_("named right, %")))


def _axis(highest: float) -> Axis:
    step = _round_number(highest / _TICKS)
    return Axis(0, step * max(1, math.ceil(highest / step - 1e-9)), step)


def _round_number(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below `least`."""
    if least <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _drawn(train: Values, check: Values, y: Axis, best: int, name: str, title: str, unit: str) -> Canvas:
    last = max((number for number, _value in train + check), default=1)
    step = max(1, round(_round_number(last / 10)))
    x = Axis(0, step * math.ceil(max(last, 1) / step), step)
    sheet = Canvas(WIDTH, HEIGHT)

    def place(number: float, value: float) -> tuple[float, float]:
        across = _LEFT + (WIDTH - _LEFT - _RIGHT) * (number - x.low) / (x.high - x.low)
        down = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - y.low) / (y.high - y.low)
        return across, down

    for value in y.marks:
        sheet.line([place(x.low, value), place(x.high, value)], GRID if value else MUTED, 2)
    if best:
        _dashed(sheet, place(best, y.low), place(best, y.high))
    for values, colour, width in ((train, TRAIN, 4), (check, CHECK, 6)):
        if len(values) > 1:
            sheet.line([place(*point) for point in values], colour, width)
        for point in values:
            if colour == CHECK or len(values) == 1:
                sheet.dot(*place(*point), 8, colour, PAPER if point[0] == best else None)

    sheet.text(_LEFT, 40, name, _TITLE)
    sheet.text(_LEFT + width_of(name, _TITLE) + 24, 40 + _TITLE, title, _WORDS, MUTED, "ls")
    sheet.text(_LEFT, _TOP - 24, unit, _NUMBERS, MUTED, "ls")
    for value in y.marks:
        sheet.text(_LEFT - 16, place(0, value)[1], f"{value:.6g}", _NUMBERS, MUTED, "rm")
    for number in x.marks:
        sheet.text(place(number, 0)[0], HEIGHT - _BOTTOM + 16, f"{number:g}", _NUMBERS, MUTED, "ma")
    sheet.text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 24, said(N_("round")), _NUMBERS, MUTED, "ms")
    _legend(sheet, bool(check), best)
    return sheet


def _dashed(sheet: Canvas, bottom: tuple[float, float], top: tuple[float, float]) -> None:
    down = top[1]
    while down < bottom[1]:
        sheet.line([(top[0], down), (top[0], min(down + 12, bottom[1]))], MUTED, 2)
        down += 24


def _legend(sheet: Canvas, checked: bool, best: int) -> None:
    """What is what, from the right above the curves: the words in the curves' colours."""
    entries = [(said(N_("on pictures it learns from")), TRAIN)]
    if checked:
        entries.append((said(N_("on the validation part")), CHECK))
    if best:
        entries.append((said(N_("best: round {round}")).format(round=best), TEXT))
    right: float = WIDTH - _RIGHT
    for words, colour in reversed(entries):
        sheet.text(right, _TOP - 24, words, _NUMBERS, colour, "rs")
        right -= width_of(words, _NUMBERS) + 40
