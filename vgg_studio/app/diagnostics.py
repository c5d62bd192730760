"""Where trouble goes: a rotating log on this computer. Nothing is sent anywhere; "Copy diagnostics" is for the user to send."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler, qVersion

from vgg_studio import __version__, paths
from vgg_studio.core.events import DeviceFact
from vgg_studio.core.wording import device_title

log = logging.getLogger("vgg_studio.app")
LOG = "window.log"
CRASHES = "crashes.log"
SIZE, KEPT = 1 << 20, 3  # bytes a file, files
TAIL = 60  # lines of the log in a report

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Diagnostics:
    """Catches what nobody else does: exceptions in slots and threads, Qt's messages, crashes of the process."""

    def __init__(self, on_error: Callable[[], None]) -> None:
        self._on_error = on_error  # called in whatever thread had the trouble
        folder = paths.log_folder()
        self._handler = logging.handlers.RotatingFileHandler(
            folder / LOG, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8", delay=True
        )
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self._handler)
        root.setLevel(logging.INFO)
        self._hooks = sys.excepthook, threading.excepthook
        sys.excepthook = self._excepthook
        threading.excepthook = self._thread_hook
        self._qt = qInstallMessageHandler(_qt_message)
        self._crashes = open(folder / CRASHES, "ab")  # noqa: SIM115 - kept open: a dying process cannot open files
        faulthandler.enable(self._crashes)

    def remove(self) -> None:
        """Put everything back as it was."""
        faulthandler.disable()
        self._crashes.close()
        qInstallMessageHandler(self._qt)
        sys.excepthook, threading.excepthook = self._hooks
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)
        self._handler.close()

    def _excepthook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._hooks[0](kind, error, trace)
            return
        log.error("unexpected error: %s", "".join(traceback.format_exception(kind, error, trace)))
        self._on_error()

    def _thread_hook(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._excepthook(args.exc_type, args.exc_value, args.exc_traceback)


def _qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    logging.getLogger("qt").log(_LEVELS.get(kind, logging.WARNING), "%s: %s", context.category, message)


def report(device: DeviceFact | None) -> str:
    """What helps to understand a problem: versions, machine, the log's last lines; no user's name, no pictures' names' folder."""
    import platform

    lines = [
        f"VGG Studio {__version__}",
        f"Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}",
        f"device: {f'{device.kind}, {device_title(device)} {device.reason}'.strip() if device else 'not known yet'}",
        f"cores: {os.cpu_count()}",
        "",
        *_tail(paths.log_folder() / LOG),
    ]
    return without_home("\n".join(lines))


def without_home(text: str) -> str:
    """The text without the path of the user's own folder."""
    for home in {str(Path.home()), os.path.realpath(Path.home())} - {"/", ""}:
        text = text.replace(home, "~")
    return text


def _tail(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    except OSError:
        return ["no log"]
