"""Lines of code to read, select and copy."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit

from vgg_studio.app import theme
from vgg_studio.app.widgets import Card, Label, PlainButton, row
from vgg_studio.core.language import _

COPIED_MS = 2_000


class CodeBox(QPlainTextEdit):
    """Plain text in a font of even width; cannot be changed, lines are not broken."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        found: QFont = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        found.setPixelSize(theme.ROLES["body"][0])
        self.setFont(found)


class CodeCard(Card):
    """Code with its heading, a sentence about it, and a button that copies it."""

    def __init__(self) -> None:
        super().__init__(spacing=12)
        self.heading, self.about = Label("", "strong"), Label("", tone="muted", wrap=True)
        self.code, self.copy_button = CodeBox(), PlainButton("", "copy")
        self._back = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._back.timeout.connect(self.retranslate)
        self.copy_button.clicked.connect(self._copy)
        head = row(self.heading, None, self.copy_button)
        self.box.addLayout(head)
        self.box.addWidget(self.about)
        self.box.addWidget(self.code, 1)

    def show_code(self, code: str) -> None:
        """Show other code."""
        if code != self.code.toPlainText():
            self.code.setPlainText(code)

    def retranslate(self) -> None:
        """Set every text anew."""
        self.heading.setText(_("Use it in another program"))
        self.about.setText(_("The network is a plain torchvision file. These lines name a picture with it:"))
        self.code.setAccessibleName(_("Code that uses the saved network"))
        words = (_("Copy"), _("Copied"))
        self.copy_button.setFixedWidth(self.copy_button.width_for(words, with_icon=True))
        self.copy_button.setText(words[0])
        self.copy_button.set_icon("copy")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.code.toPlainText())
        self.copy_button.setText(_("Copied"))
        self.copy_button.set_icon("check")
        self._back.start()
