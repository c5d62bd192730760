"""The focus ring of lists, which draw it themselves around their current row."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from vgg_studio.app import focus, theme


def wanted(option: QStyleOptionViewItem) -> bool:
    """Whether the row has the focus and got it by a key."""
    return bool(option.state & QStyle.StateFlag.State_HasFocus) and focus.by_keyboard()


def paint(painter: QPainter, rect: QRect, radius: int = theme.RADIUS_CONTROL) -> None:
    """Draw the ring just inside the row."""
    painter.setPen(QPen(theme.color("link"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), radius, radius)
