"""How a training becomes one of several processes: started by torchrun, or with helpers of our own on all graphics cards."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import Store, TCPStore
from torch.distributed.rendezvous import rendezvous

from vgg_studio.core.errors import StudioError, UsageError, WorkerLost
from vgg_studio.core.jobs import Stop, TrainJob
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import helpers, threads
from vgg_studio.engine.device import real_cores
from vgg_studio.engine.ending import Diary, Ending, Steps, check
from vgg_studio.engine.place import LOCAL_RANK, LOCAL_WORLD, RANK, WORLD, Place, is_torchruns, place
from vgg_studio.engine.several import AgreedStop, Group, within

Recipe = Callable[[TrainJob, Stop, Diary], Steps[Ending]]
_COUNT = "VGG_STUDIO_PROCESSES"  # what "all graphics cards" means instead: for machines without any
_THREADS, _INTERFACE = "OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME"
# One process may read or measure for a long time while the others wait for it. The end of one is noticed at once.
_PATIENCE = dt.timedelta(days=1)
_MEETING = dt.timedelta(minutes=5)  # for finding the place where all meet
_LOOK = 0.1  # seconds between two looks whether all are there
_THERE = "there/{rank}"  # what each writes at the meeting place
_LOST_WORDS = ("gloo", "connection closed", "connection reset", "broken pipe", "nccl")


def together(recipe: Recipe) -> Recipe:
    """Let a training be one of several processes where it is: all take rank 0's order, and only rank 0's events come out.

    Raises WorkerLost where another process ends before its time.
    """

    @functools.wraps(recipe)
    def training(job: TrainJob, stop: Stop, diary: Diary) -> Steps[Ending]:
        alone = False
        with contextlib.ExitStack() as held:
            try:
                group = held.enter_context(_joined(job, stop))
                alone = group is None
                if group is None:
                    return (yield from recipe(job, stop, diary))
                steps = recipe(group.told(job), AgreedStop(stop), diary)
                return (yield from steps) if group.leads else _without_a_word(steps)
            except RuntimeError as error:
                if alone or not is_loss(error):
                    raise
                raise WorkerLost(processes=place().world) from error

    return training


def is_loss(error: RuntimeError) -> bool:
    """Whether it is another process that is gone."""
    return isinstance(error, dist.DistError) or any(word in str(error).lower() for word in _LOST_WORDS)


def _without_a_word(steps: Steps[Ending]) -> Ending:
    with contextlib.closing(steps):
        while True:
            try:
                next(steps)
            except StopIteration as end:
                ending: Ending = end.value
                return ending


@contextlib.contextmanager
def _joined(job: TrainJob, stop: Stop) -> Iterator[Group | None]:
    """The group of this process while it trains; None where it trains alone."""
    where = place()
    with contextlib.ExitStack() as held:
        if where.world > 1:
            held.enter_context(_equipped(where, job))
            _join(where, helpers.meeting_place(_MEETING) or _torchruns(where), stop)
        elif (count := _processes(job)) > 1:
            held.enter_context(_on_loopback())
            store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=_PATIENCE)
            where = Place(0, count, 0, count)
            held.enter_context(_equipped(where, job))
            started = held.enter_context(helpers.started(count, store.port, stop))
            _join(where, store, stop, started.is_one_gone)
        else:
            yield None
            return
        held.callback(_part)
        yield held.enter_context(within(Group(where)))


def _torchruns(where: Place) -> Store:
    store: Store = next(rendezvous("env://", where.rank, where.world, timeout=_MEETING))[0]
    return store


def _join(where: Place, store: Store, stop: Stop, is_one_gone: Callable[[], bool] = lambda: False) -> None:
    """Wait until all are about to join, which nobody hears a wish to stop in, then join. Raises WorkerLost, Asked."""
    store.set(_THERE.format(rank=where.rank), "1")
    while not store.check([_THERE.format(rank=rank) for rank in range(where.world)]):
        check(stop)
        if is_one_gone():
            raise WorkerLost(processes=where.world)
        time.sleep(_LOOK)
    store.set_timeout(_PATIENCE)
    dist.init_process_group("gloo", store=store, rank=where.rank, world_size=where.world, timeout=_PATIENCE)


def _part() -> None:
    with contextlib.suppress(RuntimeError):  # somebody may be gone already
        dist.destroy_process_group()


def _processes(job: TrainJob) -> int:
    """How many processes "all graphics cards" are; 1 where something else was asked for."""
    device = job.device
    if job.resume and device == "auto":
        with contextlib.suppress(StudioError):
            device = RunFolder.open(Path(job.run)).manifest.job.device
    if device != "all":
        return 1
    asked = os.environ.get(_COUNT, "")
    return int(asked) if asked.isdigit() else torch.cuda.device_count()


@contextlib.contextmanager
def _equipped(where: Place, job: TrainJob) -> Iterator[None]:
    """Its own graphics card and its share of the cores for this process. Raises UsageError where there are too few cards."""
    names = {LOCAL_WORLD: str(where.local_world), LOCAL_RANK: str(where.local_rank)}
    names |= {RANK: str(where.rank), WORLD: str(where.world)}
    asked = os.environ.get(_THREADS, "")
    if not asked or (asked == "1" and is_torchruns()):  # torchrun says 1 where nobody said anything
        names[_THREADS] = str(max(1, real_cores() // where.local_world))
    before = torch.get_num_threads()
    with helpers.environment(names):
        torch.set_num_threads(threads.most())
        try:
            if job.device not in ("cpu", "mps", "xpu") and torch.cuda.is_available():
                cards = torch.cuda.device_count()
                if where.local_rank >= cards:
                    raise UsageError(name="--nproc-per-node", value=where.local_world, allowed=f"1..{cards}")
                torch.cuda.set_device(where.local_rank)
            yield
        finally:
            torch.set_num_threads(before)


def _on_loopback() -> contextlib.AbstractContextManager[None]:
    """Helpers are on this machine: let nobody else in, and let no missing name of the machine be in the way."""
    own = (
        [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")] if hasattr(socket, "if_nameindex") else []
    )
    return helpers.environment({_INTERFACE: own[0]} if own else {})
