"""The few widgets that every page is built from. Sizes and radii are those of theme.py and style.py."""

from __future__ import annotations

import html
from typing import TypeVar

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QIcon, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from vgg_studio.app import theme

Box = TypeVar("Box", bound=QBoxLayout)
EMPTY_WIDTH = 420


def elide(text: str, font: QFont, width: int, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> str:
    """The text, shortened with an ellipsis to `width` px; line breaks become spaces."""
    return QFontMetrics(font).elidedText(" ".join(text.split("\n")), mode, width)


def plain_tip(text: str) -> str:
    """The text as a tooltip that Qt cannot take for markup: a class may be called `<img src=x>`."""
    return f"<span>{html.escape(text)}</span>".replace("\n", "<br>") if text else ""


def set_look(widget: QWidget, **properties: str | bool) -> None:
    """Set properties that the style sheet looks at, and let it look again."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Label(QLabel):
    """Words. Always plain text; `role` is a font of theme.ROLES, `tone` a colour token."""

    def __init__(self, text: str = "", role: str = "body", tone: str = "text", wrap: bool = False) -> None:
        super().__init__()
        self.role, self.tone = role, tone
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(role))
        self.setProperty("tone", tone)
        self.setMinimumHeight(theme.LINE_HEIGHT[theme.ROLES[role][0]])
        self.setWordWrap(wrap)
        self.setText(text)

    def set_tone(self, tone: str) -> None:
        """Change the colour."""
        if tone != self.tone:
            self.tone = tone
            set_look(self, tone=tone)


class Elided(Label):
    """Words on one line that shorten with an ellipsis; the whole text is the tooltip while it does not fit."""

    def __init__(self, text: str = "", role: str = "body", tone: str = "text") -> None:
        self._whole = ""
        super().__init__(text, role, tone)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        """Set the whole text."""
        self._whole = text
        self.setAccessibleName(text)
        self._fit()
        self.updateGeometry()  # the shortened text may be the same as before; the room that is wanted is not

    def whole(self) -> str:
        """The text before shortening."""
        return self._whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self._whole) + 1  # it rounds down; eliding does not
        return QSize(width, max(self.minimumHeight(), self.fontMetrics().height()))

    def _fit(self) -> None:
        shown = elide(self._whole, self.font(), self.width())
        super().setText(shown)
        self.setToolTip(plain_tip(self._whole) if shown != self._whole else "")


class Button(QPushButton):
    """A button of 32 px. No mnemonics: an ampersand in a text is an ampersand."""

    kind = "plain"
    icon_tone = "muted"

    def __init__(self, text: str = "", icon: str = "", tone: str = "text") -> None:
        super().__init__()
        self._icon_name, self._words = icon, ""
        self.setProperty("kind", self.kind)
        self.setProperty("tone", tone)
        self.setIconSize(QSize(16 + 4, 16))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAutoDefault(False)
        self.setText(text)
        self._paint_icon()
        theme.signals.changed.connect(self._paint_icon)

    def setText(self, text: str) -> None:
        """Set the words, which are also what a screen reader says."""
        self._words = text
        self.setAccessibleName(text)
        super().setText(text.replace("&", "&&"))

    def words(self) -> str:
        """The text as a person reads it."""
        return self._words

    def set_icon(self, name: str, tone: str = "") -> None:
        """Show an icon of `resources/icons` before the words ("" for none), in another tone if one is given."""
        if (name, tone or self.icon_tone) != (self._icon_name, self.icon_tone):
            self._icon_name, self.icon_tone = name, tone or self.icon_tone
            self._paint_icon()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button that has the focus, once however long it is held."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.click()
            return
        super().keyPressEvent(event)

    def width_for(self, texts: tuple[str, ...], with_icon: bool = False) -> int:
        """The width that the widest of the texts needs, in px."""
        metrics = QFontMetrics(self.font())
        words = max((metrics.horizontalAdvance(text) for text in texts), default=0)
        return words + 2 * 17 + (16 + 8 if with_icon else 0)

    def _paint_icon(self) -> None:
        if self._icon_name:
            self.setIcon(theme.icon(self._icon_name, self.icon_tone, 16, 4))  # Qt puts 4 px before the words; we want 8
        elif not self.icon().isNull():
            self.setIcon(QIcon())


class PrimaryButton(Button):
    """The one filled button of a page."""

    kind = "primary"
    icon_tone = "onaccent"

    def __init__(self, text: str = "", icon: str = "") -> None:
        super().__init__(text, icon)
        self.setFont(theme.font("strong"))


class PlainButton(Button):
    """An outlined button; `tone="bad"` for what deletes."""


class LinkButton(Button):
    """Words in the colour of links, without a frame, aligned with the text around it."""

    kind = "link"
    icon_tone = "link"

    def __init__(self, text: str = "", icon: str = "") -> None:
        super().__init__(text, icon)
        self.setCursor(Qt.CursorShape.PointingHandCursor)


class Card(QFrame):
    """A white surface with a thin border. Fill it through `box`; `padding=0` for tables that reach the border."""

    def __init__(self, padding: int = 16, spacing: int = 8) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(padding, padding, padding, padding)
        self.box.setSpacing(spacing)

    def add_title(self, text: str = "", hint: str = "") -> tuple[Label, Label]:
        """A first row: bold name, muted meaning behind it. Returns both labels, for retranslate."""
        name, meaning = Label(text, "strong"), Label(hint, tone="muted")
        self.box.addLayout(row(name, meaning, None, spacing=8))
        return name, meaning


class Divider(QFrame):
    """A line of 1 px, as wide as its place."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "divider")
        self.setFixedHeight(1)


class Sign(QLabel):
    """A small icon that means something: check, warn, bad, question, or any other with its tone."""

    TONES = {"check": "good", "warn": "warn", "bad": "bad", "question": "warn"}

    def __init__(self, kind: str, tone: str = "", size: int = 20, name: str = "") -> None:
        super().__init__()
        self._kind, self._tone, self._size = kind, tone, size
        self.setFixedSize(size, size)
        self.setAccessibleName(name)
        self._paint()
        theme.signals.changed.connect(self._paint)

    def set_kind(self, kind: str, tone: str = "") -> None:
        """Show another icon."""
        self._kind, self._tone = kind, tone
        self._paint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._paint()

    def _paint(self) -> None:
        tone = self._tone or self.TONES.get(self._kind, "muted")
        self.setPixmap(theme.pixmap(self._kind, tone, self._size, self.devicePixelRatioF()))


class Chip(Label):
    """A verdict in a rounded field of 24 px: `tone` good, warn, bad or muted. The words say it too, never colour alone."""

    def __init__(self, text: str = "", tone: str = "muted") -> None:
        super().__init__(text, "strong", tone)
        self.setProperty("kind", "chip")
        self.setFixedHeight(24)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)


