"""A picture of a network's blocks: slabs as wide as they have channels and as high as the picture inside them is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from vgg_studio.app import theme
from vgg_studio.app.network_strip import sentence
from vgg_studio.app.widgets import elide
from vgg_studio.core import vgg, wording
from vgg_studio.core.language import _, ngettext

HIGHEST, LOWEST = 96, 8  # px of a slab
GAP = 2  # between two slabs of a block
LINE = theme.LINE_HEIGHT[13]
HEIGHT = HIGHEST + 8 + 3 * LINE
RADIUS = 2.0


@dataclass(frozen=True)
class Group:
    """A block or the linear layers: its slabs (px), whether it learns, and three lines of words below it."""

    slabs: tuple[QRectF, ...]
    learns: bool
    lines: tuple[str, str, str]
    place: QRectF


def groups(shape: vgg.Shape, image_size: int, train_from: str, width: float) -> list[Group]:
    """The network laid out over `width` px: one place of equal width for each block and one for the linear layers.

    Sides and channels go down and up a hundredfold, so heights and widths follow their square roots.
    """
    layers = [layer for layer in vgg.layers(shape, image_size) if layer.counts]
    stages = [*(f"block{number}" for number in range(1, len(shape.blocks) + 1)), ""]
    learning = vgg.trained_stages(train_from)
    place = width / len(stages)
    parts = [[layer for layer in layers if _group(layer) == stage] for stage in stages]
    unit = min((place - 8 - GAP * (len(part) - 1)) / sum(_weight(layer) for layer in part) for part in parts)
    return [
        Group(
            tuple(_slabs(part, unit, place * number, place, image_size)),
            any(layer.stage in learning for layer in part),
            _words(part),
            QRectF(place * number, 0, place, HEIGHT),
        )
        for number, part in enumerate(parts)
    ]


def _group(layer: vgg.Layer) -> str:
    return layer.stage if layer.kind == "conv" else ""


def _weight(layer: vgg.Layer) -> float:
    return math.sqrt(min(layer.outputs, 1024))


def _slabs(part: list[vgg.Layer], unit: float, left: float, place: float, image_size: int) -> list[QRectF]:
    widths = [max(2.0, unit * _weight(layer)) for layer in part]
    x = left + (place - sum(widths) - GAP * (len(part) - 1)) / 2
    found = []
    for layer, width in zip(part, widths, strict=True):
        height = max(float(LOWEST), HIGHEST * math.sqrt(layer.side / image_size))
        found.append(QRectF(x, (HIGHEST - height) / 2, width, height))
        x += width + GAP
    return found


def _words(part: list[vgg.Layer]) -> tuple[str, str, str]:
    last = part[-1]
    if last.kind == "conv":
        name = _("Block {number}").format(number=last.stage.removeprefix("block"))
        channels = ngettext("{count} channel", "{count} channels", last.outputs).format(
            count=wording.number(last.outputs)
        )
        return name, channels, _("{side} px").format(side=last.side)
    layers = ngettext("{count} layer", "{count} layers", len(part)).format(count=len(part))
    answers = ngettext("{count} answer", "{count} answers", last.outputs).format(count=wording.number(last.outputs))
    return _("Classifier"), layers, answers


class BlocksPicture(QWidget):
    """Paints the groups; a screen reader reads the sentence instead."""

    def __init__(self) -> None:
        super().__init__()
        self._shape, self._side, self._train_from = vgg.Shape("vgg16"), 224, "block1"
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def show_network(self, shape: vgg.Shape, image_size: int, train_from: str) -> None:
        """Draw a network for pictures of a size, and what of it learns."""
        self._shape, self._side, self._train_from = shape, image_size, train_from
        self.setAccessibleName(sentence(shape, train_from))
        self.update()

    def groups(self) -> list[Group]:
        """What is drawn at the present width."""
        return groups(self._shape, self._side, self._train_from, self.width())

    def sizeHint(self) -> QSize:
        return QSize(640, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for group in self.groups():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("text" if group.learns else "frozen"))
            for slab in group.slabs:
                painter.drawRoundedRect(slab, RADIUS, RADIUS)
            _paint_words(painter, group)
        painter.end()


def _paint_words(painter: QPainter, group: Group) -> None:
    for number, words in enumerate(group.lines):
        font = theme.font("body" if number else "strong")
        painter.setFont(font)
        painter.setPen(theme.color("muted" if number else "text"))
        rect = QRectF(group.place.left(), HIGHEST + 8 + number * LINE, group.place.width(), LINE)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, elide(words, font, int(rect.width()) - 4))
