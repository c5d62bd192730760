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

    def fit(self, width: int) -> None:
        """Be `width` px wide and just as high as the words need then; Qt would guess the height of another width."""
        for child in self.findChildren(QWidget):
            child.ensurePolished()
        self.setFixedSize(width, self.layout().totalHeightForWidth(width))

    def focusNextPrevChild(self, forward: bool) -> bool:
        moved_by_key()
        return super().focusNextPrevChild(forward)
