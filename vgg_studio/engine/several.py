"""Several processes that train one network together: everything that they say to each other.

All of them go through the same steps with the same numbers, each with its share of the pictures; only rank 0 writes and
speaks. Whatever decides what comes next (a wish to stop, a picture that cannot be read, an error) is told to all before any
of them acts on it, so that nobody waits for somebody who has gone another way. A process alone is a group of one, and every
call here then gives back what it was given.

Messages go over gloo between processors, gradients too; between NVIDIA cards gradients go over NCCL.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vgg_studio.core.errors import StudioError
from vgg_studio.core.jobs import STRENGTH, Stop, StopHow
from vgg_studio.core.run_folder import Manifest, RunFolder
from vgg_studio.engine.ending import Asked, Steps
from vgg_studio.engine.place import Place

Value = TypeVar("Value")
_BY_STRENGTH: dict[int, StopHow] = {0: "pause", 1: "finish", 2: "discard"}
_CARDS_TIMEOUT = dt.timedelta(minutes=10)  # for gradients; nothing else goes over NCCL


class Followed(RunFolder):
    """The run as the processes see it that do not write it: its manifest in memory alone."""

    writes: ClassVar[bool] = False

    def save(self, manifest: Manifest) -> None:
        """Remember the manifest."""
        self.manifest = manifest

    def append(self, event: object) -> None:
        """Rank 0 has told it."""

    @contextlib.contextmanager
    def lock(self, patience: float = 0.0) -> Iterator[None]:  # noqa: ARG002 - as its parent's
        """Rank 0 holds the lock for all."""
        yield

    def repair(self) -> None:
        """Rank 0 has mended it."""

    def discard(self) -> None:
        """Rank 0 deletes it."""


class AgreedStop(Stop):
    """A wish to stop as all processes know it. Within `by_itself` it is this process's own wish."""

    def __init__(self, own: Stop) -> None:
        self._agreed: StopHow | None = None
        self._alone = False
        self.own = own

    @property
    def how(self) -> StopHow | None:  # type: ignore[override]
        """What was agreed on, or this process's own wish."""
        return self.own.how if self._alone else self._agreed

    def ask(self, how: StopHow) -> None:
        """Ask; counts when all processes have heard of it."""
        self.own.ask(how)

    def agree(self, strength: int) -> None:
        """Take the strongest wish of all processes as everybody's (-1: there is none)."""
        self._agreed = _BY_STRENGTH.get(strength)

    @contextlib.contextmanager
    def by_itself(self) -> Iterator[None]:
        """The block in which this process does its own share and hears its own wish at once."""
        self._alone = True
        try:
            yield
        finally:
            self._alone = False


