"""Keeps the Train page's outlook up to date: measures while nothing else goes on, looks quickly when asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from vgg_studio.app import outlook_words
from vgg_studio.app.train_state import State

if TYPE_CHECKING:
    from vgg_studio.app.train_page import TrainPage


class OutlookKeeper(QObject):
    """Belongs to the page, whose settings and state it reads."""

    def __init__(self, page: TrainPage) -> None:
        super().__init__(page)
        self._page, self._outlook = page, page.studio.outlook
        self._outlook.changed.connect(self._changed)
        page.studio.prediction_changed.connect(self.measure)
        page.studio.runs_changed.connect(self._runs_changed)
        page.watch.outlook.look_wanted.connect(self._look)
        page.watch.outlook.stop_wanted.connect(self._outlook.stop_looking)

    def measure(self) -> None:
        """In the background, and only while nothing else goes on."""
        page = self._page
        if page.state is State.IDLE and not page.studio.prediction.running:
            self._outlook.measure(page.form.job)

    def show(self) -> None:
        """Say what is known now."""
        page, job = self._page, self._page.job()
        found = self._outlook.looked(job)
        shown = outlook_words.view(page.state, page.studio, job, page.progress())
        page.watch.show_outlook(shown, found.accuracy if found else None)

    def _look(self) -> None:
        self._page.form.take_typed()
        self._outlook.look(self._page.job())

    def _runs_changed(self) -> None:
        self._outlook.remember(self._page.studio.runs)
        self.show()

    def _changed(self) -> None:
        self.measure()
        self.show()
