"""Small pictures for lists and tables: asked of the pictures engine for what is on the screen, read from its cache folder."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImageReader, QPixmap

from vgg_studio.core import events as ev
from vgg_studio.core.jobs import ThumbnailJob

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines

Key = tuple[str, ev.PictureRef, int]  # data folder, picture, side
BATCH = 16  # pictures an order: the first ones are there after a few dozen milliseconds
ORDERS = 2  # at once: one is made while the next waits in the pipe
WAITING = 400  # what has scrolled away longer ago than this is forgotten
KEPT = 1_500  # pixmaps in memory: some 150 MB at most


class ThumbnailStore(QObject):
    """Hands out pixmaps for pictures. What is not there yet is asked for, newest wish first, and announced by `arrived`."""

    arrived = Signal(object)  # a PictureRef: it can be shown now, or will never be (see `reason`)

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._engines = engines
        self._wanted: OrderedDict[Key, None] = OrderedDict()
        self._orders: dict[str, tuple[Key, ...]] = {}
        self._files: dict[Key, str] = {}
        self._failed: dict[Key, str] = {}
        self._suspects: set[Key] = set()  # one of them may have ended an engine: asked for one by one
        self._kept: OrderedDict[Key, QPixmap] = OrderedDict()
        self._timer = QTimer(self, singleShot=True, interval=15)
        self._timer.timeout.connect(self._ask)
        engines.happened.connect(self._take)

    def pixmap(self, ref: ev.PictureRef, data: str = "", side: int = 256) -> QPixmap | None:
        """The picture, at most `side` px wide and high (256 for lists, 1024 for the large one), or None until it arrives.

        `data` is the folder that the picture's path is relative to.
        """
        key = (data, ref, side)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key in self._files:
            return self._load(key)
        if key not in self._failed:
            self._want(key)
        return None

    def file(self, ref: ev.PictureRef, data: str = "", side: int = 256) -> str:
        """The cache file of a picture that has arrived, else ""."""
        return self._files.get((data, ref, side), "")

    def reason(self, ref: ev.PictureRef, data: str = "", side: int = 256) -> str:
        """Why the picture cannot be shown (a key of core.errors.REASONS), "" while nothing is known."""
        return self._failed.get((data, ref, side), "")

    def clear(self) -> None:
        """Forget everything that is known: after a rescan, pictures may have changed."""
        for known in (self._wanted, self._files, self._failed, self._suspects, self._kept):
            known.clear()

    def _want(self, key: Key) -> None:
        if any(key in order for order in self._orders.values()):
            return
        self._wanted[key] = None
        self._wanted.move_to_end(key)
        while len(self._wanted) > WAITING:
            self._wanted.popitem(last=False)
        if not self._timer.isActive():
            self._timer.start()

    def _ask(self) -> None:
        while self._wanted and len(self._orders) < ORDERS:
            batch = self._next_batch()
            data, _, side = batch[0]
            for key in batch:
                del self._wanted[key]
            job = ThumbnailJob(pictures=[ref for _, ref, _ in batch], data=data, side=side)
            self._orders[self._engines.ask("pictures", job)] = batch

    def _next_batch(self) -> tuple[Key, ...]:
        newest = next(reversed(self._wanted))
        if newest in self._suspects:
            return (newest,)
        alike = (key for key in reversed(self._wanted) if (key[0], key[2]) == (newest[0], newest[2]))
        return tuple(itertools.islice((key for key in alike if key not in self._suspects), BATCH))

    def _take(self, order: str, event: ev.Event) -> None:
        keys = self._orders.get(order)
        if keys is None:
            return
        data, _, side = keys[0]
        if isinstance(event, ev.ThumbnailMade):
            self._files[data, event.picture, side] = event.file
            self.arrived.emit(event.picture)
        elif isinstance(event, ev.ThumbnailFailed):
            self._failed[data, event.picture, side] = event.reason
            self.arrived.emit(event.picture)
        elif isinstance(event, ev.JobEnded):
            del self._orders[order]
            if event.outcome == "failed":
                self._ask_one_by_one(keys)
            self._ask()

    def _ask_one_by_one(self, keys: tuple[Key, ...]) -> None:
        """The engine died over one of these pictures: find it, so that it is the only one that is not shown."""
        left = [key for key in keys if key not in self._files and key not in self._failed]
        if len(keys) == 1:
            for key in left:
                self._failed[key] = "damaged"
                self.arrived.emit(key[1])
            return
        self._suspects.update(left)
        self._wanted.update(dict.fromkeys(left))

    def _load(self, key: Key) -> QPixmap | None:
        reader = QImageReader(self._files[key], b"jpeg")  # only ever a file that our own engine wrote
        size = reader.size()
        if size.width() > key[2] or size.height() > key[2]:
            reader.setScaledSize(size.scaled(QSize(key[2], key[2]), Qt.AspectRatioMode.KeepAspectRatio))
        image = reader.read()
        if image.isNull():  # the cache was emptied behind our back
            del self._files[key]
            self._failed[key] = "missing"
            return None
        self._kept[key] = QPixmap.fromImage(image)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]
