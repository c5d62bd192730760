"""The engines, as the window knows them: ask for something, stop it, listen. One process a role, one thread a process."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QObject, QThread, QTimer, Signal, Slot

from vgg_studio import paths
from vgg_studio.app.engine_worker import EngineWorker
from vgg_studio.app.event_stream import Stamped
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import AnyJob, Request, StopHow, TrainJob, to_line

log = logging.getLogger(__name__)
CLOSE_MS = 5_000
SPARE_MS = (
    4_000  # after a training: whoever starts the next at once need not share the processor with a new engine's start
)
ROOMY = 8 << 30  # bytes


def memory_bytes() -> int:
    """The machine's memory; 0 where the system does not tell it this way."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def engine_command(role: str) -> list[str]:
    """The program of an engine. `-P`: a module in the folder where it starts can never stand in for one of ours."""
    return [sys.executable, "-P", "-m", "vgg_studio", "engine", "--role", role]


class _Link(QObject):
    """The window's end of one worker: its signals cross into the worker's thread, the worker's come back."""

    started = Signal()
    submitted = Signal(str, object, bool)
    stopped = Signal(str, str)
    shut = Signal()
    arrived = Signal(str, list)
    lost = Signal(str, str)

    def __init__(self, role: str, command: list[str]) -> None:
        super().__init__()
        self.role = role
        self.ready = False
        self.orders: set[str] = set()  # that have not ended
        self.thread_ = QThread()
        self.thread_.setObjectName(f"engine-{role}")
        self._worker = EngineWorker(role, command, str(paths.cache_folder()))
        self._worker.moveToThread(self.thread_)
        self.thread_.started.connect(self._worker.set_up)
        self.started.connect(self._worker.start)
        self.submitted.connect(self._worker.submit)
        self.stopped.connect(self._worker.stop)
        self.shut.connect(self._worker.shut)
        self._worker.arrived.connect(self._arrived)
        self._worker.lost.connect(self._lost)
        self._worker.gone.connect(self.thread_.quit)
        self.thread_.finished.connect(self._worker.deleteLater)
        self.thread_.start()

    @Slot(list)
    def _arrived(self, stamped: list[Stamped]) -> None:
        self.ready = self.ready or any(isinstance(event, ev.EngineReady) for _order, event in stamped)
        self.arrived.emit(self.role, stamped)

    @Slot(str)
    def _lost(self, order: str) -> None:
        self.lost.emit(self.role, order)


class Engines(QObject):
    """Every engine process of the window. Signals come in the window's thread, at most 20 deliveries a second and role."""

    happened = Signal(str, object)  # an order and one of its events; batches and progress only the newest of a delivery
    events = Signal(list)  # after them: the whole delivery as a list of (order, event)
    ready = Signal(str, object)  # a role and its EngineReady
    lost = Signal(str, str)  # a role and an order whose engine died; the order's end came as an event too

    def __init__(self, command: Callable[[str], list[str]] = engine_command) -> None:
        super().__init__()
        self._command = command
        self._links: dict[str, _Link] = {}  # by role
        self._spare: _Link | None = None  # stands in for the engine that trains as soon as it is ready
        self._leaving: list[_Link] = []
        self._asked: dict[str, _Link] = {}  # by order
        self._numbers = itertools.count(1)
        self._closed = False
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._make_spare)

    def ask(self, role: str, job: AnyJob) -> str:
        """Give an order to the engine of a role (`pictures`, `predict` or `train`); returns the order's id."""
        order = f"{role}-{next(self._numbers)}"
        if self._closed:
            return order
        link = self._asked[order] = self._link(role)
        link.orders.add(order)
        link.submitted.emit(order, to_line(Request(id=order, job=job)), isinstance(job, TrainJob))
        return order

    def stop(self, order: str, how: StopHow) -> None:
        """Ask an order to end; nothing happens where it has ended already."""
        if link := self._asked.get(order):
            link.stopped.emit(order, how)

    def warm(self, role: str) -> None:
        """Start a role's engine before it is needed: it imports its libraries meanwhile.

        A spare training engine holds most of a gigabyte, so there is none on a small machine.
        """
        if not self._closed and (role != "train" or memory_bytes() >= ROOMY):
            self._link(role).started.emit()

    def close(self, limit_ms: int = CLOSE_MS) -> bool:
        """End every process and thread, a training by a pause; nothing that is asked for from now on is done.

        Qt goes on working meanwhile. False when time ran out.
        """
        self._closed = True
        self._later.stop()
        for link in (*self._links.values(), *filter(None, [self._spare])):
            self._let_go(link)
        self._links.clear()
        self._spare = None
        end = time.monotonic() + limit_ms / 1000
        while self._living() and time.monotonic() < end:
            loop = QEventLoop()
            QTimer.singleShot(10, loop.quit)
            loop.exec()
        return not self._living()

    def _living(self) -> bool:
        self._leaving = [link for link in self._leaving if not link.thread_.isFinished()]
        return bool(self._leaving)

    def _link(self, role: str) -> _Link:
        if role not in self._links:
            self._links[role] = self._new(role)
        return self._links[role]

    def _new(self, role: str) -> _Link:
        link = _Link(role, self._command(role))
        link.arrived.connect(self._arrived)
        link.lost.connect(self.lost)
        return link

    def _let_go(self, link: _Link) -> None:
        link.shut.emit()
        self._leaving.append(link)

    def _replace(self, link: _Link, failed: bool) -> None:
        """A training has ended. Its process keeps the memory that it took, so a fresh one takes its place; until that is
        ready the old one, whose libraries are loaded, does what comes next, unless something has gone wrong in it.
        """
        if self._links.get("train") is not link:
            return
        self._living()
        roomy = memory_bytes() >= ROOMY
        if failed or not roomy:
            self._let_go(self._links.pop("train"))
            if self._spare is not None:
                self._links["train"], self._spare = self._spare, None
            elif roomy:
                self.warm("train")
        elif self._spare is None:
            self._later.start(SPARE_MS)

    def _make_spare(self) -> None:
        old = self._links.get("train")
        if old is not None and not old.orders and self._spare is None:
            self._spare = self._new("train")
            self._spare.started.emit()

    def _change_places(self) -> None:
        old, spare = self._links.get("train"), self._spare
        if old is not None and spare is not None and spare.ready and not old.orders:
            self._links["train"], self._spare = spare, None
            self._let_go(old)

    @Slot(str, list)
    def _arrived(self, role: str, stamped: list[Stamped]) -> None:
        for order, event in stamped:
            if isinstance(event, ev.EngineReady):
                self.ready.emit(role, event)
                continue
            self.happened.emit(order, event)
            if isinstance(event, ev.JobEnded | ev.RunEnded) and (link := self._asked.pop(order, None)):
                link.orders.discard(order)
                if isinstance(event, ev.RunEnded):
                    self._replace(link, event.outcome == "failed")
        self._change_places()
        self.events.emit(stamped)
