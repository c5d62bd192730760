"""Rows of a form: the name above its field or beside it, and what the training runs on."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vgg_studio.app import theme
from vgg_studio.app.fields import Choice
from vgg_studio.app.widgets import Label, LinkButton, Sign, column, plain_tip, row, row as side_by_side
from vgg_studio.core import wording
from vgg_studio.core.events import DeviceFact
from vgg_studio.core.language import _

CHOICE_WIDTH = 192  # px


class Field:
    """A named field. The name is a label and what a screen reader says; `hint` explains it in one line."""

    def __init__(self, widget: QWidget, above: bool = False) -> None:
        self.widget = widget
        self.name = Label(tone="muted", wrap=not above)
        self.name.setBuddy(widget)
        if above:
            self.row: QVBoxLayout = column(self.name, widget, spacing=4)
        else:
            line = side_by_side(self.name, widget, spacing=8)
            line.setStretch(0, 1)
            line.setAlignment(widget, Qt.AlignmentFlag.AlignVCenter)
            self.row = column(line, spacing=0)

    def set_words(self, name: str, hint: str = "") -> None:
        """Set the name, and the explanation as tooltip."""
        self.name.setText(name)
        self.widget.setAccessibleName(name)
        self.widget.setAccessibleDescription(hint)
        self.name.setToolTip(hint)
        self.widget.setToolTip(hint)

    def set_visible(self, visible: bool) -> None:
        """Hide or show name and field."""
        self.name.setVisible(visible)
        self.widget.setVisible(visible)


class DeviceRow(QWidget):
    """Name at the left; device and reason at the right, or a choice where there is one. `copied` tells that the mending
    command is in the clipboard, `chosen` another device by its name in a job.
    """

    copied = Signal()
    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._fact: DeviceFact | None = None
        self._tight = False
        self.name, self.choice = Label(tone="muted"), Choice()
        self.choice.setFixedWidth(CHOICE_WIDTH)
        self.choice.currentIndexChanged.connect(self._choose)
        self.sign = Sign("chip", "muted", 16)
        self.device = Label(wrap=True)
        self.reason = Label(tone="muted", wrap=True)
        self.mend = LinkButton(icon="copy")
        self.mend.clicked.connect(self._copy)
        for words in (self.device, self.reason):
            words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        first = row(None, self.sign, self.device)
        first.setStretch(2, 1000)
        first.setAlignment(self.sign, Qt.AlignmentFlag.AlignTop)
        right = column(self.choice, first, self.reason, self.mend, spacing=0)
        for widget in (self.choice, self.mend):
            right.setAlignment(widget, Qt.AlignmentFlag.AlignRight)
        line = row(self.name, right, spacing=8)
        line.setStretch(1, 1)
        line.setAlignment(self.name, Qt.AlignmentFlag.AlignTop)
        self.setLayout(line)
        self.show_device(None, [], "auto")

    def show_device(self, fact: DeviceFact | None, choices: Sequence[tuple[str, str]], asked: str) -> None:
        """Show what the engine found; before that, that it is being looked for. `asked` is chosen among the `choices`."""
        self._fact = fact
        self.name.setText(_("Device"))
        self._show_choices(choices, asked)
        self.mend.setText(_("Copy the command"))
        self.device.setText(wording.device_title(fact) if fact else _("being looked for…"))
        # A label that wraps would take all the room and leave its sign behind.
        self.device.setMaximumWidth(self.device.fontMetrics().horizontalAdvance(self.device.text()) + 1)
        reason = wording.device_reason(fact) if fact else ""
        self.reason.setText(reason)
        self._show_reason()
        command = fact.command if fact else ""
        self.mend.setVisible(bool(command))
        self.mend.setToolTip(plain_tip(command))

    def set_tight(self, tight: bool) -> None:
        """Whether there is no room for the reason; it can be read by pointing at the device then."""
        self._tight = tight
        self._show_reason()

    def _show_reason(self) -> None:
        words = self.reason.text()
        self.reason.setVisible(bool(words) and not self._tight)
        self.device.setToolTip(plain_tip(words) if self._tight else "")

    def _show_choices(self, choices: Sequence[tuple[str, str]], asked: str) -> None:
        self.choice.setAccessibleName(_("Device"))
        self.choice.fill(list(choices))
        blocked = self.choice.blockSignals(True)
        self.choice.choose(asked)
        self.choice.blockSignals(blocked)
        self.choice.setToolTip(plain_tip(self.choice.currentText()))
        self.choice.setVisible(bool(choices))
        self.name.setMinimumHeight(theme.CONTROL_HEIGHT if choices else theme.LINE_HEIGHT[13])
        for widget in (self.sign, self.device):  # what is chosen by name need not be named again
            widget.setVisible(not choices or asked == "auto")

    def _choose(self) -> None:
        self.chosen.emit(self.choice.currentData())

    def _copy(self) -> None:
        if self._fact:
            QGuiApplication.clipboard().setText(self._fact.command)
            self.copied.emit()
