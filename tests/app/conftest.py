"""One application for all window tests; each test leaves no window, no thread and no setting behind."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from tests import watching

if watching.why_no_window():
    pytest.skip(watching.why_no_window(), allow_module_level=True)

from PySide6.QtCore import QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from tests.app.plain_pages import KEYS, plain
from tests.fakes import FakeEngines
from vgg_studio.app import theme
from vgg_studio.app.settings import Settings
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window

Process = Callable[..., None]


@pytest.fixture(scope="session")
def application() -> QApplication:
    """The one QApplication, themed."""
    found = QApplication.instance() or QApplication(["vgg-studio"])
    assert isinstance(found, QApplication)
    found.setQuitOnLastWindowClosed(False)
    theme.apply(found)
    return found


@pytest.fixture(autouse=True)
def _clean(_lines: watching.Lines, application: QApplication) -> Iterator[None]:
    """Light colours before each test; afterwards every window is closed and deleted. What fails in a slot fails the test."""
    _lines.expect("plugin does not support")  # said by Qt's offscreen platform about sizes and raising; harmless
    if theme.chosen() != "light":
        theme.choose("light")
    errors: list[str] = []
    hook = sys.excepthook
    sys.excepthook = lambda *error: errors.append("".join(traceback.format_exception(*error)))
    yield
    for widget in [widget for widget in application.topLevelWidgets() if widget.parent() is None]:
        widget.close()  # menus and fold-outs have parents, and go with them
        widget.deleteLater()
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    application.processEvents()
    sys.excepthook = hook
    if errors:  # Qt lets a slot fail in silence; a test does not
        pytest.fail("an exception in a slot:\n" + "\n".join(errors), pytrace=False)


@pytest.fixture
def process(application: QApplication) -> Process:
    """Let Qt work: `process()` what waits now, `process(ms=50)` for a while, `process(until=...)` until something is so."""

    def work(until: Callable[[], bool] | None = None, ms: int = 0, limit_ms: int = 20_000) -> None:
        end = time.monotonic() + (limit_ms if until else ms) / 1000
        application.processEvents()
        while time.monotonic() < end and not (until and until()):
            loop = QEventLoop()
            QTimer.singleShot(5, loop.quit)
            loop.exec()
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        if until:
            assert until(), "what was waited for did not come"

    return work


@pytest.fixture
def engines(application: QApplication) -> FakeEngines:
    """Engines that a test plays itself."""
    return FakeEngines()


@pytest.fixture
def settings(application: QApplication) -> Settings:
    """Settings in the test's own home."""
    return Settings()


@pytest.fixture
def studio(engines: FakeEngines, settings: Settings) -> Iterator[Studio]:
    """A studio on fake engines, with nothing open."""
    made = Studio(engines, settings)  # type: ignore[arg-type]  # the same face, no processes
    yield made
    made.deleteLater()


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    """The window on plain pages, shown."""
    made = Window(studio, {key: plain(key) for key in KEYS}, ask=lambda _studio, _parent: True)
    for key in KEYS:
        made.make_page(key)
    made.show()
    process()
    yield made
    made.close()
