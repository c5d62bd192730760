"""Runs orders for a command: events to the printer, Ctrl+C to the engine, the ending to an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vgg_studio.cli.failing import DONE, FAILED, STOPPED, WRONG_USAGE, OutputClosedError, as_studio_error, complain
from vgg_studio.cli.interrupts import Interrupts
from vgg_studio.cli.orders import Engine, carry_out
from vgg_studio.cli.printer import Printer
from vgg_studio.core import events as ev
from vgg_studio.core.errors import StudioError, UsageError, describe
from vgg_studio.core.jobs import AnyJob, Stop, StopHow, TrainJob
from vgg_studio.core.language import _

Ending = ev.RunEnded | ev.JobEnded
Watcher = Callable[[ev.Event], None]


@dataclass
class Session:
    """What a command needs: the engine that does orders, and whether the user wants tracebacks."""

    engine: Engine = carry_out
    debug: bool = False
    stop: Stop = field(default_factory=Stop)

    def run(self, job: AnyJob, printer: Printer, watch: Watcher | None = None) -> Ending:
        """Do one order to its end and return its last event; `watch` sees each event too.

        Where the output can no longer be written the order is brought to a good end first; then raises OutputClosedError
        or OSError.
        """
        how: StopHow = "pause" if isinstance(job, TrainJob) else "cancel"
        unwritable: Exception | None = None
        ending: Ending | None = None
        printer.begin(job)
        with Interrupts(lambda: self._interrupt(how), printer.let_go, STOPPED):
            for event in self._events(job):
                if watch is not None:
                    watch(event)
                if isinstance(event, ev.RunEnded | ev.JobEnded):
                    ending = event
                if unwritable is None and not _is_plain_end(event):
                    try:
                        printer.show(event)
                    except OSError as error:
                        unwritable = OutputClosedError() if isinstance(error, BrokenPipeError) else error
                        self.stop.ask(how)
        if unwritable is not None:
            raise unwritable
        return ending or ev.JobEnded(outcome="stopped" if self.stop.how else "done")

    def refuse(self, job: AnyJob, error: StudioError, printer: Printer) -> Ending:
        """End an order that was never begun the way it would have ended."""
        if self.debug:
            traceback.print_exception(error, file=sys.stderr)
        ending = _failed(job, error)
        printer.show(ending)
        return ending

    def _interrupt(self, how: StopHow) -> None:
        self.stop.ask(how)
        if how == "pause":
            complain(_("Pausing after this batch; press Ctrl+C again to end at once."))
        else:
            complain(_("Stopping; press Ctrl+C again to end at once."))

    def _events(self, job: AnyJob) -> Iterator[ev.Event]:
        """The order's events, closed by one that tells of the failure where the engine raises."""
        try:
            yield from self.engine(job, self.stop)
        except Exception as error:  # noqa: BLE001 - whatever happens becomes a fact
            if self.debug:
                traceback.print_exc(file=sys.stderr)
            yield _failed(job, as_studio_error(error))


def _failed(job: AnyJob, error: StudioError) -> Ending:
    if isinstance(job, TrainJob):
        return ev.RunEnded(outcome="failed", run=job.run, failure=error.fact())
    return ev.JobEnded(outcome="failed", failure=error.fact())


def _is_plain_end(event: ev.Event) -> bool:
    """The pipe's mark behind an order says nothing that its own last event has not said."""
    return isinstance(event, ev.JobEnded) and event.outcome == "done"


def exit_code(ending: Ending) -> int:
    """The exit code for an ending; says on standard error why something failed, or ended before its time."""
    if ending.failure is not None:
        complain(describe(ending.failure))
    if ending.outcome == "failed":
        return WRONG_USAGE if ending.failure and ending.failure.code == UsageError.code() else FAILED
    return STOPPED if ending.outcome in ("paused", "discarded", "stopped") else DONE
