"""The four tiles above the plots: before a training the pictures and classes, then round, time, speed, best."""

from __future__ import annotations

import html
import time
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from vgg_studio.app import theme
from vgg_studio.app.scan_state import ScanState, class_total
from vgg_studio.app.train_state import State
from vgg_studio.app.widgets import Card, Label
from vgg_studio.core import wording
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress

HEIGHT = 96
WAITING = "…"
PADDING = 15


@dataclass(frozen=True)
class Figure:
    """What a tile says: a name, a value with its unit, and what it means."""

    name: str
    value: str = WAITING
    caption: str = ""
    unit: str = ""


class Tile(Card):
    """One figure. The value is large, its unit small behind it."""

    def __init__(self) -> None:
        super().__init__(padding=PADDING, spacing=0)
        self.name, self.caption = Label(tone="muted", wrap=True), Label(tone="muted", wrap=True)
        self.value = QLabel()
        self.value.setTextFormat(Qt.TextFormat.RichText)  # our own words and numbers only, escaped all the same
        self.value.setProperty("tone", "text")
        self.name.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        for widget in (self.name, self.value, self.caption):
            self.box.addWidget(widget)
        self.box.addStretch(1)
        self.setMinimumHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._shown = Figure("")

    def show_figure(self, figure: Figure) -> None:
        """Show a figure; nothing is laid out anew where it says the same."""
        if figure == self._shown:
            return
        self._shown = figure
        self.name.setText(figure.name)
        self._write(unit_beside=True)
        said = (figure.name, figure.value, figure.unit, figure.caption)
        self.setAccessibleName(" ".join(part for part in said if part))

    def figure(self) -> Figure:
        """What is shown."""
        return self._shown

    def _write(self, unit_beside: bool) -> None:
        """The unit stands small behind the value, or before the caption where there is no room for it."""
        figure = self._shown
        small = f"<span style='font-size:13px; font-weight:400'> {html.escape(figure.unit)}</span>"
        self.value.setText(html.escape(figure.value) + (small if figure.unit and unit_beside else ""))
        parts = [figure.caption] if unit_beside else [figure.unit, figure.caption]
        self.caption.setText(_(", ").join(part for part in parts if part))

    def fit_unit(self, width: int) -> None:
        """Put the unit where it fits in `width` px."""
        value = QFontMetrics(theme.font("figure")).horizontalAdvance(self._shown.value)
        unit = self.name.fontMetrics().horizontalAdvance(f" {self._shown.unit}")
        self._write(unit_beside=not self._shown.unit or value + unit <= width)

    def level(self, width: int, names: int, captions: int) -> None:
        """Take the heights of the row; a value that is too wide for `width` px is written small, never cut off."""
        large = theme.font("figure")
        fits = QFontMetrics(large).horizontalAdvance(self._shown.value) <= width
        self.value.setFont(large if fits else theme.font("tabular_strong"))
        self.value.setWordWrap(not fits)
        self.value.setMinimumHeight(theme.LINE_HEIGHT[20])
        self.name.setFixedHeight(names)
        self.caption.setMinimumHeight(captions)


