"""The pages by name, in the rail's order. Each is imported when it is made: pyqtgraph must not delay the first paint."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from vgg_studio.app.page import Page
from vgg_studio.core.language import N_, _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


log = logging.getLogger(__name__)

Factory = Callable[["Studio"], Page]
TITLES = {
    "data": N_("Data"),
    "train": N_("Train"),
    "results": N_("Results"),
    "predict": N_("Predict"),
    "share": N_("Share"),
    "settings": N_("Settings"),
}
HEAVY = (  # up to a second to import, most of it for the plots
    "numpy",
    "pyqtgraph",
    "vgg_studio.app.charts",
    "vgg_studio.app.train_page",
    "vgg_studio.app.results_page",
    "vgg_studio.app.predict_page",
    "vgg_studio.app.share_page",
    "vgg_studio.app.settings_page",
)


def _data(studio: Studio) -> Page:
    from vgg_studio.app.data_page import DataPage

    return DataPage(studio)


def _train(studio: Studio) -> Page:
    from vgg_studio.app.train_page import TrainPage

    return TrainPage(studio)


def _results(studio: Studio) -> Page:
    from vgg_studio.app.results_page import ResultsPage

    return ResultsPage(studio)


def _predict(studio: Studio) -> Page:
    from vgg_studio.app.predict_page import PredictPage

    return PredictPage(studio)


def _share(studio: Studio) -> Page:
    from vgg_studio.app.share_page import SharePage

    return SharePage(studio)


def _settings(studio: Studio) -> Page:
    from vgg_studio.app.settings_page import SettingsPage

    return SettingsPage(studio)


FACTORIES: dict[str, Factory] = {
    "data": _data,
    "train": _train,
    "results": _results,
    "predict": _predict,
    "share": _share,
    "settings": _settings,
}


class Loader(QObject):
    """Imports what is heavy in a Python thread, then asks for one page a turn of the event loop: no gap is noticed."""

    wanted = Signal(str)  # the key of a page that can be made now
    done = Signal()
    _imported = Signal()

    def __init__(self, keys: list[str], modules: tuple[str, ...] = HEAVY) -> None:
        super().__init__()
        self._keys, self._modules = list(keys), modules
        self._imported.connect(self._next)
        self._thread = threading.Thread(target=self._import, name="imports", daemon=True)

    def start(self) -> None:
        """Begin; called after the first paint."""
        self._thread.start()

    def wait(self) -> None:
        """Wait for the imports to end, at the end of the program."""
        if self._thread.is_alive():
            self._thread.join(5)

    def _import(self) -> None:
        for name in self._modules:
            try:
                importlib.import_module(name)
            except ImportError:
                log.exception("%s cannot be imported", name)
        self._imported.emit()  # crosses into the window's thread

    def _next(self) -> None:
        if not self._keys:
            self.done.emit()
            return
        self.wanted.emit(self._keys.pop(0))
        QTimer.singleShot(0, self._next)


class WaitingPage(Page):
    """An empty page with a title: seen for some hundred milliseconds after the start, if at all."""

    key = "waiting"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._for = "data"

    def stands_for(self, key: str) -> None:
        """Carry the title of the page that is coming."""
        self._for = key

    def title(self) -> str:
        return _(TITLES[self._for])

    def status(self) -> str:
        return _("Getting ready…")
