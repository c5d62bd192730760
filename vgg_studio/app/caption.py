"""One line of words in up to three tones, for delegates: muted words around names in the text's own colour or semibold.

A name is wrapped with `named` or `strong`; the marks are control characters, which `wording.escaped` keeps out of names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter

from vgg_studio.app import theme

_NAMED, _STRONG, _END = "\x01", "\x02", "\x03"
_PARTS = re.compile(f"([{_NAMED}{_STRONG}])([^{_END}]*){_END}")


class Span(NamedTuple):
    """Words of one look: a font of theme.ROLES and a colour token."""

    text: str
    role: str
    tone: str


def named(text: str) -> str:
    """Words in the text's colour within a muted line."""
    return f"{_NAMED}{text}{_END}"


def strong(text: str) -> str:
    """Words in semibold and the text's colour within a muted line."""
    return f"{_STRONG}{text}{_END}"


def plain(line: str) -> str:
    """The line without its marks, as a screen reader says it."""
    return re.sub(f"[{_NAMED}{_STRONG}{_END}]", "", line)


def spans(line: str) -> list[Span]:
    """The line cut into words of one look each."""
    found, at = [], 0
    for hit in _PARTS.finditer(line):
        if hit.start() > at:
            found.append(Span(line[at : hit.start()], "body", "muted"))
        found.append(Span(hit[2], "strong" if hit[1] == _STRONG else "body", "text"))
        at = hit.end()
    return found + ([Span(line[at:], "body", "muted")] if at < len(line) else [])


def paint(painter: QPainter, rect: QRect, line: str) -> None:
    """Draw the line from the left edge of `rect`; what does not fit ends in an ellipsis."""
    left = rect.left()
    for span in spans(line):
        font = theme.font(span.role)
        metrics = QFontMetrics(font)
        room = rect.right() + 1 - left
        words = metrics.elidedText(span.text, Qt.TextElideMode.ElideRight, room)
        painter.setFont(font)
        painter.setPen(theme.color(span.tone))
        painter.drawText(QRect(left, rect.top(), room, rect.height()), Qt.AlignmentFlag.AlignVCenter, words)
        left += metrics.horizontalAdvance(words)
        if words != span.text:
            return
