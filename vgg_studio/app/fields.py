"""What people set values with: choices, numbers, menus, a pair of views. All 32 px high, arrows drawn by ourselves."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStyledItemDelegate,
    QToolButton,
)

from vgg_studio.app import theme


class Choice(QComboBox):
    """One of several. The wheel scrolls the page, never the value, unless the field has the focus."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setItemDelegate(QStyledItemDelegate(self))  # Fusion's own would draw a menu, which heeds no style sheet
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def fill(self, items: list[tuple[str, object]]) -> None:
        """Set texts and their values; the chosen value stays chosen where it still exists. No signal is sent."""
        kept = self.currentData()
        blocked = self.blockSignals(True)
        self.clear()
        for text, value in items:
            self.addItem(text, value)
        self.choose(kept)
        self.blockSignals(blocked)

    def choose(self, value: object) -> None:
        """Choose the entry with this value, the first one where there is none."""
        found = next((i for i in range(self.count()) if self.itemData(i) == value), 0)
        self.setCurrentIndex(found)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        tone = "muted" if self.isEnabled() else "line2"
        painter = QPainter(self)
        arrow = theme.pixmap("chevron-down", tone, 16, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - 12 - 16, (self.height() - 16) // 2, arrow)
        painter.end()


class Number(QSpinBox):
    """A whole number, typed or stepped with the arrow keys."""

    def __init__(self, low: int, high: int, name: str = "", width: int = 88) -> None:
        super().__init__()
        self.setRange(low, high)
        _set_up(self, name, width)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Amount(QDoubleSpinBox):
    """A number with decimals, typed or stepped with the arrow keys."""

    def __init__(self, low: float, high: float, decimals: int, name: str = "", width: int = 88) -> None:
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(low, high)
        _set_up(self, name, width)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _set_up(field: QSpinBox | QDoubleSpinBox, name: str, width: int) -> None:
    field.setAccessibleName(name)
    field.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
    field.setFont(theme.font("tabular"))
    field.lineEdit().setTextMargins(12, 0, 0, 0)  # the style sheet's padding does not reach the line of text
    field.setFixedSize(width, theme.CONTROL_HEIGHT)
    field.setKeyboardTracking(False)
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class Check(QCheckBox):
    """A thing that is so or is not, in words behind a box that we draw ourselves."""

    BOX = 18

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_words(text)
        theme.signals.changed.connect(self.update)

    def set_words(self, text: str) -> None:
        """Set the words, which are also what a screen reader says."""
        self.setAccessibleName(text)
        self.setText(text.replace("&", "&&"))

    def sizeHint(self) -> QSize:
        return QSize(self.BOX + 8 + self.fontMetrics().horizontalAdvance(self.accessibleName()) + 1, 24)

    def hitButton(self, place: QPoint) -> bool:
        return self.rect().contains(place)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = (self.height() - self.BOX) / 2
        painter.setPen(theme.color("muted" if self.underMouse() else "line2"))
        painter.setBrush(theme.color("field"))
        painter.drawRoundedRect(QRectF(0.5, top + 0.5, self.BOX - 1, self.BOX - 1), 4, 4)
        if self.isChecked():
            painter.drawPixmap(1, int(top) + 1, theme.pixmap("check", "link", 16, self.devicePixelRatioF()))
        painter.setPen(theme.color("text"))
        words = self.rect().adjusted(self.BOX + 8, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.accessibleName())
        painter.end()


class MenuButton(QToolButton):
    """Quiet words with an arrow that open a menu (`setMenu`) or, with `expands`, fold something in and out."""

    def __init__(self, text: str = "", expands: bool = False) -> None:
        super().__init__()
        self._expands = expands
        self.setCheckable(expands)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setIconSize(QSize(16, 16))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        # The arrow stands behind the words where it opens a menu, before them where it unfolds.
        opens_menu = Qt.LayoutDirection.RightToLeft
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight if expands else opens_menu)
        self.toggled.connect(self._paint_icon)
        theme.signals.changed.connect(self._paint_icon)
        self._paint_icon()
        self.set_words(text)

    def set_words(self, text: str) -> None:
        """Set the words, which are also what a screen reader says."""
        self.setAccessibleName(text)
        self.setText(text.replace("&", "&&"))

    def _paint_icon(self) -> None:
        folded = self._expands and not self.isChecked()
        self.setIcon(theme.icon("chevron-right" if folded else "chevron-down", "muted", 16))


class Segments(QFrame):
    """Two or three views of the same thing, one of them shown."""

    chosen = Signal(int)

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.setProperty("kind", "segments")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        box = QHBoxLayout(self)
        box.setContentsMargins(3, 3, 3, 3)
        box.setSpacing(0)
        for index, text in enumerate(texts):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setChecked(index == 0)
            self._group.addButton(button, index)
            box.addWidget(button)
        self.set_words(*texts)
        self._group.idToggled.connect(self._toggled)

    def set_words(self, *texts: str) -> None:
        """Set the words of every view."""
        for button, text in zip(self._group.buttons(), texts, strict=True):
            button.setText(text.replace("&", "&&"))
            button.setAccessibleName(text)

    def current(self) -> int:
        """Which view is shown, from 0."""
        return self._group.checkedId()

    def show_view(self, index: int) -> None:
        """Show a view."""
        self._group.button(index).setChecked(True)

    def _toggled(self, index: int, on: bool) -> None:
        if on:
            self.chosen.emit(index)
