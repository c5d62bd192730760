"""A short verdict on a coloured ground: always an icon and words, never colour alone."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from vgg_studio.app import theme

HEIGHT, PAD, ICON, GAP = 24, 8, 16, 8
ICONS = {"good": "check", "warn": "question", "bad": "bad"}


class Chip(QWidget):
    """24 px high, as wide as its words."""

    def __init__(self) -> None:
        super().__init__()
        self._tone, self._words = "good", ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def show_verdict(self, tone: str, words: str) -> None:
        """`tone` is good, warn or bad."""
        self._tone, self._words = tone, words
        self.setAccessibleName(words)
        self.updateGeometry()
        self.update()

    def words(self) -> str:
        """What it says."""
        return self._words

    def sizeHint(self) -> QSize:
        words = QFontMetrics(theme.font("strong")).horizontalAdvance(self._words)
        return QSize(PAD + ICON + GAP + words + PAD + 4, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"{self._tone}bg"))
        painter.drawRoundedRect(self.rect(), HEIGHT / 2, HEIGHT / 2)
        icon = theme.pixmap(ICONS[self._tone], self._tone, ICON, self.devicePixelRatioF())
        painter.drawPixmap(PAD, (HEIGHT - ICON) // 2, icon)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color(self._tone))
        place = QRect(PAD + ICON + GAP, 0, self.width(), HEIGHT)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._words)
        painter.end()
