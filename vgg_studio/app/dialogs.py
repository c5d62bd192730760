"""Our own dialogs: the window's colours and focus ring, Esc closes them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

from vgg_studio.app.focus import FocusRing, moved_by_key


class Dialog(QDialog):
    """A dialog with the window's focus ring."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowFlag(Qt.WindowType.WindowContextHelpButtonHint, False)
        self._ring = FocusRing(self)

    def focusNextPrevChild(self, forward: bool) -> bool:
        moved_by_key()
        return super().focusNextPrevChild(forward)
