"""Pages of a few lines, to see what the window makes of them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtTest import QTest

from tests.fakes import FakeEngines
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.pages import Factory
from vgg_studio.app.state import Studio
from vgg_studio.app.widgets import PlainButton
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import TrainJob


class PlainPage(Page):
    """A page of a few lines that remembers what it was asked to do."""

    def __init__(self, studio: Studio, key: str) -> None:
        self.key = key
        super().__init__(studio)
        self.calls: list[object] = []
        self.words = Primary("Go", widest=("Go", "A much longer word"))
        self.takes_drops = False
        self.field = PlainButton("A button")
        self.field.setParent(self)

    def title(self) -> str:
        return self.key.title()

    def status(self) -> str:
        return f"This is {self.key}."

    def primary(self) -> Primary | None:
        return self.words

    def activate_primary(self) -> None:
        self.calls.append("primary")

    def cancel(self) -> bool:
        self.calls.append("cancel")
        return True

    def rescan(self) -> None:
        self.calls.append("rescan")

    def choose_folder(self) -> None:
        self.calls.append("choose")

    def dropped(self, paths: list[str]) -> bool:
        self.calls.append(paths)
        return self.takes_drops

    def set_drag_over(self, over: bool) -> None:
        self.calls.append(over)

    def retranslate(self) -> None:
        self.calls = [*getattr(self, "calls", []), "words"]

    def retheme(self) -> None:
        self.calls.append("colours")


def plain(key: str) -> Factory:
    return lambda studio: PlainPage(studio, key)


KEYS = ("data", "train", "results", "predict", "share", "settings")
Shown = Callable[..., Window]


def page(window: Window, key: str) -> PlainPage:
    found = window.pages[key]
    assert isinstance(found, PlainPage)
    return found


def activate(window: Window) -> None:
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window, 5000)


def forget(window: Window) -> None:
    for key in KEYS:
        page(window, key).calls.clear()


def press(window: Window, keys: str) -> None:
    QTest.keySequence(window, keys)


def start_run(studio: Studio, engines: FakeEngines, *events: ev.Event) -> str:
    studio.folder = "/flowers"
    studio.start_training(TrainJob(epochs=20))
    _, order = engines.last(TrainJob)
    if events:
        engines.send(order, *events)
    return order


def batch(epoch: int, pictures: int = 412) -> ev.BatchEnded:
    return ev.BatchEnded(epoch=epoch, batch=3, batches=9, pictures=pictures, pictures_total=640, loss=1.0, accuracy=0.5)
