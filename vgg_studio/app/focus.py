"""The focus ring: 2 px around whatever the keyboard speaks to, drawn over the window so that it lies outside the control."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from vgg_studio.app import theme

WIDTH, GAP = 2, 1
_MOVES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Hide, QEvent.Type.Show, QEvent.Type.EnabledChange)

_by_keyboard = False


def by_keyboard() -> bool:
    """Whether the focus got where it is by a key: then it is always shown. Delegates ask this for their current row."""
    return _by_keyboard


def moved_by_key() -> None:
    """Tab or a shortcut moves the focus: from now on it is shown."""
    global _by_keyboard
    _by_keyboard = True


class FocusRing(QWidget):
    """One for a window. Follows the focus; lists draw the ring themselves, around their current row."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._target: QWidget | None = None
        self._watched: list[QWidget] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        QApplication.instance().focusChanged.connect(self._follow)  # type: ignore[union-attr]  # no widget without one

    def _follow(self, old: QWidget | None, now: QWidget | None) -> None:
        global _by_keyboard
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            _by_keyboard = False
        for widget in self._watched:
            widget.removeEventFilter(self)
        inside = now is not None and now.window() is self.window() and now is not self.window()
        self._target = _outline(now) if inside and now is not None and _shown_for(now) else None
        self._watched = _with_parents(self._target)
        for widget in self._watched:
            widget.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVES:
            self._place()
        return False

    def _place(self) -> None:
        target = self._target
        if target is None or not target.isVisible() or target.visibleRegion().isEmpty():
            self.hide()
            return
        room = WIDTH + GAP
        corner = target.mapTo(self.window(), QPoint(0, 0))
        self.setGeometry(QRect(corner, target.size()).adjusted(-room, -room, room, room))
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("link"), WIDTH))
        radius = theme.RADIUS_CONTROL + GAP + WIDTH / 2
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), radius, radius)
        painter.end()


def _shown_for(widget: QWidget) -> bool:
    if isinstance(widget, QAbstractItemView | QScrollArea):
        return False
    return _by_keyboard or isinstance(widget, QLineEdit | QAbstractSpinBox)


def _outline(widget: QWidget) -> QWidget:
    """The widget that people see as the control: the field around its line of text."""
    parent = widget.parentWidget()
    return parent if isinstance(parent, QAbstractSpinBox | QComboBox) else widget


def _with_parents(widget: QWidget | None) -> list[QWidget]:
    found: list[QWidget] = []
    while widget is not None and not widget.isWindow():
        found.append(widget)
        widget = widget.parentWidget()
    return found


def wanted_in_row(option: QStyleOptionViewItem) -> bool:
    """Whether a list's row has the focus and got it by a key."""
    return bool(option.state & QStyle.StateFlag.State_HasFocus) and by_keyboard()


def paint_in_row(painter: QPainter, rect: QRect, radius: int = theme.RADIUS_CONTROL) -> None:
    """Draw the ring just inside a row: lists draw it themselves around their current one."""
    painter.setPen(QPen(theme.color("link"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), radius, radius)
