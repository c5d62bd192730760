"""The top of the window: the page's title, one sentence, one button; and the thin line that shows the whole run."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from vgg_studio.app import theme
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.widgets import Button, Elided, Label, set_look

DEAF_SECONDS = 0.4  # after a change: whoever wanted to press Pause must not hit what has just taken its place
MESSAGE_MS = 8_000
LINE = 3


class HeaderButton(Button):
    """The page's one button: filled or plain, as wide as its widest text, deaf for a moment after each change."""

    kind = "primary"
    pressed_in_time = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFont(theme.font("strong"))
        self._shown: Primary | None = None
        self._changed = 0.0
        self.clicked.connect(self._press)

    def show_primary(self, primary: Primary | None) -> None:
        """Become what a page wants; without a wish the button is hidden."""
        if primary is None:
            self._shown = None
            self.hide()
            return
        if self._shown is None or primary.text != self._shown.text:
            self._changed = time.monotonic()
        self._shown = primary
        self.setText(primary.text)
        self.set_icon(primary.icon, "onaccent" if primary.filled and primary.enabled else "muted")
        self.setEnabled(primary.enabled)
        own = self.width_for((primary.text,), with_icon=bool(primary.icon))
        self.setFixedWidth(max(own, self.width_for(primary.widest)))
        if self.property("kind") != ("primary" if primary.filled else "plain"):
            set_look(self, kind="primary" if primary.filled else "plain")
        self.show()

    def _press(self) -> None:
        if time.monotonic() - self._changed >= DEAF_SECONDS:
            self.pressed_in_time.emit()


class Header(QWidget):
    """56 px. `show_page` says whose words it shows; a passing message takes the sentence's place for some seconds."""

    activated = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "header")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.HEADER_HEIGHT)
        self.title, self.status, self.button = Label("", "title"), Elided("", "tabular", "muted"), HeaderButton()
        self.button.pressed_in_time.connect(self.activated)
        self._message = ""
        self._page: Page | None = None
        self._forget = QTimer(self, singleShot=True, interval=MESSAGE_MS)
        self._forget.timeout.connect(self._forget_message)
        self._box = QHBoxLayout(self)
        self._box.setSpacing(16)
        for widget in (self.title, self.status, self.button):
            self._box.addWidget(widget)
        self._box.setStretch(1, 1)
        self.set_narrow(False)

    def set_narrow(self, narrow: bool) -> None:
        """Smaller margins in a narrow window."""
        side = 16 if narrow else 24
        self._box.setContentsMargins(side, 0, side, 0)

    def show_page(self, page: Page) -> None:
        """Show another page's words from now on."""
        if self._page is not page:
            self._message = ""
        self._page = page
        self.refresh()

    def show_message(self, sentence: str) -> None:
        """Show a sentence for some seconds."""
        self._message = sentence
        self._forget.start()
        self.refresh()

    def refresh(self) -> None:
        """Ask the page again."""
        if self._page is None:
            return
        self.title.setText(self._page.title())
        self.status.setText(self._message or self._page.status())
        self.button.show_primary(self._page.primary())

    def _forget_message(self) -> None:
        self._message = ""
        self.refresh()


class ProgressLine(QProgressBar):
    """3 px over the header's lower edge: the share of the whole run, or, before there is a measure, a piece that wanders."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "line")
        self.setTextVisible(False)
        self.setFixedHeight(LINE)
        self.setRange(0, 1000)
        self._busy = False
        self._began = 0.0
        self._timer = QTimer(self, interval=33)
        self._timer.timeout.connect(self.update)
        theme.signals.changed.connect(self.update)
        self.hide()

    def show_share(self, share: float | None) -> None:
        """Show how much is done, from 0 to 1; None while that is not known."""
        busy = share is None
        if busy != self._busy or not self._began:
            self._busy, self._began = busy, time.monotonic()
        if busy:
            self._timer.start()
        else:
            self._timer.stop()
        self.setValue(round(1000 * (share or 0.0)))
        self.show()

    def stop(self) -> None:
        """Nothing goes on."""
        self._timer.stop()
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._busy:
            at = (time.monotonic() - self._began) / 1.6 % 1.0
            piece = QRectF((1.3 * at - 0.3) * self.width(), 0, 0.3 * self.width(), LINE)
        else:
            piece = QRectF(0, 0, self.width() * self.value() / 1000, LINE)
        painter.fillRect(piece, theme.color("data"))
        painter.end()