class EmptyState(QWidget):
    """What a page shows while it has nothing: an icon of 32 px, one sentence, one action that leads on."""

    acted = Signal()

    def __init__(self, icon: str, sentence: str = "", action: str = "") -> None:
        super().__init__()
        self.sign = Sign(icon, "muted", 32)
        self.sentence = Label(sentence, tone="muted", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.sentence.setFixedWidth(EMPTY_WIDTH)
        self.button = PrimaryButton(action)
        self.button.clicked.connect(self.acted)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(16)
        box.addStretch(1)
        for widget in (self.sign, self.sentence, self.button):
            box.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(1)
        self.set_words(sentence, action)

    def set_words(self, sentence: str, action: str) -> None:
        """Set sentence and action; without an action the button is hidden."""
        self.sentence.setText(sentence)
        self.sentence.setFixedHeight(max(theme.LINE_HEIGHT[13], self.sentence.heightForWidth(EMPTY_WIDTH)))
        self.button.setText(action)
        self.button.setVisible(bool(action))


def row(
    *parts: QWidget | QBoxLayout | None, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QHBoxLayout:
    """Widgets and layouts side by side, each in the middle of the height; None is a stretch."""
    return _filled(QHBoxLayout(), parts, spacing, margins)


def column(
    *parts: QWidget | QBoxLayout | None, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> QVBoxLayout:
    """Widgets and layouts one below the other; None is a stretch."""
    return _filled(QVBoxLayout(), parts, spacing, margins)


def _filled(
    box: Box, parts: tuple[QWidget | QBoxLayout | None, ...], spacing: int, margins: tuple[int, int, int, int]
) -> Box:
    box.setSpacing(spacing)
    box.setContentsMargins(*margins)
    for part in parts:
        if part is None:
            box.addStretch(1)
        elif isinstance(part, QWidget):
            box.addWidget(part)
        else:
            box.addLayout(part)
    return box
