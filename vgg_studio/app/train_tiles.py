"""The four tiles above the plots: before a training the pictures and classes, then round, time, speed, best."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from vgg_studio.app import theme
from vgg_studio.app.scan_state import ScanState, class_total
from vgg_studio.app.train_state import State
from vgg_studio.app.widgets import Card, Label, elide, plain_tip
from vgg_studio.core import wording
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress

HEIGHT, WRAPPED = 96, 16  # px of a tile, and what each line more adds
LINE, TALL_LINE = theme.LINE_HEIGHT[13], 19  # px; the taller one where words wrap, for Chinese among Latin
WAITING = "…"
PADDING = 15


@dataclass(frozen=True)
class Figure:
    """What a tile says: a name, a value with its unit, and what it means."""

    name: str
    value: str = WAITING
    caption: str = ""
    unit: str = ""


class Value(QWidget):
    """A tile's value, its unit small behind it, on a line of fixed height: its foot stands where our own font puts it, even
    where signs of a taller font (Chinese beside digits) are among it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._value = self._unit = ""
        self.setFixedHeight(theme.LINE_HEIGHT[20])
        theme.signals.changed.connect(self.update)

    def write(self, value: str, unit: str) -> None:
        """Show a value; one that is too wide is written small."""
        self._value, self._unit = value, unit
        self.update()

    def parts(self, width: int) -> list[tuple[str, str]]:
        """What is written within `width` px, each part with a font of theme.ROLES."""
        large = theme.font("figure")
        role = "figure" if QFontMetrics(large).horizontalAdvance(self._value) <= width else "tabular_strong"
        return [(elide(self._value, theme.font(role), width), role), (f" {self._unit}" if self._unit else "", "body")]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.color("text"))
        metrics = QFontMetrics(theme.font("figure"))
        left, foot = 0, (self.height() - metrics.height()) // 2 + metrics.ascent()
        for words, role in self.parts(self.width()):
            painter.setFont(theme.font(role))
            painter.drawText(left, foot, words)
            left += painter.fontMetrics().horizontalAdvance(words)
        painter.end()


