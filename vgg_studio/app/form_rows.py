"""Rows of a form: the name above its field, or beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vgg_studio.app.widgets import Label, column
from vgg_studio.app.widgets import row as side_by_side


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
