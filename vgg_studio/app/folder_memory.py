"""Remembers the folder that was read among the recent ones, with its first picture as soon as that has a thumbnail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from vgg_studio.app.scan_state import ScanState
from vgg_studio.app.settings import RecentFolder
from vgg_studio.core import events as ev

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio
    from vgg_studio.app.thumbnails import ThumbnailStore


class FolderMemory(QObject):
    """Writes into the studio's settings."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        studio.thumbnails.arrived.connect(self._arrived)

    def remember(self) -> None:
        """The open folder has been read to its end."""
        studio = self._studio
        first = first_picture(studio.scan)
        if first is not None:
            studio.thumbnails.pixmap(
                first, studio.scan.folder
            )  # asks for it: it stands beside the folder's name later on
        studio.settings.remember(recent_folder(studio.scan, studio.thumbnails))

    def _arrived(self, picture: ev.PictureRef) -> None:
        studio = self._studio
        if studio.scan.finished and picture == first_picture(studio.scan):
            studio.settings.remember(recent_folder(studio.scan, studio.thumbnails))


def first_picture(scan: ScanState) -> ev.PictureRef | None:
    """The picture that stands for a folder: the first of its first class."""
    return next((refs[0] for refs in scan.pictures.values() if refs), None)


def recent_folder(scan: ScanState, thumbnails: ThumbnailStore) -> RecentFolder:
    """The open folder as an entry of the recent ones, with its first picture if that has a thumbnail already."""
    first = first_picture(scan)
    made = thumbnails.file(first, scan.folder) if first else ""
    return RecentFolder(
        path=scan.folder, pictures=scan.count, classes=len(scan.classes), opened=time.time(), thumbnail=made
    )
