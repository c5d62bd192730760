"""Asks the pictures engine for previews of what training sees, and keeps what it has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImageReader, QPixmap

from vgg_studio.core import events as ev, recipes
from vgg_studio.core.jobs import PreviewJob, TrainJob

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines

ROWS, VARIANTS, BATCH = 3, 7, 16  # pictures with their variations; of the first batch


class Previews(QObject):
    """Three orders: some pictures as they are, their variations, and the first batch. A new wish cancels the one before.

    Where no pictures are given, those that the first batch begins with are shown.
    """

    changed = Signal()

    def __init__(self, engines: Engines, pictures: list[ev.PictureRef], parent: QObject) -> None:
        super().__init__(parent)
        self._engines, self.pictures = engines, pictures[:ROWS]
        self._orders: dict[str, str] = {}  # what each order that still runs is about
        self.plain: dict[ev.PictureRef, QPixmap] = {}
        self.varied: dict[tuple[ev.PictureRef, int], QPixmap] = {}
        self.labels: dict[ev.PictureRef, str] = {}
        self.batch: list[tuple[str, QPixmap]] = []
        self.failure: ev.Failure | None = None
        engines.happened.connect(self._take)

    @property
    def waiting(self) -> bool:
        """Whether more is to come."""
        return bool(self._orders)

    def show(self, job: TrainJob) -> None:
        """Ask for what a training with these settings sees."""
        self.close()
        self.varied.clear()
        self.batch.clear()
        self.failure = None
        if not self.plain:
            self._ask("plain", job, "none", 1, self.pictures)
        self._ask("varied", job, job.variation, VARIANTS, self.pictures)
        self._ask("batch", job, job.variation, 1, [])
        self.changed.emit()

    def close(self) -> None:
        """Want nothing more."""
        for order in self._orders:
            self._engines.stop(order, "cancel")
        self._orders.clear()

    def _ask(self, about: str, job: TrainJob, variation: str, variants: int, pictures: list[ev.PictureRef]) -> None:
        wish = PreviewJob(
            data=job.data,
            pictures=pictures,
            batch=min(BATCH if about == "batch" else ROWS, job.batch_size),
            variants=variants,
            variation=variation,
            views=job.views if recipes.train_from(job) != "block1" else 0,
            image_size=job.image_size,
            resize=job.resize,
            channels=job.channels,
            seed=job.seed,
            val_percent=job.val_percent,
            test_percent=job.test_percent,
            corrections=job.corrections,
        )
        self._orders[self._engines.ask("pictures", wish)] = about

    def _take(self, order: str, event: ev.Event) -> None:
        about = self._orders.get(order)
        if about is None:
            return
        if isinstance(event, ev.PreviewMade):
            self._made(about, event)
        elif isinstance(event, ev.JobEnded):
            del self._orders[order]
            self.failure = self.failure or event.failure
        else:
            return
        self.changed.emit()

    def _made(self, about: str, event: ev.PreviewMade) -> None:
        picture = QPixmap.fromImage(
            QImageReader(event.file, b"jpeg").read()
        )  # only ever a file that our own engine wrote
        if about == "plain":
            self.plain[event.picture], self.labels[event.picture] = picture, event.label
            self.pictures = self.pictures if event.picture in self.pictures else [*self.pictures, event.picture]
        elif about == "varied":
            self.varied[event.picture, event.variant] = picture
        else:
            self.batch.append((event.label, picture))
