"""The start: the window shows itself first and loads after, so that it is there within the blink of an eye."""

from __future__ import annotations

import os
import signal
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSocketNotifier, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from vgg_studio import __version__, paths
from vgg_studio.app import theme, trace
from vgg_studio.app.engines import CLOSE_MS, Engines
from vgg_studio.app.pages import FACTORIES, Loader
from vgg_studio.app.settings import Settings
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev, language
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.diagnostics import Diagnostics


ASKED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
DESKTOP_FILE = "org.vggstudio.VGGStudio"


class Interrupts(QObject):
    """Emits `asked` when the system or the terminal wants the program to end."""

    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._before = {number: signal.signal(number, self._hear) for number in ASKED}
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        # A byte in the socket wakes Qt's loop, which then runs Python code, which is when Python calls `_hear`.
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)

    def remove(self) -> None:
        """Put everything back as it was."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in (self._read, self._write):
            end.close()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.asked.emit()

    def _drain(self) -> None:
        self._read.recv(64)


class _Trouble(QObject):
    """Says that something unexpected was written to the log; it may have happened in any thread."""

    seen = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.seen.connect(self._say)

    def _say(self) -> None:
        self._studio.message.emit(
            _("Something went wrong that should not. Settings has a button to copy what helps to find out why.")
        )


class Start(QObject):
    """What happens between the first paint and the moment when everything is there."""

    def __init__(self, window: Window, folder: str) -> None:
        super().__init__()
        self._window, self._studio, self._folder = window, window.studio, folder
        self._loader: Loader | None = None
        self._diagnostics: Diagnostics | None = None
        self._trouble = _Trouble(self._studio)
        window.painted.connect(self._first_paint)
        self._studio.engines.ready.connect(self._engine_ready)

    def _first_paint(self) -> None:
        trace.mark("first_paint")
        from vgg_studio.app.diagnostics import Diagnostics

        self._diagnostics = Diagnostics(self._trouble.seen.emit)
        first, *others = FACTORIES
        self._window.make_page(first)
        self._open_folder()
        self._studio.engines.warm("predict")  # it also finds out about the device
        self._studio.refresh_runs()
        self._studio.find_unfinished()
        trace.mark("ready")
        self._loader = loader = Loader(others)
        loader.wanted.connect(self._window.make_page)
        loader.start()

    def _open_folder(self) -> None:
        last = self._studio.settings.last_folder
        folder = self._folder or (last if os.path.isdir(last) else "")
        if folder:
            self._studio.open_folder(os.path.abspath(folder))
        else:
            self._studio.engines.warm("pictures")

    def _engine_ready(self, role: str, event: ev.EngineReady) -> None:
        if event.device is not None:
            trace.mark("engine_ready")

    def finish(self) -> None:
        """Let the imports end before the interpreter does, and give back what was caught."""
        if self._loader is not None:
            self._loader.wait()
        if self._diagnostics is not None:
            self._diagnostics.remove()


def run(folder: str | None = None) -> int:
    """Show the window, on a folder of pictures where one is given, until it is closed. Returns the exit code."""
    application = QApplication([sys.argv[0]])
    application.setApplicationName("VGG Studio")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName(DESKTOP_FILE)
    settings = Settings()
    language.use(os.environ.get("VGG_STUDIO_LANGUAGE") or settings.language, paths.locales())
    theme.apply(application)
    theme.choose(settings.scheme)
    studio = Studio(Engines(), settings)
    window = Window(studio)
    window.setWindowIcon(QIcon(str(paths.resource("vgg-studio.svg"))))
    start = Start(window, folder or "")
    interrupts = Interrupts()
    interrupts.asked.connect(application.quit)  # nobody is there to be asked: a training is paused
    window.show()
    code = application.exec()
    window.hide()
    in_time = studio.engines.close(CLOSE_MS - 500)
    settings.save()
    start.finish()
    interrupts.remove()
    if not in_time:
        os._exit(code)  # a thread that still runs would make Qt abort; the engines end by themselves with their pipes
    return code
