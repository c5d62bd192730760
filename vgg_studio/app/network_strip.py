"""The network as a strip of slabs: one for each layer that counts, dark where it learns, pale where it stays."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from vgg_studio.app import theme
from vgg_studio.core import vgg
from vgg_studio.core.language import _, ngettext

HEIGHT = 36
GROUP_GAP = 12
SLAB_GAP = 2
LAST_HEIGHT, CLASSIFIER_HEIGHT = 12, 8  # of the last block and of the linear layers
RADIUS = 2.0


@dataclass(frozen=True)
class Slab:
    """One layer: its rectangle in the strip (px) and whether it learns."""

    name: str
    rect: QRectF
    learns: bool


def slabs(shape: vgg.Shape, train_from: str, width: float) -> list[Slab]:
    """The layers of a network laid out over `width` px, grouped by block, lower as the picture inside gets smaller."""
    counted = [layer for layer in vgg.layers(shape) if layer.counts]
    last = len(shape.blocks) + 1
    groups = [_group(layer.stage, last) for layer in counted]
    gaps = [GROUP_GAP if after != before else SLAB_GAP for before, after in itertools.pairwise(groups)]
    slab = max(1.0, (width - sum(gaps)) / len(counted))
    learning = vgg.trained_stages(train_from)
    found, left = [], 0.0
    for layer, group, gap in zip(counted, groups, [*gaps, 0], strict=True):
        height = _height(group, last)
        found.append(Slab(layer.name, QRectF(left, (HEIGHT - height) / 2, slab, height), layer.stage in learning))
        left += slab + gap
    return found


def sentence(shape: vgg.Shape, train_from: str) -> str:
    """How many layers stay and how many learn, in words."""
    learning = vgg.trained_stages(train_from)
    counted = [layer.stage in learning for layer in vgg.layers(shape) if layer.counts]
    learn, stay = sum(counted), len(counted) - sum(counted)
    if not stay:
        return ngettext("{count} layer learns", "All {count} layers learn", learn).format(count=learn)
    stays = ngettext("{count} layer stays as it is", "{count} layers stay as they are", stay).format(count=stay)
    learns = ngettext("{count} learns", "{count} learn", learn).format(count=learn)
    return _("{stays}, {learns}").format(stays=stays, learns=learns)


def _group(stage: str, last: int) -> int:
    """From 1 on for the blocks, `last` for the classifier."""
    return int(stage.removeprefix("block")) if stage.startswith("block") else last


def _height(group: int, last: int) -> int:
    """A slab's height in px: an even step down from block to block, so that the middle line stays straight."""
    if group == last:
        return CLASSIFIER_HEIGHT
    return HEIGHT - 2 * round((group - 1) * (HEIGHT - LAST_HEIGHT) / 2 / max(1, last - 2))


class NetworkStrip(QAbstractButton):
    """Paints the slabs of the chosen network over its whole width; a screen reader reads the sentence instead.

    A click opens what is inside (`clicked`); for the keyboard there is a link beside it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape = vgg.Shape("vgg16")
        self._train_from = "block1"
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.signals.changed.connect(self.update)

    def show_network(self, shape: vgg.Shape, train_from: str) -> None:
        """Draw another network or another share of it that learns."""
        self._shape, self._train_from = shape, train_from
        self.setAccessibleName(sentence(shape, train_from))
        self.update()

    def slabs(self) -> list[Slab]:
        """What is drawn at the present width."""
        return slabs(self._shape, self._train_from, self.width())

    def sizeHint(self) -> QSize:
        return QSize(288, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for slab in self.slabs():
            painter.setBrush(theme.color("text" if slab.learns else "frozen"))
            painter.drawRoundedRect(slab.rect, RADIUS, RADIUS)
        painter.end()
