"""Processes of our own that train with this one on the other graphics cards of the machine, from start to end.

A helper is an engine like any other, started with its place in the environment; its order is rank 0's. Its stdin is a pipe
of ours: when that closes, because the training has ended or because this process was killed, the helper ends too.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import TCPStore

from vgg_studio.core.jobs import Request, Stop, TrainJob, to_line
from vgg_studio.engine.place import LOCAL_RANK, LOCAL_WORLD, RANK, WORLD

_ORDER = "together"  # the id of a helper's one order
_LOOK = 0.2  # seconds between two looks at helpers and wishes
_END = 5.0  # seconds that a helper may take to end by itself
_PORT = "VGG_STUDIO_TOGETHER_PORT"  # of this machine: where a helper joins


class Helpers:
    """The helpers, and a thread that passes wishes to stop on to them and notices when one ends."""

    def __init__(self, processes: list[subprocess.Popen[bytes]], stop: Stop) -> None:
        self._processes = processes
        self._stop = stop
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="helpers", daemon=True)
        self._thread.start()

    def is_one_gone(self) -> bool:
        """Whether a helper has ended."""
        return any(process.poll() is not None for process in self._processes)

    def end(self) -> None:
        """Close the pipes and wait until all are gone; one that does not hear is killed."""
        self._over.set()
        self._thread.join()
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]
        for process in self._processes:
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        passed_on = None
        while not self._over.wait(_LOOK):
            if self._stop.how not in (None, passed_on):
                passed_on = self._stop.how
                self._say(Request(id=_ORDER, stop=passed_on))
            if self.is_one_gone():
                self._end_the_wait()
                return

    def _end_the_wait(self) -> None:
        """A card may wait for ever for one that is gone; the processor's messages notice by themselves."""
        if torch.cuda.memory_allocated() and dist.is_initialized():
            with contextlib.suppress(RuntimeError, ValueError):
                dist.distributed_c10d._abort_process_group()  # noqa: SLF001 - nothing public ends NCCL's waiting

    def _say(self, request: Request) -> None:
        for process in self._processes:
            _write(process, to_line(request))


@contextlib.contextmanager
def started(count: int, port: int, stop: Stop) -> Iterator[Helpers]:
    """`count` - 1 helpers, which join at `port` of this machine; none is left when the block ends."""
    order = to_line(Request(id=_ORDER, job=TrainJob()))
    processes = [_start(rank, count, port) for rank in range(1, count)]
    running = Helpers(processes, stop)
    try:
        for process in processes:
            _write(process, order)
        yield running
    finally:
        running.end()


def meeting_place(patience: dt.timedelta) -> TCPStore | None:
    """Where a helper finds the process that started it; None in a process that is no helper."""
    port = os.environ.get(_PORT, "")
    return TCPStore("127.0.0.1", int(port), is_master=False, timeout=patience) if port.isdigit() else None


@contextlib.contextmanager
def environment(names: Mapping[str, str]) -> Iterator[None]:
    """The block within which these variables are set."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start(rank: int, count: int, port: int) -> subprocess.Popen[bytes]:
    where = {RANK: rank, WORLD: count, LOCAL_RANK: rank, LOCAL_WORLD: count, _PORT: port}
    own = {"PYTHONUTF8": "1"} | {name: str(value) for name, value in where.items()}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "vgg_studio", "engine", "--role", "train"],  # -P: nothing from where we started
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | own,
    )


def _write(process: subprocess.Popen[bytes], line: bytes) -> None:
    with contextlib.suppress(OSError):  # gone: seen by the next look
        os.write(process.stdin.fileno(), line)  # type: ignore[union-attr]
