"""One plot: two curves named at their ends, the best round, a line under the pointer. Imports pyqtgraph: see chart_slot.py."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent
from PySide6.QtWidgets import QFrame

from vgg_studio.app import theme
from vgg_studio.app.chart_data import spread
from vgg_studio.app.chart_parts import (
    AXIS_HEIGHT,
    AXIS_WIDTH,
    FOOT,
    HEAD,
    RIGHT_MARGIN,
    TEXT_MARGIN,
    Curve,
    EndLabel,
    plot_widget,
)

LABEL_DISTANCE = 12
BEST_LABEL_Y = 25
BEST_LABEL_ROOM = 130  # px at the right end in which the best round's name stands left of its line


class Plot(QObject):
    """A plot of fixed axes. `hovered` tells the round under the pointer, `left` that there is none."""

    hovered = Signal(float)
    left = Signal()

    def __init__(self, numbers_below: bool) -> None:
        super().__init__()
        self.widget = plot_widget()
        self._numbers_below = numbers_below
        self._curves: tuple[Curve, Curve] | None = None
        self._best = (0.0, 0.0, "")
        self._top, self._x_end = 1.0, 10.0
        self._prepare_axes()
        self._add_items()
        self.widget.viewport().installEventFilter(self)
        self.view.sigResized.connect(self._settle)
        self.retheme()

    @property
    def view(self) -> pg.ViewBox:
        """The part of the plot in which the curves are."""
        return self.widget.getPlotItem().getViewBox()

    def _prepare_axes(self) -> None:
        plot = self.widget.getPlotItem()
        self.widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.widget.setFrameShape(QFrame.Shape.NoFrame)
        self.widget.setMouseEnabled(x=False, y=False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setContentsMargins(0, 0, RIGHT_MARGIN, 0)
        left, bottom = self.widget.getAxis("left"), self.widget.getAxis("bottom")
        left.setWidth(AXIS_WIDTH)
        left.setGrid(40)
        left.setStyle(tickAlpha=255, tickTextOffset=8, hideOverlappingLabels=False)
        bottom.setStyle(showValues=self._numbers_below, tickLength=4 if self._numbers_below else 0, tickTextOffset=2)
        bottom.setStyle(hideOverlappingLabels=False)
        bottom.setHeight(AXIS_HEIGHT if self._numbers_below else FOOT)
        for axis in (left, bottom):
            axis.setZValue(-1)  # the grid lies under the curves
        self.view.disableAutoRange()
        self.view.setDefaultPadding(0)

    def _add_items(self) -> None:
        self.best_line = pg.InfiniteLine(angle=90)
        self.pointer_line = pg.InfiniteLine(angle=90)
        self.train = pg.PlotDataItem(antialias=True, connect="finite")
        self.val = pg.PlotDataItem(antialias=True, connect="finite", symbol="o", symbolSize=6, symbolPen=None)
        self.ring = pg.ScatterPlotItem(size=12, antialias=True)
        self.best_words = pg.TextItem()
        self.base_line = pg.InfiniteLine(angle=0)
        self.labels = (EndLabel("muted", "body"), EndLabel("link", "strong"))
        loose = [part for label in self.labels for part in (label.leader, label.words)]
        loose.append(self.base_line)
        for item in (self.best_line, self.pointer_line, self.train, self.val, self.ring, self.best_words, *loose):
            self.widget.addItem(item, ignoreBounds=True)
        for curve in (self.train, self.val):  # only now: before it is in a view, clipping has nothing to clip to
            curve.setDownsampling(auto=True, method="peak")
            curve.setClipToView(True)
        self.clear()

    def clear(self) -> None:
        """Empty axes."""
        self._curves = None
        for curve in (self.train, self.val, self.ring):
            curve.setData([], [])
        for item in (self.best_line, self.pointer_line, self.best_words):
            item.setVisible(False)
        for label in self.labels:
            label.show(False)
        self.show_baseline(None)

    def show_baseline(self, height: float | None) -> None:
        """A dashed line from side to side at a height; None for no line. The plot's title says what it is."""
        self.base_line.setVisible(height is not None)
        if height is not None:
            self.base_line.setPos(height)

    def set_axes(
        self, top: float, y_numbers: list[tuple[float, str]], x_end: float, x_numbers: list[tuple[float, str]]
    ) -> None:
        """Where the axes end and what is written at them."""
        self._top, self._x_end = top, x_end
        self.widget.getAxis("left").setTicks([y_numbers])
        self.widget.getAxis("bottom").setTicks([x_numbers if self._numbers_below else []])
        self._settle()

    def show_curves(self, train: Curve, val: Curve, best: tuple[float, float, str]) -> None:
        """Draw both curves; `best` is the best round, its value there (or NaN) and the words beside its line."""
        self._curves, self._best = (train, val), best
        for item, curve in ((self.train, train), (self.val, val)):
            item.setData(curve.x, curve.y) if curve.end else item.setData([], [])
        round_, value, _words = best
        self.ring.setData([round_], [value]) if round_ and np.isfinite(value) else self.ring.setData([], [])
        self._settle()

    def point_at(self, round_: float | None) -> None:
        """Show the line under the pointer at a round, or hide it."""
        self.pointer_line.setVisible(round_ is not None)
        if round_ is not None:
            self.pointer_line.setPos(round_)

    def plot_width(self) -> float:
        """Width between the axes' ends, in px."""
        return float(self.view.width())

    def label_width(self, texts: tuple[str, ...]) -> float:
        """What the widest of the end labels needs beside its curve, in px."""
        metrics = QFontMetrics(theme.font("strong"))
        widest = max((metrics.horizontalAdvance(text) for text in texts), default=0)
        return LABEL_DISTANCE + widest + 2 * TEXT_MARGIN

    def retheme(self) -> None:
        """Take the colours and fonts of the scheme in use."""
        self.widget.setBackground(theme.color("card"))
        font: QFont = theme.font("tabular")
        for name in ("left", "bottom"):
            axis = self.widget.getAxis(name)
            axis.setTickFont(font)
            axis.setTextPen(theme.color("muted"))
            axis.setPen(theme.color("line2") if name == "bottom" else pg.mkPen(None))
            axis.setTickPen(theme.color("grid" if name == "left" else "line2"))
        self.train.setPen(pg.mkPen(theme.color("ptrain"), width=1.5))
        self.val.setPen(pg.mkPen(theme.color("link"), width=2.5))
        self.val.setSymbolBrush(theme.color("link"))
        self.ring.setPen(pg.mkPen(theme.color("link"), width=2.5))
        self.ring.setBrush(theme.color("card"))
        self.best_line.setPen(pg.mkPen(theme.color("muted"), width=1, style=Qt.PenStyle.DashLine))
        self.base_line.setPen(pg.mkPen(theme.color("muted"), width=1, style=Qt.PenStyle.DashLine))
        self.pointer_line.setPen(pg.mkPen(theme.color("line2"), width=1))
        self.best_words.setFont(theme.font("body"))
        self.best_words.setColor(theme.color("muted"))
        self.best_words.fill = pg.mkBrush(theme.color("card"))
        for label in self.labels:
            label.retheme()
        self._settle()

    def _settle(self) -> None:
        """Put everything that is placed in px where it belongs at the present size."""
        height = max(1.0, float(self.view.height()))
        end = self._x_end * (1 + 1e-9)  # else rounding may put the last number just outside
        self.view.setRange(xRange=(0, end), yRange=(0, self._top * height / max(1.0, height - HEAD)), padding=0)
        if self._curves:
            self._place_best()
            self._place_labels(self._curves)

    def _to_px(self, x: float, y: float) -> QPointF:
        rect: QRectF = self.view.viewRect()
        return QPointF(
            (x - rect.left()) / rect.width() * self.view.width(),
            (rect.bottom() - y) / rect.height() * self.view.height(),
        )

    def _to_data(self, x: float, y: float) -> tuple[float, float]:
        rect: QRectF = self.view.viewRect()
        width, height = max(1.0, float(self.view.width())), max(1.0, float(self.view.height()))
        return rect.left() + x / width * rect.width(), rect.bottom() - y / height * rect.height()

    def _place_best(self) -> None:
        round_, _value, words = self._best
        self.best_line.setVisible(bool(round_))
        self.best_words.setVisible(bool(round_ and words))
        if not round_:
            return
        self.best_line.setPos(round_)
        line = self._to_px(round_, 0).x()
        room = max(BEST_LABEL_ROOM, QFontMetrics(theme.font("body")).horizontalAdvance(words) + 2 * LABEL_DISTANCE)
        leftwards = self.view.width() - line < room
        self.best_words.setText(words)
        self.best_words.setAnchor((1, 0.5) if leftwards else (0, 0.5))
        self.best_words.setPos(*self._to_data(line + (-TEXT_MARGIN if leftwards else TEXT_MARGIN), BEST_LABEL_Y))

    def _place_labels(self, curves: tuple[Curve, Curve]) -> None:
        shown = [(label, curve) for label, curve in zip(self.labels, curves, strict=True) if curve.end and curve.text]
        for label in self.labels:
            label.show(False)
        ends = [self._to_px(*curve.end) for _label, curve in shown if curve.end]
        if not ends:
            return
        x = max(end.x() for end in ends) + LABEL_DISTANCE
        low = BEST_LABEL_Y + 20.0 if self._best[0] and self._best[2] else 9.0
        heights = spread([end.y() for end in ends], low, self.view.height() - 9.0)
        for (label, curve), end, y in zip(shown, ends, heights, strict=True):
            label.place(curve.text, end, QPointF(x, y), self._to_data)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            at = self.widget.mapToScene(event.position().toPoint())
            inside = self.view.sceneBoundingRect().contains(at)
            self.hovered.emit(float(self.view.mapSceneToView(at).x())) if inside else self.left.emit()
        elif event.type() == QEvent.Type.Leave:
            self.left.emit()
        return super().eventFilter(watched, event)
