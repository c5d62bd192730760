"""The two plots of a training, loss above accuracy, on one axis of rounds. Imports pyqtgraph: see chart_slot.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from vgg_studio.app.chart_data import (
    ChartData,
    Numbers,
    loss_numbers,
    loss_top,
    loss_words,
    reading_words,
    share_words,
    x_end,
    x_numbers,
)
from vgg_studio.app.chart_parts import AXIS_WIDTH, AxisWord, Curve, Hint
from vgg_studio.app.chart_plot import Plot
from vgg_studio.app.widgets import Label, row
from vgg_studio.core.language import _
from vgg_studio.core.progress import Progress
from vgg_studio.core.wording import percent

REDRAW_MS = 75  # 13 times a second: smooth to the eye, nothing to a processor that is training
SHARES = [(float(share), str(share)) for share in (0, 25, 50, 75, 100)]


class Charts(QWidget):
    """Both plots with their title rows. `show_progress` only marks them; a timer draws, and only while they are seen."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress()
        self.data = ChartData()
        self.baseline: float | None = None
        self.loss, self.accuracy = Plot(numbers_below=False), Plot(numbers_below=True)
        self.accuracy.widget.setXLink(self.loss.widget)
        self.titles = tuple((Label(role="strong"), Label(tone="muted")) for _plot in (self.loss, self.accuracy))
        self.axis_word = AxisWord(self.accuracy.widget)
        self.hint = Hint(self.loss.widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.redraw)
        self._lay_out()
        for plot in (self.loss, self.accuracy):
            plot.hovered.connect(self._hovered)
            plot.left.connect(self._unhovered)
            plot.view.sigResized.connect(self._schedule)
        self.retranslate()

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        for (name, meaning), plot in zip(self.titles, (self.loss, self.accuracy), strict=True):
            box.addLayout(row(name, meaning, None))
            # Ignored: a plot takes what is there; its own wish of 480 px would make the page scroll.
            plot.widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
            plot.widget.setMinimumHeight(96)
            box.addWidget(plot.widget, 1)

    def show_progress(self, progress: Progress) -> None:
        """Draw this training from now on; call it again whenever it has grown."""
        self.progress = progress
        self._schedule()

    def set_hint(self, sentence: str) -> None:
        """The sentence in the middle of empty plots."""
        self.hint.setText(sentence)
        self._schedule()

    def set_baseline(self, accuracy: float | None) -> None:
        """A dashed line in the plot of accuracies at what a quick look has reached, a fraction of 1."""
        self.baseline = accuracy
        self._name_plots()
        self._schedule()

    def retranslate(self) -> None:
        """Set the words anew."""
        self._name_plots()
        self.axis_word.setText(_("round"))
        self.axis_word.place()
        self._schedule()

    def retheme(self) -> None:
        """Pens, brushes and fonts anew."""
        for plot in (self.loss, self.accuracy):
            plot.retheme()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._schedule()

    def redraw(self) -> None:
        """Draw what is known now; nothing while nobody sees it."""
        if not self.isVisible():
            return
        self.data.follow(self.progress)
        self.hint.setVisible(self.data.empty and bool(self.hint.text()))
        self.hint.place()
        x, losses, shares = self.data.train
        rounds, val_losses, val_shares = self.data.val
        self._set_axes(max((float(part[-1]) for part in (x, rounds) if part.size), default=0.0))
        self._draw(self.loss, (x, losses), (rounds, val_losses), loss_words)
        self._draw(self.accuracy, (x, shares), (rounds, val_shares), share_words)
        self.accuracy.show_baseline(None if self.baseline is None else 100 * self.baseline)

    def _schedule(self) -> None:
        if not self._timer.isActive():
            self._timer.start(REDRAW_MS)

    def _set_axes(self, last: float) -> None:
        words = (
            _("validation {value}").format(value=share_words(100.0)),
            _("training {value}").format(value=share_words(100.0)),
        )
        room = self.loss.label_width(words) / max(1.0, self.loss.plot_width())
        end = x_end(last, room if last else 0.0)
        numbers = [(float(number), str(number)) for number in x_numbers(end)]
        if self.axis_word.width() > AXIS_WIDTH - 8:
            numbers[0] = (0.0, "")  # the word has taken its place
        top = loss_top(self.data.highest_loss())
        self.loss.set_axes(top, loss_numbers(top), end, numbers)
        self.accuracy.set_axes(100.0, SHARES, end, numbers)

    def _draw(
        self,
        plot: Plot,
        train: tuple[Numbers, Numbers],
        val: tuple[Numbers, Numbers],
        words: Callable[[float | None], str],
    ) -> None:
        curves = [
            _named(*train, _("training {value}"), words),
            _named(*val, _("validation {value}"), words),
        ]
        best = self.progress.best_epoch
        here = np.flatnonzero(val[0] == best) if best else np.empty(0, dtype=np.intp)
        value = float(val[1][here[0]]) if here.size else float("nan")
        name = _("best: round {round}").format(round=best) if plot is self.loss else ""
        plot.show_curves(curves[0], curves[1], (float(best), value, name))
        title = self.titles[0 if plot is self.loss else 1][0].text()
        plot.widget.setAccessibleName(", ".join(part for part in (title, curves[0].text, curves[1].text) if part))

    def _name_plots(self) -> None:
        shares = _("share of pictures named right, in %")
        if self.baseline is not None:
            shares = _("in %; dashed: quick look {value}").format(value=percent(self.baseline))
        words = (
            (_("Loss"), _("how wrong the answers are, lower is better")),
            (_("Accuracy"), shares),
        )
        for (name, meaning), (title, hint) in zip(self.titles, words, strict=True):
            name.setText(title)
            meaning.setText(hint)

    def _hovered(self, x: float) -> None:
        reading = self.data.at(x)
        if reading is None:
            return
        for plot, (_name, meaning), words in zip(
            (self.loss, self.accuracy), self.titles, reading_words(reading), strict=True
        ):
            plot.point_at(reading.at)
            meaning.setText(words)

    def _unhovered(self) -> None:
        for plot in (self.loss, self.accuracy):
            plot.point_at(None)
        self._name_plots()


def _named(x: Numbers, y: Numbers, template: str, words: Callable[[float | None], str]) -> Curve:
    curve = Curve(x, y)
    return Curve(x, y, template.format(value=words(curve.end[1]))) if curve.end else curve
