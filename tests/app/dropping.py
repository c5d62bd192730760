"""Drops things on a window as a person does: real drag and drop events."""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

_COPY, _LEFT, _NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def files(*paths: str | bytes | Path) -> QMimeData:
    """Local files and folders, as a file manager gives them; bytes are a name that is no Unicode."""
    mime = QMimeData()
    mime.setUrls([_url(path) for path in paths])
    return mime


def _url(path: str | bytes | Path) -> QUrl:
    if isinstance(path, bytes):
        return QUrl.fromEncoded(QByteArray(b"file://" + urllib.parse.quote_from_bytes(path).encode()))
    return QUrl.fromLocalFile(str(path))


def drag_over(window: QWidget, mime: QMimeData) -> bool:
    """Bring something over the window; whether it may be dropped."""
    event = QDragEnterEvent(QPoint(500, 400), _COPY, mime, _LEFT, _NONE)
    QApplication.sendEvent(window, event)
    return event.isAccepted()


def drag_away(window: QWidget) -> None:
    """Take it away again."""
    QApplication.sendEvent(window, QDragLeaveEvent())


def drop(window: QWidget, mime: QMimeData) -> None:
    """Drop it."""
    assert drag_over(window, mime)
    QApplication.sendEvent(window, QDropEvent(QPointF(500, 400), _COPY, mime, _LEFT, _NONE))
