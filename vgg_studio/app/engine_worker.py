"""One engine process behind a QThread: orders go in, typed events come out, and the window never waits for either.

The worker lives in its own thread with its own event loop. It owns the QProcess and nothing else: no widgets, no files, no
state of the window. Everything that takes time is a signal or a timer, so a full pipe or a hung engine blocks nobody.
"""

from __future__ import annotations

import logging
import os
import signal
import time

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

from vgg_studio.app.event_stream import EventStream
from vgg_studio.core import events as ev
from vgg_studio.core.errors import EngineDied
from vgg_studio.core.jobs import Request, StopHow, to_line

log = logging.getLogger(__name__)

DELIVERY_MS = 50  # at most 20 deliveries a second, whatever arrives
DELIVERY_MOST = 1_000  # events a delivery: what the window folds in some milliseconds
READ_MOST = 256 * 1024  # bytes a turn of the loop, so that an order to stop is heard between two turns
ASK_MS, TERMINATE_MS = 2_000, 2_000  # the kill ladder: asked, then terminated, then killed
# How long an order may take to obey a stop before its engine goes. A training may be within a batch of a minute.
PATIENCE_MS = {"pictures": ASK_MS, "predict": 10_000}


class EngineWorker(QObject):
    """Runs the engine of one role. Starts it with the first order, and again with the next order after it died."""

    arrived = Signal(list)  # of (order, event)
    lost = Signal(str)  # an order that its engine did not live to end
    gone = Signal()  # no process is left, after `shut`

    def __init__(self, role: str, command: list[str], folder: str) -> None:
        super().__init__()
        self._role, self._command, self._folder = role, command, folder
        self._process: QProcess | None = None
        self._orders: dict[str, bool] = {}  # order -> whether it is a training
        self._stream = EventStream()
        self._delivered = 0.0
        self._shutting = False
        self._stderr: list[str] = []

    @Slot()
    def set_up(self) -> None:
        """The thread has started: from here on everything happens in it, timers included."""
        self._delivery = QTimer(self, singleShot=True)
        self._delivery.timeout.connect(self._deliver)
        self._more = QTimer(self, singleShot=True, interval=0)
        self._more.timeout.connect(self._read)
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(self._terminate)
        self._ladder = QTimer(self, singleShot=True, interval=TERMINATE_MS)
        self._ladder.timeout.connect(self._kill)

    @Slot()
    def start(self) -> None:
        """Start the process, if there is none, before there is an order for it."""
        if self._process is None and not self._shutting:
            self._process = self._started()

    @Slot(str, object, bool)
    def submit(self, order: str, line: bytes, training: bool) -> None:
        """Hand an order to the engine."""
        self._orders[order] = training
        self.start()
        if self._process is not None:
            self._process.write(line)

    @Slot(str, str)
    def stop(self, order: str, how: StopHow) -> None:
        """Ask an order to end; an engine that does not obey in time is replaced."""
        if order not in self._orders or self._process is None:
            return
        self._process.write(to_line(Request(id=order, stop=how)))
        if self._role in PATIENCE_MS and not self._patience.isActive():
            self._patience.start(PATIENCE_MS[self._role])

    @Slot()
    def shut(self) -> None:
        """End the process for good: asked (a training pauses), after 2 s terminated, after 2 more killed."""
        self._shutting = True
        if self._process is None:
            self.gone.emit()
            return
        for order, training in self._orders.items():
            self._process.write(to_line(Request(id=order, stop="pause" if training else "cancel")))
        self._patience.start(ASK_MS)
        self._close_when_idle()

    def _started(self) -> QProcess:
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUTF8", "1")
        environment.remove("PYTHONINSPECT")
        process.setProcessEnvironment(environment)
        process.setWorkingDirectory(self._folder)  # never the pictures' folder: a torch.py may lie there
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_stderr)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed)
        process.start(self._command[0], self._command[1:])
        return process

    # --- reading

    @Slot()
    def _read(self) -> None:
        if self._process is None:
            return
        self._process.setReadChannel(QProcess.ProcessChannel.StandardOutput)
        self._feed(bytes(self._process.read(READ_MOST).data()))
        if self._process.bytesAvailable():
            self._more.start()

    def _feed(self, data: bytes) -> None:
        before = len(self._stream)
        self._stream.feed(data)
        for order, event in self._stream.since(before):
            if isinstance(event, ev.JobEnded | ev.RunEnded):
                self._order_ended(order)
        self._deliver_soon()

    def _order_ended(self, order: str) -> None:
        self._orders.pop(order, None)
        if not self._shutting:
            self._patience.stop()
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._shutting and not self._orders and self._process is not None:
            self._process.closeWriteChannel()  # an engine ends when nobody can speak to it any more

    @Slot()
    def _read_stderr(self) -> None:
        if self._process is None:
            return
        for line in bytes(self._process.readAllStandardError().data()).decode(errors="replace").splitlines():
            log.info("%s engine: %s", self._role, line)
            self._stderr = [*self._stderr[-3:], line]

    # --- delivering

    def _deliver_soon(self) -> None:
        if len(self._stream) and not self._delivery.isActive():
            since = (time.monotonic() - self._delivered) * 1000
            self._delivery.start(max(0, round(DELIVERY_MS - since)))

    @Slot()
    def _deliver(self) -> None:
        self._delivered = time.monotonic()
        self.arrived.emit(self._stream.take(DELIVERY_MOST))
        self._deliver_soon()

    # --- ending

    @Slot()
    def _terminate(self) -> None:
        if self._process is not None:
            log.info("the %s engine does not answer; it is ended", self._role)
            self._process.terminate()
            self._ladder.start()

    @Slot()
    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    @Slot(QProcess.ProcessError)
    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._end(self._process.errorString())

    @Slot(int, QProcess.ExitStatus)
    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._process is not None:
            self._process.setReadChannel(QProcess.ProcessChannel.StandardOutput)
            self._feed(bytes(self._process.readAll().data()))
            self._end(_how_it_ended(code, status))

    def _end(self, detail: str) -> None:
        """No process any more: end every order that it left open, so that nobody waits for ever."""
        if self._process is not None:
            self._process.deleteLater()
        self._process = None
        self._patience.stop()
        self._ladder.stop()
        failure = EngineDied(detail=detail).fact()
        for order, training in self._orders.items():
            log.info("the %s engine ended (%s) before %s did: %s", self._role, detail, order, " | ".join(self._stderr))
            ended = (
                ev.RunEnded(outcome="failed", failure=failure)
                if training
                else ev.JobEnded(outcome="failed", failure=failure)
            )
            self._stream.add(order, ended)
            self.lost.emit(order)
        self._orders.clear()
        self._deliver_soon()
        if self._shutting:
            self._deliver()
            self.gone.emit()


def _how_it_ended(code: int, status: QProcess.ExitStatus) -> str:
    """A short technical word for the log and the sentence: the exit code, or the signal's name where there was one."""
    if status == QProcess.ExitStatus.NormalExit:
        return f"code {code}"
    if os.name == "nt":
        return f"code 0x{code & 0xFFFFFFFF:08X}"
    return signal.Signals(code).name if code in set(signal.Signals) else f"signal {code}"
