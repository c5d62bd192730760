"""Paints a picture on its matte: one square of one size for every list, aspect kept, never stretched, corners rounded."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap, QTransform

from vgg_studio.app import theme

KEPT = 600  # scaled pictures in memory: some screens full; at 128 px and 100 % each takes 64 kB


class PictureCell:
    """Scales pictures once for a square of `side` px and paints them; shared by all rows of one list."""

    def __init__(self, side: int) -> None:
        self.side = side
        self._scaled: OrderedDict[tuple[int, float], QPixmap] = OrderedDict()

    def paint(self, painter: QPainter, left: int, top: int, picture: QPixmap | None) -> None:
        """The matte, and on it the picture as soon as there is one."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(self.rect(left, top), theme.RADIUS_CELL, theme.RADIUS_CELL)
        if picture is not None and not picture.isNull():
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(left, top, self._fitted(picture, ratio))

    def frame(self, painter: QPainter, left: int, top: int, token: str, width: int) -> None:
        """A line of `width` px in the colour of `token`, inside the cell's edge."""
        inset = width / 2
        painter.setPen(QPen(theme.color(token), width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        rect = QRectF(self.rect(left, top)).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(rect, theme.RADIUS_CELL, theme.RADIUS_CELL)

    def rect(self, left: int, top: int) -> QRect:
        """The cell's square."""
        return QRect(left, top, self.side, self.side)

    def _fitted(self, picture: QPixmap, ratio: float) -> QPixmap:
        key = (picture.cacheKey(), ratio)
        found = self._scaled.get(key)
        if found is None:
            found = self._scaled[key] = rounded(picture, self.side, ratio)
            if len(self._scaled) > KEPT:
                self._scaled.popitem(last=False)
        else:
            self._scaled.move_to_end(key)
        return found


def fitted_size(picture: QSize, room: QSize, largest: float = 2.0) -> QSize:
    """The size of a picture that fits into `room` (px) with its aspect, enlarged at most `largest` times, at least 1 px."""
    if picture.isEmpty():
        return QSize(0, 0)
    scale = min(room.width() / picture.width(), room.height() / picture.height(), largest)
    return QSize(max(1, round(picture.width() * scale)), max(1, round(picture.height() * scale)))


def rounded(picture: QPixmap, side: int, ratio: float) -> QPixmap:
    """The picture in the middle of a transparent square of `side` px whose corners are rounded."""
    pixels = round(side * ratio)
    size = fitted_size(picture.size(), QSize(pixels, pixels), largest=8.0 * ratio)  # data sets of 28 px exist
    small = picture.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    square = QPixmap(pixels, pixels)
    square.fill(Qt.GlobalColor.transparent)
    left, top = (pixels - size.width()) // 2, (pixels - size.height()) // 2
    brush = QBrush(small)
    brush.setTransform(QTransform.fromTranslate(left, top))
    painter = QPainter(square)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setClipRect(left, top, size.width(), size.height())
    painter.setBrush(brush)
    painter.drawRoundedRect(0, 0, pixels, pixels, theme.RADIUS_CELL * ratio, theme.RADIUS_CELL * ratio)
    painter.end()
    square.setDevicePixelRatio(ratio)
    return square
