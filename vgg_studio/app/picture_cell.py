"""Paints a picture on its matte, aspect kept, never stretched: small in every list, large beside the answer."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QFrame

from vgg_studio.app import theme
from vgg_studio.app.widgets import plain_tip
from vgg_studio.core.errors import describe_reason
from vgg_studio.core.events import PictureRef
from vgg_studio.core.wording import picture_text

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


KEPT = 600  # scaled pictures in memory: some screens full; at 128 px and 100 % each takes 64 kB
PADDING = 16
LARGE, SMALL = 1024, 256  # sides of the previews that the store gives


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


class PictureMatte(QFrame):
    """Shows the small preview at once and the large one as soon as it is there; or why there is none."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.setProperty("kind", "matte")
        self._store = studio.thumbnails
        self._picture: PictureRef | None = None
        self._scaled: tuple[tuple[int, QSize], QPixmap] | None = None
        self._store.arrived.connect(self._arrived)
        theme.signals.changed.connect(self.update)

    def show_picture(self, picture: PictureRef | None) -> None:
        """Show a picture by its whole path, or nothing."""
        self._picture = picture
        self.setAccessibleName(picture_text(picture) if picture is not None else "")
        self.setToolTip(plain_tip(picture_text(picture)) if picture is not None else "")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._picture is None:
            return
        painter = QPainter(self)
        found = self._store.pixmap(self._picture, "", LARGE) or self._store.pixmap(self._picture, "", SMALL)
        reason = self._store.reason(self._picture, "", LARGE)
        if found is not None and not found.isNull():
            self._paint_picture(painter, found)
        elif reason:
            self._paint_reason(painter, describe_reason(reason))
        painter.end()

    def room(self) -> QRect:
        """Where the picture may stand."""
        return self.rect().adjusted(PADDING, PADDING, -PADDING, -PADDING)

    def _paint_picture(self, painter: QPainter, picture: QPixmap) -> None:
        ratio = self.devicePixelRatioF()
        size = fitted_size(picture.size(), self.room().size() * ratio, largest=2.0 * ratio)
        key = (picture.cacheKey(), size)
        if self._scaled is None or self._scaled[0] != key:
            smooth = Qt.TransformationMode.SmoothTransformation
            scaled = picture.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
            scaled.setDevicePixelRatio(ratio)
            self._scaled = (key, scaled)
        shown = QRect(0, 0, round(size.width() / ratio), round(size.height() / ratio))
        shown.moveCenter(self.room().center())
        painter.drawPixmap(shown.topLeft(), self._scaled[1])

    def _paint_reason(self, painter: QPainter, words: str) -> None:
        middle = self.room().center()
        icon = theme.pixmap("picture", "muted", 32, self.devicePixelRatioF())
        painter.drawPixmap(middle.x() - 16, middle.y() - 32, icon)
        painter.setFont(theme.font())
        painter.setPen(theme.color("muted"))
        place = QRect(self.room().left(), middle.y() + 8, self.room().width(), 36)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(place, int(flags), words)

    def _arrived(self, picture: PictureRef) -> None:
        if picture == self._picture:
            self.update()