class Group:
    """The processes that train together, as one of them sees them. Every method but the shares is a meeting of all."""

    def __init__(self, place: Place = Place()) -> None:  # noqa: B008 - a constant
        self.place = place
        self._cards: dist.ProcessGroup | None = None

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.place.world == 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's folder and speaks."""
        return self.place.leads

    @property
    def first_here(self) -> bool:
        """Whether this process is the first one of its machine."""
        return self.place.local_rank == 0

    def run_folder(self, path: Path, manifest: Manifest | None = None) -> RunFolder:
        """A run's folder: a new one with its manifest, or what lies there. Raises RunMissing, RunDamaged, RunTooNew."""
        kind = RunFolder if self.leads else Followed
        return kind.open(path) if manifest is None else kind(path, manifest)

    def share(self, things: Sequence[Value]) -> Sequence[Value]:
        """The part of things for this process; all parts together are the things in order."""
        return _part(things, self.place.rank, self.place.world)

    def numbers(self, numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The part for this process of a batch's numbers."""
        return np.array_split(numbers, self.place.world)[self.place.rank]

    def every_other(self, things: Sequence[Value]) -> Sequence[Value]:
        """The part for this process of things that each machine does for itself: what is left to do lies in stretches."""
        return things[self.place.local_rank :: self.place.local_world]

    def exchange(self, values: Sequence[float]) -> npt.NDArray[np.float64]:
        """A few numbers of each process, (processes, numbers): the quick meeting at each batch."""
        mine = torch.tensor(values, dtype=torch.float64)
        if self.alone:
            return mine.numpy()[None]
        found = torch.empty(self.place.world, len(values), dtype=torch.float64)
        dist.all_gather(list(found.unbind()), mine)
        return found.numpy()

    def gather(self, value: Value) -> list[Value]:
        """A value of each process, by rank. Plain values only: they travel pickled, between processes of one user."""
        if self.alone:
            return [value]
        found: list[Value] = [value] * self.place.world
        dist.all_gather_object(found, value)
        return found

    def told(self, value: Value) -> Value:
        """Rank 0's value."""
        if self.alone:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, on the processor."""
        if self.alone:
            return tensor
        summed = tensor.detach().cpu().clone()
        dist.all_reduce(summed)
        return summed

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Give every process rank 0's numbers in these tensors: weights, statistics."""
        if self.alone:
            return
        with torch.no_grad():
            for tensor in tensors:
                held = tensor.detach().cpu().contiguous()
                dist.broadcast(held, src=0)
                tensor.copy_(held)

    def add_up(self, gradients: Sequence[Tensor | None]) -> None:
        """Replace each gradient by its sum over all processes."""
        for gradient in () if self.alone else gradients:
            if gradient is not None:
                gradient.copy_(self.total(gradient))

    def wrapped(self, head: nn.Module) -> nn.Module:
        """What learns, made so that its gradients are the mean over all processes (Li et al., VLDB 2020, DDP).

        Statistics of batch normalisation are rank 0's where they are not measured over all processes (`joined_norms`).
        """
        if self.alone:
            return head
        return DistributedDataParallel(head, process_group=self._between_cards(head), gradient_as_bucket_view=True)

    def held_back(self, learning: nn.Module) -> contextlib.AbstractContextManager[None]:
        """The block whose gradients are only added to this process's own: the next ones outside it take them along."""
        return learning.no_sync() if isinstance(learning, DistributedDataParallel) else contextlib.nullcontext()

    def joined_norms(self, network: nn.Module, names: Sequence[str]) -> None:
        """Let the named batch normalisations of a network on NVIDIA cards measure over all processes' pictures.

        On processors torch cannot do that: there each process normalises by its own share of a batch.
        """
        if self.alone or next(network.parameters()).device.type != "cuda":
            return
        between = self._between_cards(network)
        for name in names:
            norm = nn.SyncBatchNorm.convert_sync_batchnorm(network.get_submodule(name), between)  # type: ignore[no-untyped-call]
            network.set_submodule(name, norm)

    def _between_cards(self, module: nn.Module) -> dist.ProcessGroup | None:
        if self._cards is None and next(module.parameters()).device.type == "cuda":
            made = dist.new_group(backend="nccl", timeout=_CARDS_TIMEOUT)
            self._cards = made if isinstance(made, dist.ProcessGroup) else None
        return self._cards


ALONE = Group()
_here = ALONE


def here() -> Group:
    """The group that this process is in now."""
    return _here


@contextlib.contextmanager
def within(group: Group) -> Iterator[Group]:
    """The block within which this process is one of a group."""
    global _here
    _here = group
    try:
        yield group
    finally:
        _here = ALONE


def each(stop: Stop, steps: Steps[Value]) -> Steps[list[Value]]:
    """Do this process's share of the work; what the shares of all return, by rank.

    A wish to stop, or an error, of one process is everybody's: all raise it. Raises Asked, StudioError.
    """
    group = here()
    if group.alone or not isinstance(stop, AgreedStop):
        return [(yield from steps)]
    value: Value | None = None
    left: Asked | StudioError | None = None
    with stop.by_itself():
        try:
            value = yield from steps
        except (Asked, StudioError) as reason:
            left = reason
    said = group.gather((value, strength(stop.own), left.how if isinstance(left, Asked) else left))
    stop.agree(max(wish for _, wish, _ in said))
    reasons = [reason for _, _, reason in said if reason is not None]
    if error := next((reason for reason in reasons if isinstance(reason, StudioError)), None):
        raise error
    if reasons:
        raise Asked(max((reason for reason in reasons if isinstance(reason, str)), key=STRENGTH.__getitem__))
    return [one for one, _, _ in said]  # type: ignore[misc]


def in_turn(stop: Stop, steps: Steps[Value]) -> Steps[Value]:
    """Let the first process of each machine do the steps before its others do, which find what it has made."""
    group = here()
    if group.alone:
        return (yield from steps)
    made: list[Value] = []
    yield from each(stop, _kept(steps, made) if group.first_here else _nothing())
    return made[0] if made else (yield from steps)


def by_leader(stop: Stop, work: Callable[[], object]) -> Steps[None]:
    """Let rank 0 do what one alone may do while the others wait; its error is everybody's."""
    yield from each(stop, _done(work) if here().leads else _nothing())


def strength(stop: Stop) -> int:
    """How strong a wish is; -1: there is none."""
    return -1 if stop.how is None else STRENGTH[stop.how]


def _kept(steps: Steps[Value], made: list[Value]) -> Steps[None]:
    made.append((yield from steps))


def _done(work: Callable[[], object]) -> Steps[None]:
    yield from ()
    work()


def _nothing() -> Steps[None]:
    yield from ()


def _part(things: Sequence[Value], number: int, of: int) -> Sequence[Value]:
    return things[len(things) * number // of : len(things) * (number + 1) // of]
