"""Lines of words in several looks: muted words around names in the text's own colour, semibold, or as a heading.

A name is wrapped with `named`, `strong` or `heading`; the marks are control characters, which `wording.escaped` keeps out
of names. So a translator sees one sentence with placeholders, and no name can ever be taken for markup.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from vgg_studio.app import theme
from vgg_studio.app.widgets import plain_tip

_LOOKS = {"\x01": ("body", "text"), "\x02": ("strong", "text"), "\x04": ("title", "text")}
_END = "\x03"
_PARTS = re.compile(f"([\x01\x02\x04])([^{_END}]*){_END}")


class Span(NamedTuple):
    """Words of one look: a font of theme.ROLES and a colour token."""

    text: str
    role: str
    tone: str


def named(text: str) -> str:
    """Words in the text's colour within a muted line."""
    return f"\x01{text}{_END}"


def strong(text: str) -> str:
    """Words in semibold and the text's colour within a muted line."""
    return f"\x02{text}{_END}"


def heading(text: str) -> str:
    """Words as large as a title within a muted line."""
    return f"\x04{text}{_END}"


def plain(line: str) -> str:
    """The line without its marks, as a screen reader says it."""
    return re.sub("[\x01\x02\x03\x04]", "", line)


def spans(line: str) -> list[Span]:
    """The line cut into words of one look each."""
    found, at = [], 0
    for hit in _PARTS.finditer(line):
        if hit.start() > at:
            found.append(Span(line[at : hit.start()], "body", "muted"))
        found.append(Span(hit[2], *_LOOKS[hit[1]]))
        at = hit.end()
    return found + ([Span(line[at:], "body", "muted")] if at < len(line) else [])


def width(line: str) -> int:
    """How wide the whole line is, in px."""
    return sum(QFontMetrics(theme.font(span.role)).horizontalAdvance(span.text) for span in spans(line))


def paint(painter: QPainter, rect: QRect, line: str) -> bool:
    """Draw the line from the left edge of `rect`, all its words on one baseline in the middle of the height.

    Returns False where it did not fit and ends in an ellipsis.
    """
    parts = [(span, QFontMetrics(theme.font(span.role))) for span in spans(line)]
    ascent = max((metrics.ascent() for _span, metrics in parts), default=0)
    tallest = max((metrics.height() for _span, metrics in parts), default=0)
    left, baseline = rect.left(), rect.top() + (rect.height() - tallest) // 2 + ascent
    for span, metrics in parts:
        words = metrics.elidedText(span.text, Qt.TextElideMode.ElideRight, rect.right() + 1 - left)
        painter.setFont(theme.font(span.role))
        painter.setPen(theme.color(span.tone))
        painter.drawText(left, baseline, words)
        left += metrics.horizontalAdvance(words)
        if words != span.text:
            return False
    return True


class CaptionLine(QWidget):
    """A caption as a widget: shortened to its place; the whole line is the tooltip, unless another one is set."""

    def __init__(self, height: int = 18) -> None:
        super().__init__()
        self._line = self._tip = ""
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def set_line(self, line: str, tip: str = "") -> None:
        """Show another line; `tip` is the tooltip, as plain text."""
        self._line, self._tip = line, tip
        self.setAccessibleName(plain(line))
        self.setToolTip(plain_tip(tip))
        self.updateGeometry()
        self.update()

    def words(self) -> str:
        """The whole line without its marks."""
        return plain(self._line)

    def sizeHint(self) -> QSize:
        return QSize(width(self._line), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(min(64, width(self._line)), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        whole = paint(painter, self.rect(), self._line)
        painter.end()
        if not self._tip:
            self.setToolTip("" if whole else plain_tip(plain(self._line)))
