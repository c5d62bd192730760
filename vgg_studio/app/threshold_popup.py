"""Where "clear" ends and "not sure" begins: a slider in a small window of its own, explained in words."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QSlider, QVBoxLayout, QWidget

from vgg_studio.app import theme
from vgg_studio.app.widgets import Label, LinkButton, row
from vgg_studio.core import wording
from vgg_studio.core.language import _, joined

WIDTH = 344


class ThresholdPopup(QFrame):
    """Opens below a button. Emits `moved` with the threshold as a fraction of 1, `reset` for the network's own."""

    moved = Signal(float)
    reset = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFixedWidth(WIDTH)
        self.heading, self.value = Label("", "strong"), Label("", "tabular_strong")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 99)
        self.slider.setPageStep(5)
        self.words = Label("", tone="muted", wrap=True)
        self.reset_link = LinkButton()
        self.slider.valueChanged.connect(self._slid)
        self.reset_link.clicked.connect(self.reset)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(12)
        box.addLayout(row(self.heading, None, self.value))
        box.addWidget(self.slider)
        box.addWidget(self.words)
        box.addWidget(self.reset_link, 0, Qt.AlignmentFlag.AlignLeft)

    def show_threshold(self, threshold: float, own: float, *, measured: bool) -> None:
        """Show a threshold beside the network's own one; `measured` where that one comes from pictures that checked it."""
        self.heading.setText(_("Not sure below"))
        self.value.setText(wording.percent(threshold, 0))
        self.slider.setAccessibleName(_("Not sure below"))
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(100 * threshold))
        self.slider.blockSignals(blocked)
        words = _("Answers that are less sure than this are called not sure, so that you look at them yourself.")
        if measured:
            words = joined(words, _("Above {own}, about 95 of 100 answers were right when this network was checked."))
        self.words.setText(words.format(own=wording.percent(own, 0)))
        self.reset_link.setText(_("Back to {own}").format(own=wording.percent(own, 0)))
        self.reset_link.setVisible(round(100 * own) != round(100 * threshold))

    def open_below(self, button: QWidget) -> None:
        """Show it under a button, its right edge on the button's."""
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width() - WIDTH, button.height() + 4))
        self.move(corner)
        self.show()
        self.slider.setFocus(Qt.FocusReason.PopupFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.color("line2"))
        painter.setBrush(theme.color("card"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _slid(self, value: int) -> None:
        self.moved.emit(value / 100)
