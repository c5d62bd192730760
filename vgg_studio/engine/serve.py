"""The engine process: orders come in as lines on stdin, events go out as lines on stdout.

One program, three roles; each imports only what its orders need, so the pictures role never loads torch. Orders wait in lanes:
thumbnails come while a scan runs, everything else is done one after the other. The process ends when nobody can speak to it
any more: when stdin closes, running orders are asked to stop, and two seconds later it is gone, whatever it was doing.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import platform
import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from vgg_studio import __version__, paths
from vgg_studio.core import language
from vgg_studio.core.errors import StudioError, Unexpected, UsageError
from vgg_studio.core.events import EngineReady, Event, JobEnded, RunEnded, stamped, to_line
from vgg_studio.core.jobs import (
    AnyJob,
    DrawSamplesJob,
    EvaluateJob,
    ExportJob,
    FetchDataJob,
    InspectJob,
    PredictJob,
    PreviewJob,
    QuickLookJob,
    Request,
    SaveCodeJob,
    SavePlotsJob,
    ScanJob,
    Stop,
    ThumbnailJob,
    TrainJob,
    TuneJob,
    WriteSplitJob,
    from_line,
)
from vgg_studio.engine.ending import ended, failure_of

LONGEST_LINE = 1 << 20  # bytes of an order
GRACE = 2.0  # seconds from the end of stdin to the end of the process
NICENESS = 5  # of trainings: the window and whatever else a person does go first; alone it changes nothing
_CHUNK = 1 << 16
_PICTURES, _ENGINE = "vgg_studio.pictures", "vgg_studio.engine"


@dataclass(frozen=True)
class Work:
    """Which function does an order, and in which lane it waits."""

    module: str
    function: str
    lane: str = "only"


ROLES: dict[str, dict[type[AnyJob], Work]] = {
    "pictures": {
        ScanJob: Work(f"{_PICTURES}.scan", "scan", "folder"),
        DrawSamplesJob: Work(f"{_PICTURES}.demo", "draw_samples", "folder"),
        WriteSplitJob: Work(f"{_PICTURES}.split_folders", "write_split", "folder"),
        FetchDataJob: Work(f"{_PICTURES}.fetching", "fetch_data", "fetching"),
        ThumbnailJob: Work(f"{_PICTURES}.thumbnails", "make_thumbnails", "thumbnails"),
        PreviewJob: Work(f"{_PICTURES}.preview", "preview", "previews"),
    },
    "predict": {
        PredictJob: Work(f"{_ENGINE}.predict", "predict"),
        EvaluateJob: Work(f"{_ENGINE}.evaluate", "evaluate"),
        ExportJob: Work(f"{_ENGINE}.export", "export"),
        SaveCodeJob: Work(f"{_ENGINE}.code_script", "save_code"),
        SavePlotsJob: Work(f"{_ENGINE}.plots", "save_plots"),
        InspectJob: Work(f"{_ENGINE}.inspect", "inspect"),
        TuneJob: Work(f"{_ENGINE}.tuning", "tune"),
    },
    "train": {
        QuickLookJob: Work(f"{_ENGINE}.quick_look", "quick_look"),
        TrainJob: Work(f"{_ENGINE}.train", "train"),
        TuneJob: Work(f"{_ENGINE}.tuning", "tune"),
    },
}


def serve(role: str) -> int:
    """Do orders until stdin closes, then leave the process. Returns only for a role that does not exist: exit code 2."""
    if role not in ROLES:
        sys.stderr.write(f"{UsageError(name='role', value=role, allowed=', '.join(ROLES))}\n")
        return 2
    faulthandler.enable()
    language.use(os.environ.get("VGG_STUDIO_LANGUAGE", ""), paths.locales())
    engine = _Engine(role, *_claim_pipes())
    reader = threading.Thread(target=engine.read, name="orders", daemon=True)
    reader.start()
    try:
        engine.make_ready()
        engine.closed.wait()
    except KeyboardInterrupt:
        engine.close()
    engine.wait_for_lanes()
    sys.stderr.flush()
    os._exit(0)  # tearing down torch takes a second or more, and there is nothing left to put away


@dataclass
class _Order:
    id: str
    job: AnyJob
    stop: Stop = field(default_factory=Stop)


class _Engine:
    """The orders that wait and run, and the two pipes."""

    def __init__(self, role: str, incoming: int, outgoing: int) -> None:
        self._role = role
        self._incoming = incoming
        self._outgoing = outgoing
        self._sending = threading.Lock()
        self._seq = 0
        self._orders: dict[str, _Order] = {}  # waiting and running
        self._lanes: dict[str, queue.SimpleQueue[_Order | None]] = {
            work.lane: queue.SimpleQueue() for work in ROLES[role].values()
        }
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"lane {name}", daemon=True)
            for name, lane in self._lanes.items()
        ]
        self.closed = threading.Event()

    def make_ready(self) -> None:
        """Import what the role's orders need, say so, and begin with the orders that came in the meantime."""
        if self._role == "train" and hasattr(os, "nice"):  # threads inherit it, so before they start
            os.nice(NICENESS)
        versions = {"vgg_studio": __version__, "python": platform.python_version()}
        device = None
        if self._role != "pictures":
            from vgg_studio.engine.device import choose, prepare_process

            prepare_process()
            device = choose().fact
        for work in ROLES[self._role].values():
            importlib.import_module(work.module)
        if torch := sys.modules.get("torch"):
            versions["torch"] = str(torch.__version__)
        if self._role != "train":
            importlib.import_module(f"{_PICTURES}.guard").keep()  # the next picture finds its decoder warm
        self._send(EngineReady(role=self._role, versions=versions, device=device), "")
        for thread in self._threads:
            thread.start()
        if self._role == "train":
            importlib.import_module("torch._dynamo")  # see optimizers.warming: here it costs nobody's time

    def read(self) -> None:
        """Take in orders until stdin closes."""
        for line in _lines(self._incoming):
            if line is None:
                self._refuse("", Unexpected(detail=f"a line of more than {LONGEST_LINE} bytes"))
            elif line.strip():
                self._take(line)
        self.close()

    def close(self) -> None:
        """Ask everything to stop, and see to it that the process ends even if something cannot hear."""
        last_resort = threading.Timer(GRACE, os._exit, (0,))
        last_resort.daemon = True
        last_resort.start()
        for order in list(self._orders.values()):
            if order.stop.how is None:
                order.stop.ask("pause" if isinstance(order.job, TrainJob) else "cancel")
        for lane in self._lanes.values():
            lane.put(None)
        self.closed.set()

    def wait_for_lanes(self) -> None:
        """Wait until the running orders have ended."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _take(self, line: bytes) -> None:
        try:
            request = from_line(line)
        except UsageError as error:
            self._refuse(_id_in(line), error)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse(_id_in(line), Unexpected(detail=str(error)))
        else:
            self._obey(request)

    def _obey(self, request: Request) -> None:
        known = self._orders.get(request.id)
        if request.stop is not None and known is not None:
            known.stop.ask(request.stop)
        if request.job is None:
            return
        work = ROLES[self._role].get(type(request.job))
        if known is not None:  # not in its name, or the order that runs under it would seem to have ended
            self._refuse("", Unexpected(detail=f"an order with the id {request.id[:40]!r} is not done yet"))
            return
        if work is None:
            name = type(request.job).__name__
            self._refuse(request.id, UsageError(name="order", value=name, allowed=_names(self._role)))
            return
        order = _Order(request.id, request.job)
        self._orders[request.id] = order
        self._lanes[work.lane].put(order)

    def _refuse(self, job: str, error: StudioError) -> None:
        self._send(JobEnded(outcome="failed", failure=error.fact()), job)

    def _work(self, lane: queue.SimpleQueue[_Order | None]) -> None:
        while (order := lane.get()) is not None:
            with contextlib.closing(ended(self._events(order))) as events:
                for event in events:
                    if isinstance(event, JobEnded | RunEnded):
                        self._orders.pop(order.id, None)
                    self._send(event, order.id)

    def _events(self, order: _Order) -> Iterator[Event]:
        if order.stop.how is not None and not isinstance(order.job, TrainJob):
            yield JobEnded(outcome="stopped")
            return
        work = ROLES[self._role][type(order.job)]
        yield from getattr(importlib.import_module(work.module), work.function)(order.job, order.stop)

    def _send(self, event: Event, job: str) -> None:
        with self._sending:
            self._seq += 1
            line = memoryview(to_line(stamped(event, job, self._seq)))
            try:
                while line:
                    line = line[os.write(self._outgoing, line) :]
            except OSError as error:  # nobody listens: as good as nobody speaking
                failure_of(error)
                self.closed.set()


def _claim_pipes() -> tuple[int, int]:
    """Keep stdin and stdout for the protocol alone: what libraries print goes to stderr, what they read is nothing."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return incoming, outgoing


def _lines(handle: int) -> Iterator[bytes | None]:
    """Lines as they come; None for one that is too long, of which nothing is kept. Only a newline makes a line."""
    rest, skipping = b"", False
    while chunk := os.read(handle, _CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if not skipping:
                yield line if len(line) <= LONGEST_LINE else None
            skipping = False
        if len(rest) > LONGEST_LINE and not skipping:
            skipping = True
            yield None
        if skipping:
            rest = b""


def _id_in(line: bytes) -> str:
    """The order's id in a line that is otherwise no order."""
    try:
        return msgspec.json.decode(line, type=_Id).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _Id(msgspec.Struct):
    id: str = ""


def _names(role: str) -> str:
    return ", ".join(kind.__name__ for kind in ROLES[role])
