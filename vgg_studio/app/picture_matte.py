"""One picture, large, on its matte: whole, with its aspect, enlarged at most twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame

from vgg_studio.app import theme
from vgg_studio.app.picture_cell import fitted_size
from vgg_studio.app.widgets import plain_tip
from vgg_studio.core.errors import describe_reason
from vgg_studio.core.events import PictureRef
from vgg_studio.core.wording import picture_text

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

PADDING = 16
LARGE, SMALL = 1024, 256  # sides of the previews that the store gives


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
