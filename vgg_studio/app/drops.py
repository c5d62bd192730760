"""What came by mouse or clipboard: local files and folders, or a picture's own data. Nothing is fetched from elsewhere."""

from __future__ import annotations

import logging
import os
import urllib.parse
import uuid

from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QImage

from vgg_studio import paths

log = logging.getLogger(__name__)


def local_paths(mime: QMimeData) -> list[str]:
    """The files and folders of this computer among what came, in their order."""
    return [_path(url) for url in mime.urls() if url.isLocalFile() and not url.host()]


def _path(url: QUrl) -> str:
    """The way to a file. Qt takes names for Unicode; where they are bytes, those that are no text would be lost."""
    if os.name != "posix":
        return url.toLocalFile()
    return os.fsdecode(urllib.parse.unquote_to_bytes(url.path(QUrl.ComponentFormattingOption.FullyEncoded)))


def is_remote(mime: QMimeData) -> bool:
    """Whether something came, but all of it lies elsewhere: web addresses, other computers."""
    return mime.hasUrls() and not local_paths(mime)


def welcome(mime: QMimeData) -> bool:
    """Whether it is worth letting go of the mouse here."""
    return mime.hasUrls() or mime.hasImage()


def picture_file(mime: QMimeData) -> str:
    """Picture data (copied in another program, dragged from a browser) as a file of the cache; "" where there is none."""
    image = mime.imageData() if mime.hasImage() else None
    if not isinstance(image, QImage) or image.isNull():
        return ""
    folder = paths.cache_folder() / "pasted"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = str(folder / f"{uuid.uuid4().hex}.png")
    if image.save(file, "PNG"):  # type: ignore[call-overload]  # PySide's stub wants the format as bytes
        return file
    log.info("a pasted picture could not be written to the cache")
    return ""
