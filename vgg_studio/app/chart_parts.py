"""What a plot is put together from: a curve, the words at its end, its left axis, words that lie over it. Imports pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from vgg_studio.app import theme
from vgg_studio.app.chart_data import Numbers
from vgg_studio.app.widgets import Label

AXIS_WIDTH = 48
AXIS_HEIGHT = 24
RIGHT_MARGIN = 12
HEAD = 8  # px above the highest number: a ring at 100 % is whole
FOOT = 16  # px below a plot without numbers: half of its lowest number, and air
TEXT_MARGIN = 4  # what pyqtgraph's TextItem leaves around its words
LEADER_FROM = 16.0  # px: nearer labels need no leader


@dataclass(frozen=True)
class Curve:
    """Points of one curve and what stands at its end ("" for nothing). `tone` colours the words."""

    x: Numbers
    y: Numbers
    text: str = ""
    tone: str = "muted"

    @property
    def end(self) -> tuple[float, float] | None:
        """The last point that is a number."""
        finite = np.flatnonzero(np.isfinite(self.y))
        return (float(self.x[finite[-1]]), float(self.y[finite[-1]])) if finite.size else None


class EndLabel:
    """Words at the end of a curve, with a dotted leader where they could not stand right beside it."""

    def __init__(self, tone: str, role: str) -> None:
        self.tone, self.role = tone, role
        self.words = pg.TextItem(anchor=(0, 0.5))
        self.leader = pg.PlotCurveItem(antialias=True)
        self.retheme()

    def retheme(self) -> None:
        """Take the colours of the scheme in use."""
        self.words.setFont(theme.font(self.role))
        self.words.setColor(theme.color(self.tone))
        self.words.fill = pg.mkBrush(theme.color("card"))
        self.leader.setPen(pg.mkPen(theme.color(self.tone), width=1, style=Qt.PenStyle.DotLine))

    def place(
        self, text: str, end: QPointF, at: QPointF, to_data: Callable[[float, float], tuple[float, float]]
    ) -> None:
        """Stand at `at` for a curve that ends at `end` (both px in the plot)."""
        self.words.setText(text)
        self.words.setPos(*to_data(at.x() - TEXT_MARGIN, at.y()))
        far = at.x() - end.x() > LEADER_FROM or abs(at.y() - end.y()) > LEADER_FROM / 2
        points = [to_data(end.x() + TEXT_MARGIN, end.y()), to_data(at.x() - TEXT_MARGIN, at.y())] if far else []
        self.leader.setData([x for x, _ in points], [y for _, y in points])
        self.show(True)

    def show(self, visible: bool) -> None:
        """Hide or show words and leader."""
        self.words.setVisible(visible)
        self.leader.setVisible(visible)


class LeftAxis(pg.AxisItem):  # type: ignore[misc]
    """Numbers with grid lines, but none at 0: the lower axis is there already."""

    def boundingRect(self) -> QRectF:
        # WORKAROUND: with a grid, pyqtgraph 0.14 drops the numbers at both ends of an axis, because half of their height is
        # outside its bounds (AxisItem.boundingRect). Remove when the bounds with a grid leave room as those without do.
        found: QRectF = super().boundingRect()
        return found.adjusted(0, -12, 0, 12)

    def generateDrawSpecs(self, painter: QPainter) -> tuple[object, list[object], list[object]] | None:
        specs = super().generateDrawSpecs(painter)
        return (specs[0], specs[1][1:], specs[2]) if specs else None


def plot_widget() -> pg.PlotWidget:
    """A plot widget that takes everything it made with it when it is deleted.

    WORKAROUND: pyqtgraph 0.14 makes menus and forms without parents, one set a plot, even where the menus are switched off
    (PlotItem.__init__). They are windows of their own then, and deleting them before the plot crashes. Remove when an
    application has no more top-level widgets after making a PlotWidget than before.
    """
    before = set(QApplication.topLevelWidgets())
    widget = pg.PlotWidget(axisItems={"left": LeftAxis("left")}, enableMenu=False)
    for stray in set(QApplication.topLevelWidgets()) - before - {widget}:
        stray.setParent(widget)
        stray.hide()  # else it would be shown with the plot, over it
    return widget


class _Over(Label):
    """Words that lie over a plot and follow its size; no part of the plot, so that they can be read and translated."""

    def __init__(self, plot: QWidget, wrap: bool = False) -> None:
        super().__init__(tone="muted", wrap=wrap)
        self.plot = plot
        self.setParent(plot)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        plot.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.place()
        return super().eventFilter(watched, event)

    def place(self) -> None:
        """Stand where the words belong at the plot's present size."""
        raise NotImplementedError


class AxisWord(_Over):
    """The word under the left axis, left of the numbers."""

    def place(self) -> None:
        self.adjustSize()
        self.move(0, self.plot.height() - AXIS_HEIGHT + (AXIS_HEIGHT - self.height()) // 2 + 2)


class Hint(_Over):
    """A sentence in the middle of an empty plot."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot, wrap=True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("card"))
        painter.end()
        super().paintEvent(event)

    def place(self) -> None:
        plot = self.plot
        room = max(1, plot.width() - AXIS_WIDTH - RIGHT_MARGIN - 32)
        words = self.fontMetrics().horizontalAdvance(self.text()) + 32
        width = min(room, words)
        self.resize(width, self.heightForWidth(width) if words > room else theme.LINE_HEIGHT[13])
        left = AXIS_WIDTH + (plot.width() - AXIS_WIDTH - RIGHT_MARGIN - width) // 2
        self.move(left, (plot.height() + HEAD - FOOT - self.height()) // 2)