class TrainTiles(QWidget):
    """Four tiles of one width, whose values stand on one line: where words wrap in one of them, all of them make room."""

    def __init__(self) -> None:
        super().__init__()
        self.tiles = [Tile() for _place in range(4)]
        self._captions = theme.LINE_HEIGHT[13]
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(16)
        for tile in self.tiles:
            box.addWidget(tile, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def show_figures(self, figures: list[Figure]) -> None:
        """Show one figure a tile."""
        if figures != self.figures():
            for tile, figure in zip(self.tiles, figures, strict=True):
                tile.show_figure(figure)
            self._level()

    def figures(self) -> list[Figure]:
        """What is shown."""
        return [tile.figure() for tile in self.tiles]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._captions = theme.LINE_HEIGHT[13]
        self._level()

    def _level(self) -> None:
        """One height for all names and one for all captions. Names that come later count too, and captions only ever get
        higher while the width stays, so that nothing jumps when a training starts.
        """
        width = (self.width() - 3 * 16) // 4 - 2 * (PADDING + 1)
        if width < 40:
            return
        first = self.tiles[0].name
        names = max(_height(first, name, width) for name in all_names())
        for tile in self.tiles:
            tile.fit_unit(width)
        self._captions = max(self._captions, *(_height(first, tile.caption.text(), width) for tile in self.tiles))
        for tile in self.tiles:
            tile.level(width, names, self._captions)


def _height(label: Label, words: str, width: int) -> int:
    """What words need in a label of this width, in px."""
    box = label.fontMetrics().boundingRect(0, 0, width, 1000, Qt.TextFlag.TextWordWrap, words)
    return max(theme.LINE_HEIGHT[13], box.height())


def all_names() -> tuple[str, ...]:
    """Every name that a tile has before or during a training."""
    before = (_("To learn from"), _("To check each round"), _("For the final score"), _("Classes"))
    return (*before, _("Round"), _("Time left"), _("Speed"), _("Best so far"))


def figures_of_scan(scan: ScanState) -> list[Figure]:
    """The split and the classes."""
    parts = [wording.number(scan.split.get(part, 0)) if scan.finished else WAITING for part in ("train", "val", "test")]
    sizes = [class_total(row) for row in scan.classes]
    spread = ""
    if sizes and scan.finished:
        low, high = wording.number(min(sizes)), wording.number(max(sizes))
        spread = (
            _("{count} in each").format(count=low)
            if low == high
            else _("{low} to {high} in each").format(low=low, high=high)
        )
    return [
        Figure(_("To learn from"), parts[0], _("pictures")),
        Figure(_("To check each round"), parts[1], _("pictures")),
        Figure(_("For the final score"), parts[2], _("kept back")),
        Figure(_("Classes"), wording.number(len(sizes)) if sizes else WAITING, spread),
    ]


def figures_of_training(progress: Progress, state: State, seconds_left: float | None, ended_at: float) -> list[Figure]:
    """Round, time, speed, best. `ended_at` is Unix time, for a training that has ended."""
    if state is State.PREPARING:
        return [Figure(name) for name in (_("Round"), _("Time left"), _("Speed"), _("Best so far"))]
    return [
        _round(progress, state),
        _time(progress, state, seconds_left, ended_at),
        _speed(progress),
        _best(progress, state),
    ]


def _round(progress: Progress, state: State) -> Figure:
    now = progress.epoch if state is not State.FINISHED else len(progress.rows)
    value = _("{round} of {rounds}").format(round=max(1, now), rounds=progress.epochs)
    if progress.phase == "validating":
        return Figure(_("Round"), value, _("being checked"))
    within = progress.pictures_total and progress.epoch > len(progress.rows)
    if not within:
        return Figure(_("Round"), value, _("complete"))
    done, total = wording.number(progress.pictures), wording.number(progress.pictures_total)
    return Figure(_("Round"), value, _("{done}/{total} pictures").format(done=done, total=total))


def _time(progress: Progress, state: State, left: float | None, ended_at: float) -> Figure:
    if state is State.FINISHED:
        ended = _("ended at {time}").format(time=_clock(ended_at)) if ended_at else ""
        return Figure(_("Time taken"), wording.short_duration(progress.seconds), ended)
    if state in (State.PAUSED, State.FAILED):
        return Figure(_("Time taken"), wording.short_duration(progress.seconds), _("so far"))
    if left is None:
        return Figure(_("Time left"))
    about = _("ends about {time}").format(time=_clock(time.time() + left))
    return Figure(_("Time left"), wording.short_duration(left), about)


def _clock(moment: float) -> str:
    return time.strftime("%H:%M", time.localtime(moment))


def _speed(progress: Progress) -> Figure:
    rate, whole = progress.images_per_second, progress.round_seconds()
    if rate is None:
        return Figure(_("Speed"))
    caption = _("{time} a round").format(time=wording.short_duration(whole)) if whole else ""
    return Figure(_("Speed"), f"{rate:,.1f}" if rate < 100 else f"{rate:,.0f}", caption, _("pictures/s"))


def _best(progress: Progress, state: State) -> Figure:
    name = _("Best") if state is State.FINISHED else _("Best so far")
    best = progress.best
    if best is None:
        return Figure(name, WAITING, _("after the first round"))
    if best.val_accuracy is None:
        return Figure(name, _("round {round}").format(round=best.epoch), _("nothing to check with"))
    return Figure(name, wording.percent(best.val_accuracy), _("after round {round}").format(round=best.epoch))