class Tile(Card):
    """One figure. The value is large, its unit small behind it."""

    def __init__(self) -> None:
        super().__init__(padding=PADDING, spacing=0)
        self.name, self.caption = Label(tone="muted", wrap=True), Label(tone="muted", wrap=True)
        self.value = Value()
        self.name.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        for widget in (self.name, self.value, self.caption):
            self.box.addWidget(widget)
        self.box.addStretch(1)
        self.box.setContentsMargins(PADDING, PADDING, PADDING, 0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._shown = Figure("")

    def show_figure(self, figure: Figure) -> None:
        """Show a figure."""
        self._shown = figure
        self.name.setText(figure.name)
        said = (figure.name, figure.value, figure.unit, figure.caption)
        self.setAccessibleName(" ".join(part for part in said if part))

    def figure(self) -> Figure:
        """What is shown."""
        return self._shown

    def fit_unit(self, width: int) -> None:
        """The unit stands small behind the value, or before the caption where `width` px are too few for that."""
        figure = self._shown
        beside = not figure.unit or unit_fits(figure.value, figure.unit, width)
        self.value.write(figure.value, figure.unit if beside else "")
        cut = self.value.parts(width)[0][0] != figure.value
        self.setToolTip(plain_tip(figure.value) if cut else "")
        self.caption.setText(figure.caption if beside else _below(figure.unit, figure.caption))

    def level(self, names: int, captions: int) -> None:
        """Give the name and the caption as many lines as the row's longest have."""
        self.name.setFixedHeight(LINE if names == 1 else TALL_LINE * names)
        self.caption.setFixedHeight(LINE if captions == 1 else TALL_LINE * captions)
        self.setFixedHeight(HEIGHT + WRAPPED * (names + captions - 2))


class TrainTiles(QWidget):
    """Four tiles of one width, whose values stand on one line: where words wrap in one of them, all of them make room."""

    def __init__(self) -> None:
        super().__init__()
        self.tiles = [Tile() for _place in range(4)]
        self._captions = 1
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(16)
        for tile in self.tiles:
            box.addWidget(tile, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_figures(self, figures: list[Figure]) -> None:
        """Show one figure a tile; nothing is laid out anew where they say the same."""
        if figures != self.figures():
            for tile, figure in zip(self.tiles, figures, strict=True):
                tile.show_figure(figure)
            self._level()

    def figures(self) -> list[Figure]:
        """What is shown."""
        return [tile.figure() for tile in self.tiles]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._captions = 1
        self._level()

    def _level(self) -> None:
        """One height for all names and one for all captions. Words that come later count too, and captions only ever get
        higher while the width stays, so that nothing jumps when a training starts.
        """
        width = (self.width() - 3 * 16) // 4 - 2 * (PADDING + 1)
        if width < 40:
            return
        font = self.tiles[0].name.fontMetrics()
        for tile in self.tiles:
            tile.fit_unit(width)
        captions = [*usual_captions(width), *(tile.caption.text() for tile in self.tiles)]
        self._captions = max(self._captions, *(_lines(font, words, width) for words in captions))
        names = max(_lines(font, words, width) for words in all_names())
        for tile in self.tiles:
            tile.level(names, self._captions)


def _lines(font: QFontMetrics, words: str, width: int) -> int:
    """On how many lines words stand within `width` px."""
    if font.horizontalAdvance(words) <= width:
        return 1
    box = font.boundingRect(0, 0, width, 1000, Qt.TextFlag.TextWordWrap, words)
    return max(2, round(box.height() / font.boundingRect(0, 0, 10_000, 1000, 0, words).height()))


def unit_fits(value: str, unit: str, width: int) -> bool:
    """Whether a unit can stand behind its value within `width` px."""
    small, large = QFontMetrics(theme.font("body")), QFontMetrics(theme.font("figure"))
    return large.horizontalAdvance(value) + small.horizontalAdvance(f" {unit}") <= width


def _below(unit: str, caption: str) -> str:
    return _(", ").join(part for part in (unit, caption) if part)


def all_names() -> tuple[str, ...]:
    """Every name that a tile has before or during a training."""
    before = (_("To learn from"), _("For checking"), _("For the score"), _("Classes"))
    return (*before, _("Features"), _("Round"), _("Time left"), _("Speed"), _("Best so far"))


def usual_captions(width: int) -> tuple[str, ...]:
    """What the captions of a usual training need, before there is one."""
    speed, a_round = _("pictures/s"), _("{time} a round").format(time=wording.short_duration(57))
    return (
        _("{low} to {high} in each").format(low=100, high=200),
        _("{done}/{total} pictures").format(done=600, total=640),
        _("ends about {time}").format(time="20:08"),
        a_round if unit_fits("88.8", speed, width) else _below(speed, a_round),
        _("after the first round"),
    )


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
        Figure(_("For checking"), parts[1], _("pictures")),
        Figure(_("For the score"), parts[2], _("kept back")),
        Figure(_("Classes"), wording.number(len(sizes)) if sizes else WAITING, spread),
    ]


def figures_of_training(progress: Progress, state: State, seconds_left: float | None, ended_at: float) -> list[Figure]:
    """Round, time, speed, best. `ended_at` is Unix time, for a training that has ended."""
    if state is State.PREPARING and progress.phase == "extracting":
        found = _("of {pictures}").format(pictures=wording.pictures(progress.phase_total))
        looked = Figure(_("Features"), wording.number(progress.phase_done), found)
        return [looked, _time(progress, state, seconds_left, ended_at), _speed(progress), _best(progress, state)]
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
    if progress.phase == "extracting":
        done, total = wording.number(progress.phase_done), wording.number(progress.phase_total)
        return Figure(_("Round"), value, _("{done}/{total} features").format(done=done, total=total))
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
