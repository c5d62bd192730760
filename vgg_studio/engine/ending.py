"""How orders end: exactly one last event, whatever happens, and every event in the run's log first."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import msgspec

from vgg_studio.core.errors import OutOfMemory, StudioError, Unexpected
from vgg_studio.core.events import Event, Failure, JobEnded, Outcome, RunEnded
from vgg_studio.core.jobs import Stop, StopHow, TrainJob
from vgg_studio.core.run_folder import RunFolder

Value = TypeVar("Value")
Steps = Generator[Event, None, Value]

A_TENTH = 0.1  # seconds between two reports of progress
_DETAIL = 200  # characters of a foreign error that travel
_MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "DefaultCPUAllocator")


class Asked(Exception):  # noqa: N818 - a wish, not an error
    """Leaves the work at a place where nothing is half done, because the order was asked to stop."""

    def __init__(self, how: StopHow) -> None:
        super().__init__(how)
        self.how = how


def check(stop: Stop) -> None:
    """Raise Asked if the order was asked to stop."""
    if stop.how is not None:
        raise Asked(stop.how)


def wants(stop: Stop, how: StopHow) -> bool:
    """Whether the order was asked to stop in this way, seen anew each time: another thread sets it."""
    return stop.how == how


class Ticker:
    """Says at most ten times a second that it is time to report; the first time at once."""

    def __init__(self) -> None:
        self._seconds = A_TENTH
        self._last = -math.inf

    def due(self) -> bool:
        """Whether enough time has passed since the last True."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Diary:
    """Where a training's events are kept: in memory until there is a run folder, then in its log."""

    def __init__(self) -> None:
        self.run: RunFolder | None = None
        self.held = contextlib.ExitStack()  # the run's lock
        self._early: list[Event] = []
        self._began = time.monotonic()
        self._before = 0.0

    def open(self, run: RunFolder) -> None:
        """Write into this run from now on, first what came before it."""
        self.run = run
        self._before = run.manifest.elapsed
        for event in self._early:
            run.append(event)
        self._early.clear()

    def write(self, event: Event) -> None:
        """Keep one event. Raises StorageError."""
        if self.run is None:
            self._early.append(event)
        else:
            self.run.append(event)

    def elapsed(self) -> float:
        """Seconds that the run has taken so far, breaks between sessions left out."""
        return self._before + time.monotonic() - self._began

    def end(self, outcome: Outcome, failure: Failure | None = None) -> RunEnded:
        """Close the run with its one last event; a disk that cannot take it any more is no reason to keep it back."""
        run, self.run = self.run, None
        manifest = run.manifest if run else None
        ended = RunEnded(
            outcome=outcome,
            best_epoch=(manifest.best_epoch or None) if manifest else None,
            val_accuracy=manifest.best_accuracy if manifest else None,
            run=str(run.path) if run else "",
            epochs=len(manifest.epochs) if manifest else 0,
            seconds=self.elapsed(),
            failure=failure,
            forecast=manifest.forecast if manifest and outcome == "finished" and not self._before else None,
        )
        if run is not None and manifest is not None and outcome != "discarded":
            with contextlib.suppress(StudioError, OSError):
                run.save(msgspec.structs.replace(manifest, outcome=outcome, failure=failure, elapsed=self.elapsed()))
                run.append(ended)
        self.held.close()
        if run is not None and outcome == "discarded":
            run.discard()
        return ended


Ending = tuple[Outcome, Failure | None]
_OUTCOMES: dict[StopHow, Outcome] = {
    "pause": "paused",
    "cancel": "paused",
    "finish": "finished_early",
    "discard": "discarded",
}


def one_ending(
    recipe: Callable[[TrainJob, Stop, Diary], Steps[Ending]],
) -> Callable[[TrainJob, Stop], Generator[Event, None, None]]:
    """Make a training of a recipe: its events go to the run's log and then out, and one run_ended comes last."""

    @functools.wraps(recipe)
    def training(job: TrainJob, stop: Stop) -> Generator[Event, None, None]:
        diary = Diary()
        with diary.held:
            try:
                outcome, failure = yield from _written(recipe(job, stop, diary), diary)
            except Asked as asked:
                outcome, failure = _OUTCOMES[asked.how], None
            except Exception as error:  # noqa: BLE001 - whatever it is, the training must end with its one event
                outcome, failure = "failed", failure_of(error, job.batch_size)
            yield diary.end(outcome, failure)

    return training


def _written(steps: Steps[Value], diary: Diary) -> Steps[Value]:
    """Pass events on after they were written; what the steps return is returned."""
    with contextlib.closing(steps):
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                value: Value = end.value
                return value
            diary.write(event)
            yield event


def failure_of(error: Exception, batch_size: int = 0) -> Failure:
    """The fact behind any exception; with VGG_STUDIO_DEBUG=1 where it came from goes to stderr."""
    if os.environ.get("VGG_STUDIO_DEBUG") == "1":
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, StudioError):
        return error.fact()
    if is_memory(error):
        return OutOfMemory(device=_whose_memory(str(error)), batch_size=batch_size).fact()
    lines = str(error).strip().splitlines() or [""]
    return Unexpected(detail=f"{type(error).__name__}: {lines[0]}"[:_DETAIL]).fact()


def _whose_memory(message: str) -> str:
    return next((kind for kind in ("cuda", "mps", "xpu") if kind in message.lower()), "cpu")


def is_memory(error: Exception) -> bool:
    """Whether it is memory that was missing, on whatever device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without importing it
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _MEMORY_WORDS)


Order = TypeVar("Order")


def one_job_ended(
    recipe: Callable[[Order, Stop], Steps[None]],
) -> Callable[[Order, Stop], Generator[Event, None, None]]:
    """Make an order of a recipe: one job_ended comes last, whatever happens."""

    @functools.wraps(recipe)
    def order(job: Order, stop: Stop) -> Generator[Event, None, None]:
        return ended(recipe(job, stop))

    return order


def ended(steps: Iterator[Event]) -> Generator[Event, None, None]:
    """The events of an order, with the one job_ended that it may lack at its end."""
    try:
        for event in steps:
            yield event
            if isinstance(event, JobEnded | RunEnded):
                return
        last = JobEnded(outcome="done")
    except Asked:
        last = JobEnded(outcome="stopped")
    except Exception as error:  # noqa: BLE001 - whatever it is, the order must end with its one event
        last = JobEnded(outcome="failed", failure=failure_of(error))
    yield last
